package epoch

import (
	"errors"
	"math"
	"net/netip"

	"nearlight/checker/committee"
	"nearlight/checker/location"
	"nearlight/internal/identity"
)

const (
	// fewestVoices is the fewest reports of which one may be a lie (location.Rules).
	fewestVoices = 4
	// coarse is by how many kilometres two places are off that were rounded to a tenth of a degree, at the most: half of the diagonal, at the equator, of each.
	coarse location.Kilometres = 16
	// A curve is made of the claims of so many other edges at least, so that none has a large part of it, and of claims that are as exact as a band is narrow.
	fewestSampled = 8
	sampledWithin = 50
)

// liarsOf is how many of so many reports may be lies: as many as there may be for anything to follow, which is less than a third.
func liarsOf(reports int) int { return (reports - 1) / 3 }

// voices are the round trips to one edge that count.
type voices struct {
	trips    []location.Report
	at       Millis
	index    map[identity.Address]int // of those who have one
	owners   map[committee.OwnerID]bool
	networks map[netip.Prefix]bool
}

// hear takes the reports of a task that count in it, in their order. As in a committee, of one owner and of one network one counts, over all tasks of the epoch; a checker that has been here before
// has the least of its round trips.
func (r *Replay) hear(all map[identity.Address]*voices, t *task, counted []committee.CheckerID) {
	for _, id := range counted {
		checker := identity.Address(id)
		found, place := t.found[checker], r.places[checker]
		if found.trip == 0 || place == nil {
			continue
		}
		v := all[t.Edge]
		if v == nil {
			v = &voices{index: make(map[identity.Address]int), owners: make(map[committee.OwnerID]bool), networks: make(map[netip.Prefix]bool)}
			all[t.Edge] = v
		}
		if i, again := v.index[checker]; again {
			v.trips[i].RoundTrip, v.at = min(v.trips[i].RoundTrip, found.trip.duration()), max(v.at, t.RevealBy)
			continue
		}
		owner, network := r.owners[checker], committee.Network(found.from)
		if len(v.trips) == location.MaxReports || !r.head.Uncapped && (v.owners[owner] || v.networks[network]) {
			continue
		}
		v.owners[owner], v.networks[network], v.index[checker] = true, true, len(v.trips)
		v.trips, v.at = append(v.trips, location.Report{Place: location.Place(*place), RoundTrip: found.trip.duration()}), max(v.at, t.RevealBy)
	}
}

// claim is an edge's as it is asked about.
func (c Claim) claim() location.Claim {
	return location.Claim{Place: location.Place(c.Place), Within: location.Kilometres(c.Within) + coarse}
}

// sayable reports whether enough checkers have spoken of an edge that says where it is: as many as a committee decides with.
func (r *Replay) sayable(e Edge, v *voices) bool {
	return v != nil && e.Claim != nil && e.Claim.claim().Within <= location.MaxWithin && len(v.trips) >= max(fewestVoices, r.head.Minimum)
}

// locate says of the edges, in the order of their addresses, what round trips make of where they say that they are. Where nobody can say, what was said before holds: that a claim is impossible,
// until one is found to be possible, so that nobody gets rid of it by another claim; that it is possible, of that claim alone.
func (r *Replay) locate(edges []Edge, all map[identity.Address]*voices) error {
	var asked []int
	for i, e := range edges {
		switch {
		case r.sayable(e, all[e.Address]):
			asked = append(asked, i)
		case e.Located != nil && !e.Located.Impossible && (e.Claim == nil || *e.Claim != e.Located.Claim):
			edges[i].Located = nil
		}
	}
	judge := func(e Edge, curve *location.Curve) (location.Verdict, error) {
		trips := all[e.Address].trips
		s, err := location.NewSurvey(trips, location.Rules{Liars: liarsOf(len(trips)), Curve: curve})
		if err != nil {
			return location.Verdict{}, err
		}
		return s.Judge(e.Claim.claim())
	}
	// Each second edge is measured by what usual is of the others, so that none says itself what is usual of it.
	var sampled [2][]Edge
	for n, i := range asked {
		e := edges[i]
		verdict, err := judge(e, nil)
		if err != nil {
			return err
		}
		if !verdict.Impossible && e.Claim.Within <= sampledWithin {
			sampled[1-n%2] = append(sampled[1-n%2], e)
		}
	}
	var curves [2]*location.Curve
	for side := range curves {
		var err error
		if curves[side], err = usual(sampled[side], all); err != nil {
			return err
		}
	}
	for n, i := range asked {
		verdict, err := judge(edges[i], curves[n%2])
		if err != nil {
			return err
		}
		v := all[edges[i].Address]
		edges[i].Located = &Located{
			Claim: *edges[i].Claim, At: v.at, Reports: len(v.trips), Liars: liarsOf(len(v.trips)), Excluding: verdict.Excluding, Impossible: verdict.Impossible,
			Beyond: int(math.Ceil(float64(verdict.Beyond))), Consistency: int(math.Round(verdict.Consistency * 1000)),
		}
	}
	return nil
}

// usual is the curve by edges whose claims light allows; nil, which is a guess, where these are too few.
func usual(edges []Edge, all map[identity.Address]*voices) (*location.Curve, error) {
	if len(edges) < fewestSampled {
		return nil, nil
	}
	edges = edges[:min(len(edges), location.MaxSamples)]
	var samples []location.Sample
	for _, e := range edges {
		trips := all[e.Address].trips
		for _, trip := range trips[:min(len(trips), location.MaxSamples/len(edges))] {
			samples = append(samples, location.Sample{From: trip.Place, To: location.Place(e.Claim.Place), RoundTrip: trip.RoundTrip})
		}
	}
	curve, err := location.Calibrate(samples)
	if errors.Is(err, location.ErrTooFew) {
		return nil, nil
	}
	return curve, err
}
