package server

import (
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// door counts who is in, and lets nobody in who comes too often. It is safe for concurrent use.
type door struct {
	limits Limits

	mu       sync.Mutex
	inside   map[token.Role]int
	visitors map[netip.Addr]*visitor
}

// visitor is one address.
type visitor struct {
	inside   int
	requests *rate.Limiter
}

// maxVisitors is how many addresses are remembered before those that have been quiet are forgotten.
const maxVisitors = 16384

func newDoor(limits Limits) *door {
	return &door{limits: limits, inside: make(map[token.Role]int), visitors: make(map[netip.Addr]*visitor)}
}

// knock counts one request of an address and reports whether it is allowed.
func (d *door) knock(addr netip.Addr) *signaling.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.visitor(addr); v == nil || !v.requests.Allow() {
		return signaling.NewError(signaling.CodeRateLimited)
	}
	return nil
}

// enter is knock for a socket that will stay; leave undoes it.
func (d *door) enter(addr netip.Addr, role token.Role) *signaling.Error {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.visitor(addr)
	if v == nil || !v.requests.Allow() {
		return signaling.NewError(signaling.CodeRateLimited)
	}
	if v.inside >= d.limits.PerAddress {
		return signaling.Errorf(signaling.CodeRateLimited, "%d connections are open from your address already.", v.inside).
			WithHint("Close other tabs of this page, then try again.")
	}
	limit := d.limits.Players
	if role == token.Edge {
		limit = d.limits.Edges
	}
	if d.inside[role] >= limit {
		return signaling.Errorf(signaling.CodeFull, "This server has as many connections as it may hold.")
	}
	v.inside++
	d.inside[role]++
	return nil
}

func (d *door) leave(addr netip.Addr, role token.Role) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.visitors[block(addr)].inside--
	d.inside[role]--
}

// visitor returns the address's entry, nil when there is room for no more.
func (d *door) visitor(addr netip.Addr) *visitor {
	addr = block(addr)
	v := d.visitors[addr]
	if v != nil {
		return v
	}
	if len(d.visitors) >= maxVisitors {
		for other, v := range d.visitors {
			if v.inside == 0 && v.requests.Tokens() >= float64(d.limits.RequestBurst) {
				delete(d.visitors, other)
			}
		}
		if len(d.visitors) >= maxVisitors {
			return nil
		}
	}
	v = &visitor{requests: rate.NewLimiter(rate.Limit(d.limits.RequestRate), d.limits.RequestBurst)}
	d.visitors[addr] = v
	return v
}

// block is what one household or machine is usually given: an IPv4 address, or an IPv6 /64.
func block(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return addr
}

// remoteAddr is where the connection comes from; the zero Addr when that is no IP address.
func remoteAddr(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr()
}
