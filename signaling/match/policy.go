package match

import (
	"math"
	"time"
)

// Policy says what is bad about a candidate. The sum of the terms is its cost; the lowest is the best.
type Policy interface {
	// Name is the policy's name in settings and results.
	Name() string
	// Terms appends the candidate's terms to a list. They depend on the candidate and the scale alone, and are numbers.
	Terms(list []Term, c *Measured, scale Scale) []Term
}

// Scale is what prices are compared with.
type Scale struct {
	Cheapest Price // the lowest one of the candidates that is not 0; 0 when all are free
}

// Term is one part of a candidate's cost.
type Term struct {
	Name string `json:"name"`
	Cost Cost   `json:"cost"`
}

// Cost is in milliseconds of round trip, or what is as bad as them.
type Cost float64

// The terms' names.
const (
	TermRoundTrip = "round trip"
	TermEstimate  = "round trip, by distance"
	TermJitter    = "jitter"
	TermLoss      = "loss"
	TermLoad      = "load"
	TermScore     = "score"
	TermPrice     = "price"
	TermInstall   = "installation"
)

// Policies returns every policy; the first is the default.
func Policies() []Policy { return []Policy{Balanced{}, Nearest{}, Cheapest{}} }

const (
	// jitterWeight is more than 1 because a stream has to wait for its latest packets, each time anew.
	jitterWeight = 2
	// lossWeight is the cost of losing everything: a percent of loss is as bad as 4 ms. Few tries tell little of it, so they count
	// as if lossDoubt more had come back.
	lossWeight = 400
	lossDoubt  = 20
	// installCost is that of waiting for an installation: more than any round trip.
	installCost Cost = 20_000
)

// linkTerms are those of the way between player and edge.
func linkTerms(list []Term, c *Measured) []Term {
	if !c.Link.Measured() {
		list = append(list, Term{TermEstimate, estimate(c.Distance)})
	} else {
		list = append(list, Term{TermRoundTrip, milliseconds(c.Link.RoundTrip)}, Term{TermJitter, jitterWeight * milliseconds(c.Link.Jitter)})
	}
	if c.Link.Failed > 0 {
		list = append(list, Term{TermLoss, lossWeight * Cost(c.Link.Failed) / Cost(c.Link.Failed+c.Link.Samples+lossDoubt)})
	}
	if !c.Installed {
		list = append(list, Term{TermInstall, installCost})
	}
	return list
}

// perMillisecond is how far away an edge is for each millisecond of round trip.
const perMillisecond = 200 / (2 * 1.5)

// estimate is the round trip over a distance, as cables lie: light takes 1 ms for 200 km of fibre, and cables are half as long
// again as the way on the ground.
func estimate(distance Kilometres) Cost {
	if !(distance >= 0) {
		distance = unknownDistance
	}
	return Cost(distance / perMillisecond)
}

func milliseconds(d time.Duration) Cost { return Cost(d) / Cost(time.Millisecond) }

// times is how many times the cheapest price c's is beyond the first: 0 for the cheapest. A price is no more than a thousand
// times another.
func (s Scale) times(p Price) float64 {
	if s.Cheapest == 0 || p <= s.Cheapest {
		return 0
	}
	return math.Min(float64(p)/float64(s.Cheapest), 1000) - 1
}
