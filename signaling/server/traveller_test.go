package server

import (
	"net/netip"
	"slices"

	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

var (
	berlin  = match.Place{Latitude: 52.52, Longitude: 13.40}
	lyon    = match.Place{Latitude: 45.76, Longitude: 4.84}
	newYork = match.Place{Latitude: 40.71, Longitude: -74.01}
	sydney  = match.Place{Latitude: -33.87, Longitude: 151.21}
)

// rigAt is a machine at a place, whose media port is at an address that nothing else has.
func (c *city) rigAt(n *nodeUnderTest, at match.Place, change func(*signaling.Register)) *rig {
	m := c.rig(1)
	number := len(n.edges) + 100*slices.Index(c.nodes, n)
	m.extra = func(register *signaling.Register) {
		register.Place = &signaling.Place{Latitude: at.Latitude, Longitude: at.Longitude}
		register.Media = []string{netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(number >> 8), byte(number)}), 9000).String()}
		if change != nil {
			change(register)
		}
	}
	m.connect(n)
	return m
}

// traveller is a player with a page that measures, at an address that is thought to be somewhere.
func (c *city) traveller(n *nodeUnderTest, name string, thought match.Place, change func(*signaling.Play, *token.Claims)) *gamer {
	c.Helper()
	g := &gamer{recorder: &recorder{}, node: n, as: claimsOf(name)}
	g.player = n.join(g.recorder, n.log)
	n.mu.Lock()
	g.player.from = netip.MustParseAddr("198.51.100.7")
	g.player.location = Location{Near: &match.Near{Place: thought, Uncertainty: 20}, Network: "AS64496"}
	n.mu.Unlock()
	m := signaling.Play{Token: name, App: "tux", Codecs: []string{"h264"}, Wait: true, Measures: true}
	if change != nil {
		change(&m, &g.as)
	}
	if err := n.play(g.player, m, g.as); err != nil {
		g.recorder.end(err)
	}
	return g
}

// answers has a player measure these round trips, in milliseconds, three times each.
func (c *city) answers(g *gamer, question signaling.Measure, trip func(signaling.EdgeID) float64) {
	c.Helper()
	answer := signaling.Measured{Round: question.Round}
	for _, target := range question.Edges {
		ms := trip(target.Edge)
		if ms <= 0 {
			answer.Edges = append(answer.Edges, signaling.Trips{Edge: target.Edge, Failed: 3})
			continue
		}
		answer.Edges = append(answer.Edges, signaling.Trips{Edge: target.Edge, RoundTrips: []float64{ms + 1, ms, ms + 1}})
	}
	if err := g.node.measured(g.player, answer); err != nil {
		g.recorder.end(err)
	}
}

func (c *city) asked(g *gamer) signaling.Measure {
	c.Helper()
	return c.heard(g, "measure")[0].(signaling.Measure)
}

// given is the edge that a player has got.
func (c *city) given(g *gamer) signaling.Matched {
	c.Helper()
	return c.heard(g, "matched", "offer")[0].(signaling.Matched)
}
