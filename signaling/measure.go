package signaling

import (
	"math"
	"net/netip"
	"time"
)

// MeasureTime is how long a player may take to measure: from Measure's arrival until Measured leaves. Signaling waits a while longer, for the way there
// and back, and then goes on without.
const MeasureTime = 400 * time.Millisecond

// Measure asks a player how far some edges are, before it is given one of them; Measured answers. Each is asked for by ICE's connectivity checks at its media port,
// under credentials that everybody knows. A player that does not answer is given one all the same.
type Measure struct {
	Round int          `json:"round"` // counts what one player was asked
	Edges List[Target] `json:"edges"`
}

// Target is an edge to be measured.
type Target struct {
	Edge EdgeID       `json:"edge"`
	At   List[string] `json:"at"` // ADDRESS:PORT each, one of each family at the most
}

// Measured is what a player has measured. An edge that is left out was not.
type Measured struct {
	Round int         `json:"round"` // of the question
	Edges List[Trips] `json:"edges"`
}

// Trips is what was measured of one edge.
type Trips struct {
	Edge       EdgeID        `json:"edge"`
	RoundTrips List[float64] `json:"roundTrips"` // milliseconds, in the order in which they came
	Failed     int           `json:"failed"`     // tries of which nothing came
}

func (Measure) kind() string  { return "measure" }
func (Measured) kind() string { return "measured" }

const (
	maxTargets  = 8 // what a browser measures at once
	maxTargetAt = 4
	maxTrips    = 16
	longestTrip = 10_000 // milliseconds
	maxFailed   = 1000
)

func (m Measure) check(c *checks) {
	c.round(m.Round)
	c.between("number of edges", len(m.Edges), 1, maxTargets)
	seen := make(map[EdgeID]bool, len(m.Edges))
	for _, target := range m.Edges {
		c.once(seen, target.Edge)
		c.between("number of addresses", len(target.At), 1, maxTargetAt)
		for _, at := range target.At {
			c.addressPort("at", at)
		}
	}
}

func (m Measured) check(c *checks) {
	c.round(m.Round)
	c.between("number of edges", len(m.Edges), 0, maxTargets)
	seen := make(map[EdgeID]bool, len(m.Edges))
	for _, trips := range m.Edges {
		c.once(seen, trips.Edge)
		c.between("number of round trips", len(trips.RoundTrips), 0, maxTrips)
		for _, ms := range trips.RoundTrips {
			if !(ms > 0 && ms <= longestTrip) { // or no number
				c.fail("a round trip is %v ms, want more than 0 and %d at most", ms, longestTrip)
			}
		}
		c.between("failed", trips.Failed, 0, maxFailed)
	}
}

func (c *checks) round(round int) { c.between("round", round, 1, math.MaxInt32) }

// once wants an edge's id, and that it comes once.
func (c *checks) once(seen map[EdgeID]bool, id EdgeID) {
	c.id("edge", string(id))
	if seen[id] {
		c.fail("edge %q appears twice", Cut(string(id), maxID))
	}
	seen[id] = true
}

// addressPort wants ADDRESS:PORT, without a zone.
func (c *checks) addressPort(name, at string) {
	if parsed, err := netip.ParseAddrPort(at); err != nil || parsed.Port() == 0 || parsed.Addr().Zone() != "" {
		c.fail("%s %q is not ADDRESS:PORT", name, Cut(at, maxName))
	}
}
