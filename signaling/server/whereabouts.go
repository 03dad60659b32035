package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"slices"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// Location is what is known of an address. The zero value is nothing.
type Location struct {
	Near    *match.Near // nil: nobody knows where it is
	Network string      // such as "AS64500"; "": unknown
}

// vague is how wrong an edge's place may be and still count: beyond it, it says less than nothing of who is near.
const vague match.Kilometres = 250

// scope is from where an address is reached.
type scope uint8

const (
	machine scope = iota // the same machine
	site                 // the same local network, or what a provider has behind one address
	world
)

var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func scopeOf(a netip.Addr) scope {
	a = a.Unmap()
	switch {
	case a.IsLoopback():
		return machine
	case a.IsPrivate(), a.IsLinkLocalUnicast(), sharedAddresses.Contains(a):
		return site
	}
	return world // an unknown one too
}

// ways are where others may reach the edge's media port, as it has registered: the first of each family and scope. An address of a local network
// means something else in every one, so it counts for an edge of ours alone: one that has reached signaling by such a network.
func (r Reach) ways() []netip.AddrPort {
	type kind struct {
		four  bool
		scope scope
	}
	var ways []netip.AddrPort
	seen := make(map[kind]bool)
	for _, at := range r.Media {
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		k := kind{at.Addr().Is4(), scopeOf(at.Addr())}
		if seen[k] || at.Addr().IsUnspecified() || at.Addr().IsMulticast() || scopeOf(r.From) > k.scope {
			continue
		}
		seen[k] = true
		ways = append(ways, at)
	}
	return ways
}

// waysFor are those that somebody at an address may reach, one of each family.
func waysFor(from netip.Addr, ways []netip.AddrPort) signaling.List[string] {
	var at signaling.List[string]
	for _, four := range []bool{true, false} {
		if i := slices.IndexFunc(ways, func(way netip.AddrPort) bool {
			return way.Addr().Is4() == four && scopeOf(way.Addr()) >= scopeOf(from)
		}); i >= 0 {
			at = append(at, ways[i].String())
		}
	}
	return at
}

// standpoint is the address that tells where an edge is: of its port, where the world reaches it there, or else of its connection.
func (r Reach) standpoint() netip.Addr {
	for _, at := range r.Media {
		if scopeOf(at.Addr()) == world {
			return at.Addr()
		}
	}
	return r.From
}

// placeOf is where an edge counts as being: by its own word, unless checkers have found that to be impossible, or else by its address; nil where nobody knows well enough.
func placeOf(own, byAddress *signaling.Place, said Whereabouts) *match.Place {
	at := own
	if at == nil || said == Impossible {
		at = byAddress
	}
	if at == nil || match.Kilometres(at.Radius) > vague {
		return nil
	}
	return &match.Place{Latitude: at.Latitude, Longitude: at.Longitude}
}

// placeByAddress is where an edge is by its address; nil where nobody knows.
func placeByAddress(found Location) *signaling.Place {
	if found.Near == nil {
		return nil
	}
	place := &signaling.Place{Latitude: found.Near.Latitude, Longitude: found.Near.Longitude, Radius: float64(found.Near.Uncertainty)}
	if (signaling.Traits{Place: place}).Check() != nil { // other nodes would not believe it
		return nil
	}
	return place
}

// networks names players' networks for memory, so that what is remembered does not tell whose they are.
type networks struct{ secret [sha256.Size]byte }

func newNetworks() *networks {
	n := &networks{}
	_, _ = rand.Read(n.secret[:]) // it does not fail
	return n
}

// key names the network of an address. ok is false where the address is unknown.
func (n *networks) key(a netip.Addr, operator string) (key match.NetworkKey, ok bool) {
	bits := 24
	if a = a.Unmap(); a.Is6() {
		bits = 48
	}
	prefix, err := a.WithZone("").Prefix(bits)
	if err != nil || !prefix.IsValid() {
		return key, false
	}
	sum := hmac.New(sha256.New, n.secret[:])
	sum.Write(prefix.Addr().AsSlice())
	sum.Write([]byte(operator))
	copy(key[:], sum.Sum(nil))
	return key, true
}
