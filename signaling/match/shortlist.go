package match

import (
	"slices"

	"nearlight/signaling"
)

// Candidate is an edge on a shortlist.
type Candidate struct {
	Edge      signaling.EdgeID
	Codecs    []string // in which the edge will do, the player's best first
	Vantage   Vantage
	Distance  Kilometres // Unknown if one of the places is
	Load      float64    // the part of its slots that is in use, from 0 to 1
	Score     Score
	Price     Price
	Installed bool // false: the app has to be installed there first
	Share     int  // of Whole requests in which it may be a candidate
	Drawn     bool // it was, of a newcomer; false of one that counts because nobody else would do
	// Consistent says that checkers find the edge to be where it says.
	Consistent bool
}

// Vantage is why an edge is on the shortlist.
type Vantage uint8

// The vantages.
const (
	Nearby       Vantage = iota + 1 // near by what is known of the player's place
	Recalled                        // was good from the player's network before
	OtherNetwork                    // the nearest on a network that no edge above is on: routing may be odd
	OtherPlace                      // the nearest away from all above: the player's place may be wrong
	Anywhere                        // any one at all: it may be very wrong
)

func (v Vantage) String() string {
	switch v {
	case Nearby:
		return "near"
	case Recalled:
		return "remembered"
	case OtherNetwork:
		return "other-network"
	case OtherPlace:
		return "other-place"
	case Anywhere:
		return "anywhere"
	}
	return "none"
}

// MarshalText gives the vantage's name to JSON.
func (v Vantage) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

const (
	// maxRecalled is how many of the candidates may be there because they were good before: they are most likely the best, and if
	// the network has changed, they all are bad at once.
	maxRecalled = 3
	// draws is how many edges are drawn for each place on the list, of which the least loaded gets it: with two, the fullest edge
	// is only little fuller than the average (the power of two choices).
	draws = 2
	// poolSize is how many edges are looked at for the places of those nearby.
	poolSize = 4 * MaxCandidates
	// lookFor is how many further edges are looked at for another network.
	lookFor = 256
	// elsewhere is how far from all others an edge of another place is: farther than a city's databases are wrong, and a few
	// milliseconds of round trip.
	elsewhere Kilometres = 400
	// scattered is the same when nobody knows where the player is, at first; it is halved until edges are found.
	scattered Kilometres = 5000
)

// Shortlist returns a few edges that meet all demands, for the player to measure: MinCandidates to MaxCandidates, fewer when there are
// no more. Where the player is known roughly, about half of them are near it; the others were good before, or are on other networks and in
// other places, so that neither a wrong place nor odd routing leaves the player with bad ones only. Edges that would have to install the app
// fill up what those that have it leave free. Among edges alike chance decides, in favour of the less loaded. Newcomers are on it if they were
// drawn, or if the list would be empty without them. intN returns a random number below its argument (rand.IntN).
//
// When no edge meets all demands, the *signaling.Error names the first one that none meets together with those before it.
func (x *Index) Shortlist(request Request, intN func(int) int) ([]Candidate, *signaling.Error) {
	q := x.query(&request)
	if request.Draw == 0 && !q.everyone {
		x.draw(q, lotOf(uint64(intN(1<<31))), false)
	}
	list := x.gather(q, intN)
	if len(list) == 0 && !q.everyone {
		x.draw(q, q.lot, true)
		list = x.gather(q, intN)
	}
	if len(list) == 0 {
		return nil, x.why(q)
	}
	return list, nil
}

// gather makes a shortlist of the edges that count, an empty one where none meets all demands.
func (x *Index) gather(q *query, intN func(int) int) []Candidate {
	want := MaxCandidates
	if q.Candidates != 0 {
		want = min(max(q.Candidates, MinCandidates), MaxCandidates)
	}
	list := picks{x: x, q: q, places: make([]pick, 0, want)}
	list.recalled(min(maxRecalled, (want+1)/2))
	s := &x.found
	s.begin(x, q, intN)
	list.fill(s, want)
	if s.pull = q.Pull && q.app != nil; s.pull && len(list.places) < want {
		list.fill(s, want)
	}
	if len(list.places) == 0 {
		return nil
	}
	return list.candidates()
}

// pick is an edge on a list that is being made.
type pick struct {
	edge    slot
	vantage Vantage
}

type picks struct {
	x      *Index
	q      *query
	places []pick
}

func (p *picks) has(s slot) bool {
	return slices.ContainsFunc(p.places, func(other pick) bool { return other.edge == s })
}

// knows reports whether an edge on the list is on the network. An unknown one counts as known.
func (p *picks) knows(network uint64) bool {
	return network == 0 || slices.ContainsFunc(p.places, func(other pick) bool { return p.x.entries[other.edge].network == network })
}

func (p *picks) put(s slot, why Vantage) { p.places = append(p.places, pick{s, why}) }

// recalled puts edges that were good before on the list.
func (p *picks) recalled(most int) {
	for _, id := range p.q.Remembered {
		s, known := p.x.byID[id]
		if len(p.places) == most {
			return
		}
		if !known || p.has(s) || !p.q.counts(&p.x.entries[s]) {
			continue
		}
		if m := p.x.entries[s].met(p.q.app); p.q.App != "" && p.q.app == nil || p.q.unmet(&m) != 0 {
			continue
		}
		p.put(s, Recalled)
	}
}

// fill makes the list as long as wanted, if there are so many.
func (p *picks) fill(s *search, want int) {
	if p.q.located {
		p.near(s, want)
	} else {
		p.scatter(s, want)
	}
}

