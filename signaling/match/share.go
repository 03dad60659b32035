package match

import (
	"fmt"
	"slices"

	"nearlight/signaling"
)

// Whole is a share of everything: an edge with it is a candidate whenever it meets the demands.
const Whole = 1000

// A newcomer, of which checkers know little, and likewise an edge that has failed them just now, is a candidate in a small share of requests only: a player should not have to find out what an edge is worth, and yet what
// players get there tells more than any test.
//
// One number is drawn for a request, and an edge counts whose share is above it: all newcomers of one share count together, or none does. Were they drawn one by
// one, they would be on most shortlists where there are many of them, and somebody could have most of the players of a city by keys that cost
// nothing. So all of them together get five in a hundred matches, as one of them would. The number is one for the whole request, so that asking twice does not make it twice
// as likely.
//
// Where none but newcomers that were not drawn would do, all of them count. Their edge may be a poor one; what the player would have without it, a place in line or a
// refusal, is worse for sure. So it goes in a network of which all edges are new. An edge that is to get nobody has another state, which nothing passes by but a
// checker's request.

// lotOf is the number that is drawn for a request, below Whole.
func lotOf(draw uint64) uint16 { return uint16(mix(draw) % Whole) }

// draw says what was drawn for a request, and whether it matters.
func (x *Index) draw(q *query, lot uint16, everyone bool) {
	q.lot, q.everyone = lot, everyone || x.newcomers.edges == 0
	q.settled = !q.everyone && lot >= x.newcomers.widest
}

// drawn reports whether edges with a share count for the request.
func (q *query) drawn(share uint16) bool { return q.everyone || share > q.lot }

// counts reports whether an edge that meets the demands may be a candidate.
func (q *query) counts(e *entry) bool {
	return q.drawn(e.share) || q.checks(e.id)
}

// checks reports whether a request is a checker's, for an edge with this name.
func (r *Request) checks(id signaling.EdgeID) bool { return r.Check && slices.Contains(r.Only, id) }

// shareOf is a share as an edge has it.
func shareOf(share int) uint16 {
	if share <= 0 || share > Whole {
		return Whole
	}
	return uint16(share)
}

// newcomers are how many edges have each share below Whole.
type newcomers struct {
	of     [Whole]int32
	edges  int
	widest uint16 // that some edge has
}

// add counts an edge with a share in, or out by -1.
func (s *newcomers) add(share uint16, by int32) {
	if share == Whole {
		return
	}
	s.edges += int(by)
	s.of[share] += by
	s.widest = max(s.widest, share)
	for s.widest > 0 && s.of[s.widest] == 0 {
		s.widest--
	}
}

// most is how many of the edges that are summed up may count for the request. A search that took those for candidates that are none would look at ten edges for each one
// that it finds where nine are newcomers.
func (q *query) most(s *summary) int {
	if q.settled {
		return int(s.known)
	}
	return int(s.count)
}

// inMatches is a share in words: "in 5 of 100 matches".
func inMatches(share uint16) string {
	if share%10 == 0 {
		return fmt.Sprintf("in %d of 100 matches", share/10)
	}
	return fmt.Sprintf("in %d of %d matches", share, Whole)
}
