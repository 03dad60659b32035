package match

import (
	"cmp"
	"math"
	"slices"
	"time"

	"nearlight/signaling"
)

// A player is sent to another edge than the one it has, or had last, when that is clearly better only: by switchCost and by a third. Otherwise
// two edges that are about as good would take turns. (The rule of Tailscale's netcheck for its relays.)
const (
	switchCost  Cost = 10
	switchRatio      = 2.0 / 3
)

// Ranking is what Rank needs besides policy and candidates.
type Ranking struct {
	// Keep is the edge that the player has, or had last, which it leaves for one that is clearly better only; "": none.
	Keep signaling.EdgeID
	// Salt decides among candidates that are alike: a random number, the same for as long as the order is to stay.
	Salt uint64
}

// Ranked is a candidate in its place.
type Ranked struct {
	Measured
	Terms []Term
	Cost  Cost // the sum of the terms
	Kept  bool // it comes first although the next one is better, if not clearly
}

// Rank orders candidates by a policy, best first: those that were measured, then those that were not, then those of which every try failed. All
// stay usable. Of those whose costs are equal to the millisecond, which is less than two measurements of one way differ by, those come first whose place is Consistent. The order depends neither on that of the argument nor on chance, other than by the salt.
func Rank(policy Policy, candidates []Measured, ranking Ranking) []Ranked {
	var scale Scale
	for i := range candidates {
		if p := candidates[i].Price; p > 0 && (scale.Cheapest == 0 || p < scale.Cheapest) {
			scale.Cheapest = p
		}
	}
	ranked := make([]Ranked, len(candidates))
	const room = 8
	terms := make([]Term, 0, room*len(candidates))
	for i := range candidates {
		from := len(terms)
		terms = policy.Terms(terms, &candidates[i], scale)
		own := terms[from:len(terms):len(terms)]
		ranked[i] = Ranked{Measured: candidates[i], Terms: own, Cost: sum(own)}
	}
	slices.SortFunc(ranked, func(a, b Ranked) int {
		return cmp.Or(
			cmp.Compare(a.class(), b.class()), cmp.Compare(math.Floor(float64(a.Cost)), math.Floor(float64(b.Cost))), first(a.Consistent, b.Consistent), cmp.Compare(a.Cost, b.Cost),
			cmp.Compare(ranking.lot(a.Edge), ranking.lot(b.Edge)), cmp.Compare(a.Edge, b.Edge),
		)
	})
	ranking.keep(ranked)
	return ranked
}

// first puts a before b, for slices.SortFunc, where it alone has something.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// class is 0 for a candidate that was measured, 1 for one that was not tried, 2 for one that did not answer.
func (r *Ranked) class() int {
	switch {
	case r.Link.Measured():
		return 0
	case r.Link.Failed == 0:
		return 1
	}
	return 2
}

func (r Ranking) lot(id signaling.EdgeID) uint64 { return mix(hashOf(string(id)) ^ r.Salt) }

// keep moves the edge that the player has to the first place, unless the one there is clearly better.
func (r Ranking) keep(ranked []Ranked) {
	if r.Keep == "" {
		return
	}
	at := slices.IndexFunc(ranked, func(c Ranked) bool { return c.Edge == r.Keep })
	if at <= 0 || ranked[at].class() != ranked[0].class() || better(ranked[0].Cost, ranked[at].Cost) {
		return
	}
	kept := ranked[at]
	kept.Kept = ranked[0].Cost < kept.Cost
	copy(ranked[1:], ranked[:at])
	ranked[0] = kept
}

// better reports whether a cost is clearly better than the one that the player has.
func better(cost, kept Cost) bool { return cost <= kept-switchCost && cost <= kept*switchRatio }

func sum(terms []Term) (cost Cost) {
	for _, t := range terms {
		cost += t.Cost
	}
	return cost
}

const (
	// historyLength is how long a link counts, and historySize how many of an edge are kept: one measured each twenty seconds.
	historyLength = 5 * time.Minute
	historySize   = 16
	// historyEdges bounds the edges of a history. The one that was measured longest ago makes room.
	historyEdges = 4 * MaxCandidates
)

// History is what one player measured lately. What counts for an edge is its best link of five minutes, so that a moment in which
// something else was downloaded moves nobody. The zero value is empty. One owner calls one method at a time.
type History struct {
	edges map[signaling.EdgeID][]dated
}

type dated struct {
	at   time.Time
	link Link
}

// Add takes note of a link. Links are added in the order of time.
func (h *History) Add(now time.Time, id signaling.EdgeID, link Link) {
	if !link.Measured() {
		return
	}
	if h.edges == nil {
		h.edges = make(map[signaling.EdgeID][]dated)
	}
	links, known := h.edges[id]
	if !known && len(h.edges) == historyEdges {
		h.forgetOldest()
	}
	if len(links) == historySize {
		links = slices.Delete(links, 0, 1)
	}
	h.edges[id] = append(links, dated{now, link})
}

func (h *History) forgetOldest() {
	var oldest signaling.EdgeID
	var at time.Time
	for id, links := range h.edges {
		last := links[len(links)-1].at
		if oldest == "" || last.Before(at) || last.Equal(at) && id < oldest {
			oldest, at = id, last
		}
	}
	delete(h.edges, oldest)
}

// Best returns the link to count for an edge now: the one with the shortest round trip of the last five minutes.
func (h *History) Best(now time.Time, id signaling.EdgeID) (Link, bool) {
	var best Link
	for _, d := range h.edges[id] {
		if now.Sub(d.at) < historyLength && (!best.Measured() || d.link.RoundTrip < best.RoundTrip) {
			best = d.link
		}
	}
	return best, best.Measured()
}
