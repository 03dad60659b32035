package viewer

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
)

// What Chromium says of its network in a check, in an attribute of its own: which of its networks it is, and what it costs. These are of a page that may not know
// its networks.
const (
	attrNetworkInfo    = stun.AttrType(0xc057)
	browserNetwork     = 0
	browserCost        = 999
	browserPreference4 = 30 // of addresses of IPv4
	browserPreference6 = 50
	typePeerReflexive  = 110
	typeHost           = 126
)

// browserNet is the machine's network, with UDP sockets whose connectivity checks are a browser's.
type browserNet struct {
	*stdnet.Net
	password atomic.Pointer[string] // the edge's; nil before its offer
	trips    trips
}

func newBrowserNet() (*browserNet, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, fmt.Errorf("look at the network's interfaces: %w", err)
	}
	return &browserNet{Net: n}, nil
}

// learn takes the edge's password from its offer: without one, checks stay pion's.
func (n *browserNet) learn(offer string) {
	for line := range strings.Lines(offer) {
		if password, is := strings.CutPrefix(strings.TrimSpace(line), "a=ice-pwd:"); is {
			n.password.Store(&password)
			return
		}
	}
}

// ListenUDP implements transport.Net.
func (n *browserNet) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := net.ListenUDP(network, address)
	if err != nil {
		return nil, err
	}
	return &browserConn{UDPConn: conn, net: n, ways: make(map[netip.AddrPort]*checkedWay)}, nil
}

// browserConn is a socket of it.
type browserConn struct {
	*net.UDPConn
	net *browserNet

	mu     sync.Mutex
	ways   map[netip.AddrPort]*checkedWay // few: as many as the edge has candidates
	closed bool
	said   greeting
}

// WriteTo implements net.PacketConn.
func (c *browserConn) WriteTo(data []byte, to net.Addr) (int, error) {
	address, is := to.(*net.UDPAddr)
	if !is {
		return c.UDPConn.WriteTo(data, to)
	}
	var err error
	switch password := c.net.password.Load(); {
	case isHello(data):
		err = c.greet(data, address)
	case password != nil && isCheck(data):
		check, failed := browserCheck(data, *password, address.IP.To4() != nil)
		if failed != nil {
			return c.UDPConn.WriteTo(data, to) // is no check of this connection
		}
		err = c.check(check, address.AddrPort())
	default:
		return c.UDPConn.WriteTo(data, to)
	}
	if err != nil {
		return 0, err
	}
	return len(data), nil
}

// greet sends a hello in a browser's datagrams.
func (c *browserConn) greet(data []byte, to *net.UDPAddr) error {
	c.mu.Lock()
	datagrams, err := c.said.take(data)
	c.mu.Unlock()
	for _, datagram := range datagrams {
		if _, failed := c.UDPConn.WriteTo(datagram, to); failed != nil {
			return failed
		}
	}
	return err
}

// Close implements net.PacketConn. Checks that wait for their time are forgotten.
func (c *browserConn) Close() error {
	c.mu.Lock()
	c.closed = true
	for _, way := range c.ways {
		if way.timer != nil {
			way.timer.Stop()
		}
	}
	c.mu.Unlock()
	return c.UDPConn.Close()
}

// ReadFromAddrPort reads one datagram.
func (c *browserConn) ReadFromAddrPort(data []byte) (int, netip.AddrPort, error) {
	n, from, err := c.UDPConn.ReadFromUDPAddrPort(data)
	if err == nil {
		c.net.trips.answered(data[:n], time.Now())
	}
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), err
}

// ReadFrom implements net.PacketConn.
func (c *browserConn) ReadFrom(data []byte) (int, net.Addr, error) {
	n, from, err := c.UDPConn.ReadFrom(data)
	if err == nil {
		c.net.trips.answered(data[:n], time.Now())
	}
	return n, from, err
}

// trips measures checks from when they leave: pion counts from when it wanted them to. Nobody can answer one that he has not seen, since each has a
// name of chance.
type trips struct {
	mu     sync.Mutex
	asks   [keptTrips]ask
	count  int
	newest time.Duration
}

// keptTrips is how many checks may wait for an answer.
const keptTrips = 16

type ask struct {
	id [stun.TransactionIDSize]byte
	at time.Time // zero once answered
}

// transaction is a message's name.
func transaction(message []byte) (id [stun.TransactionIDSize]byte) {
	copy(id[:], message[8:])
	return id
}

func (t *trips) asked(check []byte, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asks[t.count%keptTrips] = ask{transaction(check), now}
	t.count++
}

func (t *trips) answered(data []byte, now time.Time) {
	if !stun.IsMessage(data) || binary.BigEndian.Uint16(data) != stun.BindingSuccess.Value() {
		return
	}
	id := transaction(data)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.asks {
		if a := &t.asks[i]; !a.at.IsZero() && a.id == id {
			t.newest, a.at = now.Sub(a.at), time.Time{}
		}
	}
}

func (t *trips) last() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest
}

// isCheck reports whether a datagram is a STUN binding request with a user's name, as ICE's checks have (RFC 8445 section 7.2.2).
func isCheck(data []byte) bool {
	return stun.IsMessage(data) && binary.BigEndian.Uint16(data) == stun.BindingRequest.Value() && len(data) > 22 &&
		stun.AttrType(binary.BigEndian.Uint16(data[20:])) == stun.AttrUsername
}

// browserCheck says the same as a check of pion's, in a browser's order and with what a browser says besides.
func browserCheck(data []byte, password string, v4 bool) ([]byte, error) {
	m := &stun.Message{Raw: append([]byte(nil), data...)}
	if err := m.Decode(); err != nil {
		return nil, err
	}
	user, err := m.Get(stun.AttrUsername)
	if err != nil {
		return nil, err
	}
	tie, err := m.Get(stun.AttrICEControlled)
	if err != nil {
		return nil, err // the edge offers, and controls
	}
	setters := []stun.Setter{
		stun.NewTransactionIDSetter(m.TransactionID), stun.BindingRequest,
		stun.RawAttribute{Type: stun.AttrUsername, Value: user},
		stun.RawAttribute{Type: attrNetworkInfo, Value: binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, browserNetwork), browserCost)},
		stun.RawAttribute{Type: stun.AttrICEControlled, Value: tie},
		stun.RawAttribute{Type: stun.AttrPriority, Value: binary.BigEndian.AppendUint32(nil, priority(typePeerReflexive, v4))},
		stun.NewShortTermIntegrity(password), stun.Fingerprint,
	}
	built, err := stun.Build(setters...)
	if err != nil {
		return nil, err
	}
	return built.Raw, nil
}

// priority is of the first component, by RFC 8445 section 5.1.2.1.
func priority(kind uint32, v4 bool) uint32 {
	preference := uint32(browserPreference6)
	if v4 {
		preference = browserPreference4
	}
	return kind<<24 | preference<<8 | 0xff
}
