package turn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	pion "github.com/pion/turn/v5"
	"golang.org/x/time/rate"

	"nearlight/signaling"
)

// socket is an allocation's, towards its peers. It lets through what goes to them and comes from them, and drops the rest.
type socket struct {
	*net.UDPConn
	server  *Server
	session signaling.SessionID
	routes  []route
	at      netip.AddrPort // where it relays from, as peers see it

	budget *rate.Limiter                // the session's
	shared atomic.Pointer[rate.Limiter] // the client's address's; nil until the client is known
	client client                       // guarded by the ledger's mutex, as is origin
	origin netip.Prefix
	once   sync.Once
}

// sockets opens them. It implements pion.RelayAddressGenerator.
type sockets struct{ server *Server }

var _ pion.RelayAddressGenerator = (*sockets)(nil)

func (*sockets) Validate() error { return nil }

var errTCP = errors.New("turn: nothing is relayed to peers over TCP")

// AllocateListener refuses RFC 6062's relaying over TCP.
func (*sockets) AllocateListener(pion.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errTCP
}

// AllocateConn refuses it as well.
func (*sockets) AllocateConn(pion.AllocateConnConfig) (net.Conn, error) { return nil, errTCP }

// AllocatePacketConn opens an allocation's socket.
func (g *sockets) AllocatePacketConn(asked pion.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := g.server
	if asked.UserID == "" { // of an authenticated request for an even port: which are free is looked for, and the socket closed at once
		conn, err := s.bind(asked.Network, 0)
		if err != nil {
			return nil, nil, err
		}
		return conn, conn.LocalAddr(), nil
	}
	grant, err := s.config.Key.Verify(asked.UserID, s.config.Now())
	if err != nil {
		return nil, nil, err
	}
	var public netip.Addr
	for _, ip := range s.config.Advertise {
		if ip.Is4() == (asked.Network == "udp4") {
			public = ip
		}
	}
	if !public.IsValid() {
		return nil, nil, fmt.Errorf("turn: no address of %s", asked.Network)
	}
	conn, err := s.bind(asked.Network, asked.RequestedPort)
	if err != nil {
		return nil, nil, err
	}
	relayed := &net.UDPAddr{IP: public.AsSlice(), Port: conn.LocalAddr().(*net.UDPAddr).Port}
	made := &socket{UDPConn: conn, server: s, session: grant.Session, routes: s.routes(grant), at: addrPort(relayed)}
	if !s.keep(made) {
		return nil, nil, errors.Join(net.ErrClosed, conn.Close())
	}
	if !s.ledger.opened(made) {
		s.letGo(made)
		s.metrics.refused.WithLabelValues("quota").Inc()
		return nil, nil, errors.Join(errors.New("turn: too many allocations"), conn.Close())
	}
	s.metrics.allocated.Inc()
	return made, relayed, nil
}

// bindAttempts is how many ports of the range are tried.
const bindAttempts = 64

// bind opens a UDP socket on a port of the configured range.
func (s *Server) bind(network string, port int) (*net.UDPConn, error) {
	local := &net.UDPAddr{Port: port}
	if ip, err := netip.ParseAddr(s.host); err == nil && ip.Is4() == (network == "udp4") {
		local.IP, local.Zone = ip.WithZone("").AsSlice(), ip.Zone()
	}
	size := int(s.config.LastPort) - int(s.config.FirstPort) + 1
	if port != 0 || s.config.FirstPort == 0 {
		if port != 0 && s.config.FirstPort != 0 && (port < int(s.config.FirstPort) || port > int(s.config.LastPort)) {
			return nil, fmt.Errorf("turn: port %d is not among those that are relayed from", port)
		}
		return net.ListenUDP(network, local)
	}
	var err error
	start := rand.IntN(size)
	for i := range min(size, bindAttempts) {
		local.Port = int(s.config.FirstPort) + (start+i)%size
		var conn *net.UDPConn
		if conn, err = net.ListenUDP(network, local); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// allowed reports whether so many octets may be carried now.
func (s *socket) allowed(octets int) bool {
	now := s.server.config.Now()
	shared := s.shared.Load()
	if !s.budget.AllowN(now, octets) || shared != nil && !shared.AllowN(now, octets) {
		s.server.metrics.dropped.WithLabelValues("rate").Inc()
		return false
	}
	return true
}

// ReadFrom returns the next packet of a peer, and what its player calls the peer.
func (s *socket) ReadFrom(into []byte) (int, net.Addr, error) {
	for {
		n, from, err := s.ReadFromUDPAddrPort(into)
		if err != nil {
			return n, nil, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		for i := range s.routes {
			if s.routes[i].real == from {
				if !s.allowed(n) {
					break
				}
				s.server.metrics.fromPeers.Add(float64(n))
				return n, s.routes[i].told, nil
			}
		}
		s.server.metrics.dropped.WithLabelValues("from-peer").Inc()
	}
}

// WriteTo sends a player's packet to a peer. One for anybody else is dropped, as one that is too many: TURN has no answer to it.
func (s *socket) WriteTo(packet []byte, to net.Addr) (int, error) {
	at := addrPort(to)
	for i := range s.routes {
		if s.routes[i].named == at {
			if s.allowed(len(packet)) {
				s.server.metrics.toPeers.Add(float64(len(packet)))
				return s.WriteToUDPAddrPort(packet, s.routes[i].real)
			}
			return len(packet), nil
		}
	}
	s.server.metrics.dropped.WithLabelValues("to-peer").Inc()
	return len(packet), nil
}

// Close closes the socket; twice is the same as once.
func (s *socket) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		err = s.UDPConn.Close()
		s.server.ledger.closed(s)
		s.server.letGo(s)
	})
	return err
}
