package udpmux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
)

// socket is a UDP socket whose traffic is counted and whose media leaves by flows. It keeps *net.UDPConn's allocation-free methods.
type socket struct {
	*net.UDPConn
	raw      syscall.RawConn
	address  netip.AddrPort
	peers    []netip.Addr // whose packets are taken, by an address that is no loopback one; nil: anybody's
	egress   *egress
	counters *counters
	probes   *prober
	// plain is set once the kernel or its network card has refused to cut a buffer into packets.
	plain atomic.Bool
}

// openSocket binds a UDP socket for media; port 0 lets the system choose. Where peers is not nil it is the addresses of this machine,
// and nobody else is spoken with.
func openSocket(local netip.AddrPort, peers []netip.Addr, egress *egress, counters *counters) (_ *socket, err error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(local))
	if err != nil {
		return nil, fmt.Errorf("open UDP port %d on %v for media: %w", local.Port(), local.Addr(), err)
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	for _, size := range []error{conn.SetWriteBuffer(SendBuffer), conn.SetReadBuffer(ReceiveBuffer)} {
		if size != nil {
			return nil, fmt.Errorf("size the media socket's buffers: %w", size)
		}
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &socket{
		UDPConn: conn, raw: raw, address: conn.LocalAddr().(*net.UDPAddr).AddrPort(), peers: peers, egress: egress, counters: counters, probes: newProber(),
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = s.prepare(int(fd)) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, fmt.Errorf("mark the media socket's packets as interactive video: %w", os.NewSyscallError("setsockopt", failed))
	}
	return s, nil
}

// is4 reports whether the socket speaks IPv4.
func (s *socket) is4() bool { return s.address.Addr().Unmap().Is4() }

// errElsewhere is what a socket for this machine alone answers to what is for another.
var errElsewhere = errors.New("the address is not one that this socket may speak with")

func (s *socket) WriteToAddrPort(data []byte, to netip.AddrPort) (int, error) {
	if !s.takes(to.Addr().Unmap()) {
		return 0, errElsewhere
	}
	if flow := s.egress.flow(data); flow != nil {
		return flow.write(s, data, to)
	}
	n, err := s.UDPConn.WriteToUDPAddrPort(data, to)
	s.sent(1, n, err)
	return n, err
}

func (s *socket) WriteTo(data []byte, to net.Addr) (int, error) {
	if address, is := to.(*net.UDPAddr); is {
		return s.WriteToAddrPort(data, address.AddrPort())
	}
	n, err := s.UDPConn.WriteTo(data, to)
	s.sent(1, n, err)
	return n, err
}

// sent counts packets that left, or an attempt that failed.
func (s *socket) sent(packets, bytes int, err error) {
	if err != nil {
		s.counters.sendErrors.Add(1)
		return
	}
	s.counters.packetsSent.Add(uint64(packets))
	s.counters.bytesSent.Add(uint64(bytes))
}

// ReadFromAddrPort is called by the mux alone, one call at a time. Probes are answered here.
func (s *socket) ReadFromAddrPort(data []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := s.UDPConn.ReadFromUDPAddrPort(data)
		if err != nil {
			return n, from, err
		}
		if !s.takes(from.Addr().Unmap()) {
			continue
		}
		s.counters.packetsReceived.Add(1)
		answer, probe := s.probes.answer(data[:n], from)
		if !probe {
			return n, from, nil
		}
		if answer == nil {
			continue
		}
		n, err = s.UDPConn.WriteToUDPAddrPort(answer, from)
		s.sent(1, n, err) // one that cannot be sent is lost, as any may be
	}
}

// takes reports whether address may be spoken with. A loopback address is for others of its kind: a browser that hears from one on a
// socket of another interface does not believe it (nICEr), and the connection would be left to a pair that only we believe in.
func (s *socket) takes(address netip.Addr) bool {
	switch {
	case s.peers == nil:
		return true
	case s.address.Addr().IsLoopback():
		return address.IsLoopback()
	default:
		return slices.Contains(s.peers, address)
	}
}
