package match

import (
	"math"
	"slices"
)

const (
	// worthwhile is what a second shortlist has to promise, in round trip: measuring takes the player a moment longer.
	worthwhile Cost = 5
	// guesses is how many places are tried for where the player is.
	guesses = 256
	// bearings is from how many places a player has to be seen to tell where it is.
	bearings = 4
	// suspicious is a round trip that is too long for an edge nearby.
	suspicious Cost = 40
	// tried is how far around a candidate the first shortlist has shown what there is to have.
	tried Kilometres = 150
)

// sighting is a candidate's place, and how long the way to it is.
type sighting struct {
	at   vector
	trip Cost
}

// Again returns a second shortlist when what was measured of the first one says that the player is somewhere else than thought, and that there is
// something to gain: candidates near the place that the round trips agree on best. They are to be ranked together with the first. It returns none when the first
// shortlist is good enough.
//
// Where players are is guessed from where edges are: of some drawn at random, the one is taken from which the distances to the candidates explain the round
// trips best, up to a part that all have in common, the player's own last mile. (Whoever lies about round trips is given
// candidates that are far away.)
func (x *Index) Again(request Request, list []Measured, intN func(int) int) []Candidate {
	best := Cost(math.Inf(1))
	var sightings []sighting
	for i := range list {
		s, known := x.byID[list[i].Edge]
		if !known || !list[i].Link.Measured() {
			continue
		}
		trip := milliseconds(list[i].Link.RoundTrip)
		best = min(best, trip)
		if e := &x.entries[s]; e.placed {
			sightings = append(sightings, sighting{e.at, trip})
		}
	}
	if apart := max(tried, Kilometres(best)*perMillisecond/4); places(sightings, apart) < bearings {
		if best < suspicious {
			return nil
		}
		request.Near = nil
	} else {
		where, own, misfit := x.guess(&request, sightings, intN)
		nearest := halfTheEarth
		for _, s := range sightings {
			nearest = min(nearest, s.at.chord(where.vector()).ground())
		}
		if best-own < worthwhile || nearest < tried {
			return nil
		}
		request.Near = &Near{Place: where, Uncertainty: max(tried, misfit, nearest/4)}
	}
	request.Remembered = nil
	request.Except = slices.Clone(request.Except)
	for i := range list {
		request.Except = append(request.Except, list[i].Edge)
	}
	q := x.query(&request)
	// The first list shows whether there are others than newcomers that were not drawn.
	lot := q.lot
	if request.Draw == 0 && !q.everyone {
		lot = lotOf(uint64(intN(1 << 31)))
	}
	x.draw(q, lot, !slices.ContainsFunc(list, func(c Measured) bool { return c.Share == Whole || c.Drawn }))
	return x.gather(q, intN)
}

// places is how many of the sightings are of places so far apart.
func places(sightings []sighting, apart Kilometres) (n int) {
	for i, s := range sightings {
		if !slices.ContainsFunc(sightings[:i], func(other sighting) bool { return s.at.chord(other.at) < apart.chord() }) {
			n++
		}
	}
	return n
}

// guess returns the place of an edge that explains the sightings best, the part of the round trips that all have in common then, and how well
// it fits, in kilometres.
func (x *Index) guess(request *Request, sightings []sighting, intN func(int) int) (where Place, own Cost, misfit Kilometres) {
	q := x.query(request)
	x.draw(q, q.lot, true) // where they are matters, not what they are
	s := &x.found
	s.begin(x, q, intN)
	s.blind = true
	s.start()
	least := Cost(math.Inf(1))
	for range guesses {
		at, more := s.next()
		if !more {
			break
		}
		if e := &x.entries[at]; e.placed {
			if common, off := explain(e.at, sightings); off < least {
				least, own, where = off, common, e.at.place()
			}
		}
	}
	return where, own, Kilometres(least) * perMillisecond
}

// explain says what round trips from a place have in common beyond what distances explain, and by how much they differ from that
// on average. A long way counts less: it is more often crooked.
func explain(at vector, sightings []sighting) (common, off Cost) {
	weights := Cost(0)
	for _, s := range sightings {
		weight := 1 / (10 + s.trip)
		common += weight * (s.trip - estimate(at.chord(s.at).ground()))
		weights += weight
	}
	common = max(common/weights, 0)
	for _, s := range sightings {
		off += Cost(math.Abs(float64(s.trip-common-estimate(at.chord(s.at).ground())))) / (10 + s.trip)
	}
	return common, off / weights
}
