package turn

import (
	"math"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"nearlight/signaling"
)

// ledger counts allocations, and holds what sessions and addresses may carry.
//
// An allocation is known by its socket when it is opened, and by its client's address once the server's library tells of it; what is asked
// for at the same time by many connections of one address may exceed AllocationsPerAddress by as many.
type ledger struct {
	limits Limits

	mu       sync.Mutex
	count    int
	sessions map[signaling.SessionID]*account
	origins  map[netip.Prefix]*account
	relays   map[netip.AddrPort]*socket // by where they relay from
	clients  map[client]*socket         // by where their client sends from
	conns    map[netip.Prefix]int       // over TCP
	conned   int
}

// account is of a session or an address: what it holds, and what it may carry.
type account struct {
	held int
	rate *rate.Limiter
}

func newLedger(limits Limits) *ledger {
	return &ledger{
		limits: limits, sessions: make(map[signaling.SessionID]*account), origins: make(map[netip.Prefix]*account),
		relays: make(map[netip.AddrPort]*socket), clients: make(map[client]*socket),
		conns: make(map[netip.Prefix]int),
	}
}

// open adds one to an account, which is made if it is not there.
func open[K comparable](accounts map[K]*account, key K, octets int64) *account {
	a := accounts[key]
	if a == nil {
		a = &account{rate: rate.NewLimiter(rate.Limit(octets), int(min(octets, math.MaxInt32)))} // a second's worth at once
		accounts[key] = a
	}
	a.held++
	return a
}

// release takes one off; an account that holds nothing is forgotten.
func release[K comparable](accounts map[K]*account, key K) {
	if a := accounts[key]; a != nil {
		if a.held--; a.held <= 0 {
			delete(accounts, key)
		}
	}
}

// client is where an allocation's player sends from.
type client struct {
	network string
	at      netip.AddrPort
}

func clientOf(a net.Addr) client { return client{a.Network(), addrPort(a)} }

// addrPort is an address of UDP or TCP.
func addrPort(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		at = a.AddrPort()
	case *net.TCPAddr:
		at = a.AddrPort()
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// origin is what counts as one address: of IPv6 the network of a household.
func origin(a net.Addr) netip.Prefix {
	ip := addrPort(a).Addr()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{} // all that have no address are one
	}
	return p
}

// room reports whether there is room for another allocation.
func (l *ledger) room(session signaling.SessionID, from net.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.origins[origin(from)]; a != nil && a.held >= l.limits.AllocationsPerAddress {
		return false
	}
	return l.roomOf(session)
}

func (l *ledger) roomOf(session signaling.SessionID) bool {
	a := l.sessions[session]
	return l.count < l.limits.Allocations && (a == nil || a.held < l.limits.AllocationsPerSession)
}

// opened takes note of a relay's socket, or reports that there is no room for it.
func (l *ledger) opened(s *socket) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.roomOf(s.session) {
		return false
	}
	l.count++
	s.budget = open(l.sessions, s.session, l.limits.SessionRate).rate
	l.relays[s.at] = s
	return true
}

// created says who a socket is for, before anything is relayed.
func (l *ledger) created(from, relayed net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.relays[addrPort(relayed)]
	if s == nil {
		return
	}
	s.client, s.origin = clientOf(from), origin(from)
	s.shared.Store(open(l.origins, s.origin, l.limits.AddressRate).rate)
	l.clients[s.client] = s
}

// closed gives back what a socket held.
func (l *ledger) closed(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count--
	release(l.sessions, s.session)
	delete(l.relays, s.at)
	if s.client != (client{}) {
		release(l.origins, s.origin)
		if l.clients[s.client] == s {
			delete(l.clients, s.client)
		}
	}
}

// named reports whether the allocation of a client has a peer of that address.
func (l *ledger) named(from net.Addr, peer netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.clients[clientOf(from)]
	if s == nil {
		return false
	}
	for _, r := range s.routes {
		if r.named.Addr() == peer {
			return true
		}
	}
	return false
}

func (l *ledger) allocations() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.count)
}

// enter counts a connection over TCP, or reports that there is no room for it.
func (l *ledger) enter(from netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conned >= l.limits.Connections || l.conns[from] >= l.limits.ConnectionsPerAddress {
		return false
	}
	l.conned++
	l.conns[from]++
	return true
}

// leave takes one off.
func (l *ledger) leave(from netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conned--
	if l.conns[from]--; l.conns[from] <= 0 {
		delete(l.conns, from)
	}
}
