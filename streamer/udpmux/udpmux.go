// Package udpmux owns the sockets that media leaves by: one UDP port and one TCP port serve every session of an edge,
// so that an owner opens two ports and no range. Sessions are told apart by their ICE user fragment (RFC 8445 section 7).
//
// # Trains
//
// A [Flow] is the media of one connection. What its owner writes between Begin and End leaves as a train: in one call to the
// kernel, which cuts runs of equally long packets from one buffer (UDP_SEGMENT) where it can. That costs a sixth of a call for
// each packet, and the network card sees the train as one. Each packet's departure is reported by SSRC and sequence number at
// the instant when the kernel was given it, which is what a congestion controller has to know: time that a packet waits for us
// is not the network's.
//
// # TCP
//
// A connection over TCP takes what its network carries, and nobody waits for it: what the kernel does not take at once is handed over, a frame
// at most, and [Flow.Unsent] says how much has not left yet, so that the next frame is not made before there is room for it. Its packets
// count as departed when they were written: what waits is the network's queue, which TCP keeps at this end.
//
// # Concurrency
//
// All methods are safe for concurrent use.
package udpmux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
)

// Socket buffers, in bytes. A keyframe of 100 KB leaves as one burst, and a burst of acknowledgements arrives while the
// edge encodes: both must fit. The kernel caps them at net.core.[rw]mem_max.
const (
	SendBuffer    = 4 << 20
	ReceiveBuffer = 1 << 20
)

// tcpReadQueue bounds the packets that wait in one slow TCP peer's queue.
const tcpReadQueue = 64

// Config opens the ports.
type Config struct {
	// Address is the address to listen on: a loopback address for this machine only, an unspecified one for every interface, of
	// IPv4 and IPv6.
	Address netip.Addr
	// Also are further addresses for UDP; TCP listens at the first of each family.
	Also []netip.Addr
	// OwnOnly keeps other machines out. Firefox pairs none of its addresses with a loopback one (nICEr), so that an edge for this
	// machine's players alone has to listen at the others as well.
	OwnOnly bool
	// Port is the number of both ports; 0 lets the system choose (the two then differ).
	Port uint16
	// Advertise is where players reach the ports, if not at their own addresses: behind a router that forwards them.
	Advertise netip.AddrPort
	// Loggers names the sink of the ICE agents' messages.
	Loggers logging.LoggerFactory
}

// Ports are the open sockets.
type Ports struct {
	UDP ice.UDPMux
	TCP ice.TCPMux

	addresses []netip.AddrPort
	advertise netip.AddrPort
	counters  counters
	egress    egress
	first     *socket
}

type counters struct {
	packetsSent, bytesSent, sendErrors, packetsReceived, lost atomic.Uint64
}

// Counters are totals since the ports were opened, of the UDP sockets but for TCPLost.
type Counters struct {
	PacketsSent, BytesSent, SendErrors, PacketsReceived uint64
	// TCPLost counts media packets that found no room before a TCP peer that took nothing.
	TCPLost uint64
}

// Counters reads the totals.
func (p *Ports) Counters() Counters {
	return Counters{
		PacketsSent: p.counters.packetsSent.Load(), BytesSent: p.counters.bytesSent.Load(),
		SendErrors: p.counters.sendErrors.Load(), PacketsReceived: p.counters.packetsReceived.Load(),
		TCPLost: p.counters.lost.Load(),
	}
}

// Addresses are the UDP sockets' own addresses, at least one.
func (p *Ports) Addresses() []netip.AddrPort { return slices.Clone(p.addresses) }

// Advertised is where players reach the ports, if not at Addresses.
func (p *Ports) Advertised() netip.AddrPort { return p.advertise }

// Open binds the sockets. When the port is taken, the error says so and names it.
func Open(config Config) (*Ports, error) {
	locals := append([]netip.Addr{config.Address}, config.Also...)
	if config.Address.IsUnspecified() {
		var err error
		if locals, err = InterfaceAddresses(); err != nil {
			return nil, err
		}
		if len(locals) == 0 {
			return nil, errors.New("no network interface has an address: connect one, or listen on 127.0.0.1")
		}
	}
	var peers []netip.Addr // nil: anybody
	if config.OwnOnly {
		peers = locals
	}
	ports := &Ports{advertise: config.Advertise}
	var muxes []ice.UDPMux
	closeAll := func() {
		for _, mux := range muxes {
			_ = mux.Close() // another error is already on its way to the caller
		}
	}
	port := config.Port
	for _, local := range locals {
		socket, err := openSocket(netip.AddrPortFrom(local, port), peers, &ports.egress, &ports.counters)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && local != config.Address {
			continue // gone since it was listed, or IPv6 has yet to find out whether others have it
		}
		if err != nil {
			closeAll()
			return nil, err
		}
		if ports.first == nil {
			ports.first = socket
		}
		port = socket.address.Port() // one number on every interface
		ports.addresses = append(ports.addresses, socket.address)
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{
			UDPConn: socket,
			Logger:  config.Loggers.NewLogger("udpmux"),
		}))
	}
	tcp, err := openTCP(config, locals, &ports.egress, &ports.counters)
	if err != nil {
		closeAll()
		return nil, err
	}
	ports.UDP, ports.TCP = lastingMux{ice.NewMultiUDPMuxDefault(muxes...)}, tcp
	return ports, nil
}

// Close closes the sockets; sessions that still use them fail.
func (p *Ports) Close() error { return errors.Join(p.UDP.Close(), p.TCP.Close()) }

// InterfaceAddresses lists this machine's unicast addresses, loopback and link-local ones left out. There may be none.
func InterfaceAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var locals []netip.Addr
	for _, address := range all {
		network, ok := address.(*net.IPNet)
		if !ok {
			continue
		}
		local, ok := netip.AddrFromSlice(network.IP)
		if local = local.Unmap(); ok && local.IsGlobalUnicast() {
			locals = append(locals, local)
		}
	}
	return locals, nil
}
