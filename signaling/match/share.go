package match

import (
	"fmt"
	"slices"

	"nearlight/signaling"
)

// Whole is a share of everything: an edge with it is a candidate whenever it meets the demands.
const Whole = 1000

// A newcomer, of which checkers know little, is a candidate in a small share of requests only: a player should not have to find out what an edge is worth, and yet what
// players get there tells more than any test. Which newcomers count is drawn anew for each request, and for all of it at once, so that asking twice
// does not make it twice as likely.
//
// Where none but newcomers that were not drawn would do, all of them count. Their edge may be a poor one; what the player would have without it, a place in line or a
// refusal, is worse for sure. So it goes in a network of which all edges are new. An edge that is to get nobody has another state, which nothing passes by but a
// checker's request.

// drawn reports whether an edge with a share of less than Whole counts for a request. An owner cannot choose an edge's name for it, since nobody knows what is drawn.
func (e *entry) drawn(q *query) bool { return mix(uint64(e.lot)^mix(q.Draw))%Whole < uint64(e.share) }

// counts reports whether an edge that meets the demands may be a candidate.
func (q *query) counts(e *entry) bool {
	return q.everyone || e.share == Whole || q.checks(e.id) || e.drawn(q)
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

// partial counts the edges with a share.
func (x *Index) partial(e *entry, by int) {
	if e.share < Whole {
		x.newcomers += by
	}
}

// inMatches is a share in words: "in 5 of 100 matches".
func inMatches(share uint16) string {
	if share%10 == 0 {
		return fmt.Sprintf("in %d of 100 matches", share/10)
	}
	return fmt.Sprintf("in %d of %d matches", share, Whole)
}
