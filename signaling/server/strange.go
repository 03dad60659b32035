package server

import (
	"net/netip"
	"unicode/utf8"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// What another node may tell of. Nodes trust each other, but a bus may be shared, and nodes may be of different versions: what does not fit is
// dropped and counted.
const (
	maxNodes     = 256
	maxNodeID    = 64
	maxEdgeSlots = 64 // as the wire has it
	maxTold      = 64 // apps of a catalogue, codecs of an edge
	maxWays      = 6  // of two families and three scopes
	maxNetwork   = 32
)

func wellFormedID(id string, most int) bool {
	if len(id) == 0 || len(id) > most {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// fits reports whether an edge can be what another node tells of it.
func (p presentEdge) fits(apps []signaling.App) bool {
	if !wellFormedID(string(p.ID), maxNodeID) || len(p.Name) > maxNodeID || !utf8.ValidString(p.Name) {
		return false
	}
	if p.Slots < 1 || p.Slots > maxEdgeSlots || p.Free < 0 || p.Free > p.Slots || p.Since < 0 {
		return false
	}
	if p.Players < 0 || p.Players > p.Slots {
		return false
	}
	if len(p.Network) > maxNetwork || !utf8.ValidString(p.Network) || p.Traits.Check() != nil || (signaling.Traits{Place: p.Found}).Check() != nil {
		return false
	}
	if _, err := identity.ParseAddress(p.Root); p.Root != "" && err != nil {
		return false
	}
	return len(p.Codecs) > 0 && len(p.Codecs) <= maxTold && len(apps) <= maxTold
}

// parsedWays reads where an edge may be measured, false for what is no list of addresses.
func (p presentEdge) parsedWays() ([]netip.AddrPort, bool) {
	if len(p.Ways) > maxWays {
		return nil, false
	}
	ways := make([]netip.AddrPort, 0, len(p.Ways))
	for _, text := range p.Ways {
		way, err := netip.ParseAddrPort(text)
		if err != nil || way.Port() == 0 || way.Addr().Zone() != "" {
			return nil, false
		}
		ways = append(ways, way)
	}
	return ways, true
}