// near fills the list for a player whose place is known: the nearest ones, then others.
func (p *picks) near(s *search, want int) {
	spare := (want - len(p.places)) / 2 // for other networks and places, and for any one
	s.start()
	x := p.x
	x.pool = x.pool[:0]
	for len(x.pool) < poolSize {
		e, more := s.next()
		if !more {
			break
		}
		if !p.has(e) {
			x.pool = append(x.pool, e)
		}
	}
	if p.q.uncertainty >= elsewhere { // a country, say: one edge of each part of it tells more than all of one city
		for len(p.places) < want-1 {
			e, found := p.place(s, p.q.uncertainty/2)
			if !found {
				break
			}
			p.put(e, OtherPlace)
		}
	}
	rest := p.nearest(s, x.pool, want-spare)
	if spare > 0 {
		if e, found := p.network(s, rest); found {
			p.put(e, OtherNetwork)
		}
	}
	for radius := elsewhere; len(p.places) < want-1; radius *= 2 {
		e, found := p.place(s, max(radius, p.q.uncertainty))
		if !found {
			break
		}
		p.put(e, OtherPlace)
	}
	if len(p.places) < want {
		p.anywhere(s)
	}
	// Where there are no other networks and places, more of those nearby.
	p.nearest(s, rest, want)
}

// nearest takes edges out of the pool, which is in order of bands, until the list is as long as wanted, and returns the rest of the pool.
func (p *picks) nearest(s *search, pool []slot, want int) []slot {
	for len(p.places) < want && len(pool) > 0 {
		band, alike := s.band(&p.x.entries[pool[0]]), 1
		for alike < len(pool) && s.band(&p.x.entries[pool[alike]]) == band {
			alike++
		}
		best := 0
		for i := range min(draws, alike) {
			// The pool is in random order within a band already; what was taken leaves its place to the next one.
			if p.lighter(pool[i], pool[best]) {
				best = i
			}
		}
		if e := pool[best]; !p.has(e) {
			p.put(e, Nearby)
		}
		copy(pool[1:best+1], pool[:best])
		pool = pool[1:]
	}
	return pool
}

// lighter reports whether a rather than b gets a place on the list: one on a network that is not there yet, or else the less loaded.
func (p *picks) lighter(a, b slot) bool {
	one, other := &p.x.entries[a], &p.x.entries[b]
	if known, knows := p.knows(one.network), p.knows(other.network); known != knows {
		return knows
	}
	return one.load() < other.load()
}

// network finds the nearest edge on a network that the list does not have, among the rest of the pool and some behind it.
func (p *picks) network(s *search, rest []slot) (slot, bool) {
	for _, e := range rest {
		if !p.knows(p.x.entries[e].network) && !p.has(e) {
			return e, true
		}
	}
	for range lookFor {
		e, more := s.next()
		if !more {
			break
		}
		if !p.knows(p.x.entries[e].network) && !p.has(e) {
			return e, true
		}
	}
	return 0, false
}

// place finds the nearest edge that is farther than the radius from all on the list; of two alike the less loaded.
func (p *picks) place(s *search, radius Kilometres) (slot, bool) {
	s.avoid = s.avoid[:0]
	for _, other := range p.places {
		if e := &p.x.entries[other.edge]; e.placed {
			s.avoid = append(s.avoid, ball{e.at, radius.chord()})
		}
	}
	s.start()
	return p.first(s)
}

// first is the next edge that is not on the list, or the one after it when that is as near and less loaded.
func (p *picks) first(s *search) (slot, bool) {
	x := p.x
	for {
		e, more := s.next()
		if !more {
			return 0, false
		}
		if p.has(e) {
			continue
		}
		other, more := s.next()
		if more && !p.has(other) && s.band(&x.entries[other]) == s.band(&x.entries[e]) && x.entries[other].load() < x.entries[e].load() {
			return other, true
		}
		return e, true
	}
}

// anywhere puts one edge on the list of which any is as likely.
func (p *picks) anywhere(s *search) {
	s.avoid, s.blind = s.avoid[:0], true
	s.start()
	if e, found := p.first(s); found {
		p.put(e, Anywhere)
	}
	s.blind = false
}

// scatter fills the list for a player who may be anywhere: edges far from each other.
func (p *picks) scatter(s *search, want int) {
	for radius := scattered; len(p.places) < want && radius > alike; {
		if e, found := p.place(s, radius); found {
			p.put(e, OtherPlace)
		} else {
			radius /= 2
		}
	}
	s.avoid = s.avoid[:0]
	for len(p.places) < want {
		s.start()
		e, found := p.first(s)
		if !found {
			return
		}
		p.put(e, Anywhere)
	}
}

// candidates are the edges on the list as the caller gets them.
func (p *picks) candidates() []Candidate {
	list := make([]Candidate, len(p.places))
	codecs := make([]string, 0, len(list)*len(p.q.Codecs))
	for i, place := range p.places {
		e := &p.x.entries[place.edge]
		m := e.met(p.q.app)
		from := len(codecs)
		codecs = p.q.common(codecs, &m)
		list[i] = Candidate{
			Edge: e.id, Codecs: codecs[from:len(codecs):len(codecs)], Vantage: place.vantage, Distance: e.distance(p.q), Load: e.load(),
			Score: e.score, Price: e.price, Installed: m.installed, Share: int(e.share),
			Consistent: e.consistent,
			Drawn:      e.share < Whole && (p.q.checks(e.id) || e.share > p.q.lot),
		}
	}
	return list
}
