package viewer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
	"golang.org/x/sys/unix"
)

// ecnFields remembers the ECN fields of the packets that came lately, by what is legible of RTP packets before they are decrypted. Who can
// send to our port can make entries, as whoever carries packets can change their field.
type ecnFields struct {
	mu      sync.Mutex
	entries [ecnEntries]ecnEntry
}

// ecnEntries is how many packets may come before the first of them has been decrypted. A power of two.
const ecnEntries = 2048

type ecnEntry struct {
	ssrc     uint32
	sequence uint16
	ecn      rtcp.ECN
}

func (f *ecnFields) at(ssrc uint32, sequence uint16) *ecnEntry {
	return &f.entries[(ssrc+uint32(sequence))%ecnEntries]
}

// datagram takes one as it came, with the ECN field of its IP header.
func (f *ecnFields) datagram(data []byte, ecn rtcp.ECN) {
	const rtpHeader = 12
	if len(data) < rtpHeader || data[0]>>6 != 2 {
		return // not RTP (RFC 9443 section 3)
	}
	ssrc, sequence := binary.BigEndian.Uint32(data[8:]), binary.BigEndian.Uint16(data[2:])
	f.mu.Lock()
	defer f.mu.Unlock()
	*f.at(ssrc, sequence) = ecnEntry{ssrc, sequence, ecn}
}

// of is the ECN field that a packet came with, NonECT when it is not known.
func (f *ecnFields) of(ssrc uint32, sequence uint16) rtcp.ECN {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.at(ssrc, sequence); e.ssrc == ssrc && e.sequence == sequence {
		return e.ecn
	}
	return rtcp.ECNNonECT
}

// ecnNet is the machine's network, with UDP sockets that tell each datagram's ECN field.
type ecnNet struct {
	*stdnet.Net
	fields *ecnFields
}

func newECNNet(fields *ecnFields) (*ecnNet, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("look at the network's interfaces: %w", err)
	}
	return &ecnNet{n, fields}, nil
}

// ListenUDP implements transport.Net.
func (n *ecnNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(network, address)
	if err != nil {
		return nil, err
	}
	if address.IP.IsMulticast() {
		return conn, nil // is for mDNS, which takes nothing but a plain socket
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = askForECN(raw)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ask for the ECN field of what comes: %w", err), conn.Close())
	}
	return &ecnConn{conn, n.fields}, nil
}

// askForECN has a socket tell the traffic class of what comes; one of IPv4 knows nothing of IPv6's.
func askForECN(raw syscall.RawConn) error {
	var four, six error
	if err := raw.Control(func(fd uintptr) {
		four = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
		six = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
	}); err != nil {
		return err
	}
	if four != nil && six != nil {
		return errors.Join(four, six)
	}
	return nil
}

// ecnConn is a socket whose datagrams' ECN fields are remembered.
type ecnConn struct {
	*net.UDPConn
	fields *ecnFields
}

// ancillary has room for one traffic class, and for what else a kernel may tell.
type ancillary [128]byte

var ancillaries = sync.Pool{New: func() any { return new(ancillary) }}

// ReadFromAddrPort reads one datagram, without allocation.
func (c *ecnConn) ReadFromAddrPort(data []byte) (int, netip.AddrPort, error) {
	extra := ancillaries.Get().(*ancillary)
	defer ancillaries.Put(extra)
	n, used, _, from, err := c.UDPConn.ReadMsgUDPAddrPort(data, extra[:])
	if err != nil {
		return n, from, err
	}
	c.fields.datagram(data[:n], ecnOf(extra[:used]))
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), nil
}

// WriteToAddrPort sends one datagram.
func (c *ecnConn) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	return c.UDPConn.WriteToUDPAddrPort(data, to)
}

// ReadFrom implements net.PacketConn.
func (c *ecnConn) ReadFrom(data []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDP(data)
	if err != nil {
		return n, nil, err
	}
	return n, from, nil
}

// ReadFromUDP is ReadFrom.
func (c *ecnConn) ReadFromUDP(data []byte) (int, *net.UDPAddr, error) {
	n, from, err := c.ReadFromAddrPort(data)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ecnOf finds the ECN field in what the kernel tells beside a datagram.
func ecnOf(extra []byte) rtcp.ECN {
	for len(extra) >= unix.SizeofCmsghdr {
		header, value, rest, err := unix.ParseOneSocketControlMessage(extra)
		if err != nil {
			break
		}
		switch {
		case header.Level == unix.IPPROTO_IP && header.Type == unix.IP_TOS && len(value) >= 1:
			return rtcp.ECN(value[0] & 3)
		case header.Level == unix.IPPROTO_IPV6 && header.Type == unix.IPV6_TCLASS && len(value) >= 4:
			return rtcp.ECN(binary.NativeEndian.Uint32(value) & 3)
		}
		extra = rest
	}
	return rtcp.ECNNonECT
}
