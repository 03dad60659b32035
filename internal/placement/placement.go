// Package placement answers one question: how much longer is the way from players to the edges that matching gives them than to the
// best edges that were free?
//
// It simulates a world: cities and their people, cables that are longer than the way on the ground, networks that meet far away, homes with
// slow last miles, a database of addresses that is wrong, edges that come and go, a crowd that comes at once. Everything follows from a
// seed. The figures say how matching fares in this world; they compare policies and versions, and are no promise for the real one.
//
// A simulation has one owner; nothing here is safe for concurrent use.
package placement

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// Config is the size of a simulation.
type Config struct {
	Edges   int
	Players int
	Seed    uint64
	Policy  Policy
	Forget  bool // nothing is remembered from one player to the next
}

// Policy is how players get an edge.
type Policy string

// The policies: those of match, and what they are compared with.
const (
	Balanced   Policy = "balanced"
	Nearest    Policy = "nearest"
	Cheapest   Policy = "cheapest"
	Geographic Policy = "geographic" // the edge that is nearest by the database of addresses, without measuring
	Random     Policy = "random"
)

// Policies returns all of them.
func Policies() []Policy { return []Policy{Balanced, Nearest, Cheapest, Geographic, Random} }

// Result is what a simulation came to.
type Result struct {
	Added    []float64 // ms, for each player who got an edge: the round trip beyond that to the best edge that was free
	Trips    []float64 // ms, the round trips themselves
	Paid     float64   // mean price of the edges that players got
	Refused  int       // players for whom no slot was free
	Again    int       // players who were given a second shortlist
	Declined int       // edges that were full by the time that a player had measured
	Overfull int       // times that an edge held more players than it has slots
	Busiest  float64   // the part of all slots that was in use at the busiest time
}

const (
	codec = "h264"
	// length is the simulated time.
	length = 4 * time.Hour
	// stay is how long a player plays, on average.
	stay = 30 * time.Minute
	// measuring is how long a player takes to measure a shortlist.
	measuring = 400 * time.Millisecond
	// looks is how many shortlists a player gets at most.
	looks = 3
	// samples of each candidate.
	samples = 3
	// unanswered is the part of samples that are lost.
	unanswered = 0.02
	// turnover is how often an edge goes, to come back after absence.
	turnover = 20 * time.Second
	absence  = 20 * time.Minute
	// For a while in the middle, one player of crowd comes from one city.
	crowdFrom, crowdTo = length / 2, length/2 + 20*time.Minute
	crowd              = 6
)

// simulation is one run.
type simulation struct {
	*world
	config Config
	index  *match.Index
	memory *match.Memory
	policy match.Policy // nil: one that does not measure
	used   []int
	away   []bool
	taken  int
	slots  int
	byID   map[signaling.EdgeID]int
	events events
	result Result
}

// Run simulates. It ends early, with an error, when ctx does.
func Run(ctx context.Context, config Config) (Result, error) {
	s := &simulation{
		world: newWorld(config), config: config, index: match.NewIndex(), memory: match.NewMemory(match.MemoryConfig{}), byID: map[signaling.EdgeID]int{},
	}
	for _, p := range match.Policies() {
		if p.Name() == string(config.Policy) {
			s.policy = p
		}
	}
	s.used, s.away = make([]int, len(s.edges)), make([]bool, len(s.edges))
	for i, e := range s.edges {
		s.index.Upsert(e.shown)
		s.byID[e.shown.ID] = i
		s.slots += e.slots
	}
	centre := s.somewhere()
	for range config.Players {
		at := time.Duration(s.random.Int64N(int64(length)))
		from := s.somewhere()
		if at >= crowdFrom && at < crowdTo && s.random.IntN(crowd) == 0 {
			from = centre
		}
		p := s.newPlayer(from)
		s.events.add(at, func() { s.arrive(&p) })
	}
	for at := turnover; at < length; at += turnover {
		s.events.add(at, s.leave)
	}
	for n := 0; s.events.next(); n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return Result{}, ctx.Err()
		}
	}
	s.result.Paid /= max(float64(len(s.result.Added)), 1)
	return s.result, nil
}

// now is the simulated time as match has it.
func (s *simulation) now() time.Time { return time.Unix(0, 0).Add(s.events.now) }

// arrive is a player asking for an edge.
func (s *simulation) arrive(p *player) {
	if s.policy == nil {
		s.place(p, s.guess(p))
		return
	}
	key := match.NetworkKey{}
	binary.LittleEndian.PutUint32(key[:], uint32(p.network))
	binary.LittleEndian.PutUint32(key[4:], uint32(p.city))
	request := match.Request{Codecs: []string{codec}, Near: p.shown, Remembered: s.memory.Good(s.now(), key, nil)}
	candidates, refused := s.index.Shortlist(request, s.random.IntN)
	if refused != nil {
		s.result.Refused++
		return
	}
	s.choose(p, key, request, s.measure(p, nil, candidates), looks)
}

// choose is a player who has measured by and by, and may have to measure some more.
func (s *simulation) choose(p *player, key match.NetworkKey, request match.Request, list []match.Measured, looks int) {
	s.events.add(s.events.now+measuring, func() {
		if looks > 1 {
			if again := s.index.Again(request, list, s.random.IntN); again != nil {
				s.result.Again++
				s.choose(p, key, request, s.measure(p, list, again), looks-1)
				return
			}
		}
		if !s.config.Forget {
			s.memory.Note(s.now(), key, list)
		}
		ranked := match.Rank(s.policy, list, match.Ranking{Salt: s.random.Uint64()})
		order := make([]int, len(ranked))
		for i, r := range ranked {
			order[i] = s.byID[r.Edge]
		}
		s.place(p, order)
	})
}

// measure adds candidates to a list with what a player finds of them.
func (s *simulation) measure(p *player, list []match.Measured, candidates []match.Candidate) []match.Measured {
	for _, c := range candidates {
		list = append(list, match.Measured{Candidate: c, Link: s.link(p, s.byID[c.Edge])})
	}
	return list
}

// link is what a player finds of an edge.
func (s *simulation) link(p *player, e int) match.Link {
	var trips []float64
	failed := 0
	for range samples {
		if s.random.Float64() < unanswered {
			failed++
			continue
		}
		trips = append(trips, s.trip(p, &s.edges[e])+p.jitter*s.random.ExpFloat64())
	}
	return match.Measure(trips, failed)
}

// open reports whether an edge takes a player.
func (s *simulation) open(e int) bool { return !s.away[e] && s.used[e] < s.edges[e].slots }

// guess orders edges without measuring: one, that is.
func (s *simulation) guess(p *player) []int {
	best, least, n := -1, match.Kilometres(math.Inf(1)), 0
	for e := range s.edges {
		place := s.edges[e].shown.Place
		switch {
		case !s.open(e):
		case s.config.Policy == Random || p.shown == nil:
			if n++; s.random.IntN(n) == 0 {
				best = e
			}
		case place != nil:
			if d := match.Distance(*place, p.shown.Place); d < least {
				best, least = e, d
			}
		}
	}
	if best < 0 {
		return nil
	}
	return []int{best}
}

// place gives a player the first edge of the order that is still open, and compares it with the best one that was.
func (s *simulation) place(p *player, order []int) {
	best := math.Inf(1)
	for e := range s.edges {
		if s.open(e) {
			best = min(best, s.trip(p, &s.edges[e]))
		}
	}
	for _, e := range order {
		if !s.open(e) {
			s.result.Declined++
			continue
		}
		trip := s.trip(p, &s.edges[e])
		s.result.Added = append(s.result.Added, trip-best)
		s.result.Trips = append(s.result.Trips, trip)
		s.result.Paid += float64(s.edges[e].shown.Price)
		s.take(e, 1)
		s.events.add(s.events.now+time.Duration(s.random.ExpFloat64()*float64(stay)), func() { s.take(e, -1) })
		return
	}
	s.result.Refused++
}

// take changes how many players an edge has.
func (s *simulation) take(e, players int) {
	s.used[e] += players
	s.taken += players
	if s.used[e] > s.edges[e].slots {
		s.result.Overfull++
	}
	s.result.Busiest = max(s.result.Busiest, float64(s.taken)/float64(s.slots))
	s.index.SetFree(s.edges[e].shown.ID, s.edges[e].slots-s.used[e])
}

// leave is an edge going: it takes nobody new, and is back after a while.
func (s *simulation) leave() {
	e := s.random.IntN(len(s.edges))
	if s.away[e] {
		return
	}
	s.away[e] = true
	s.index.Remove(s.edges[e].shown.ID)
	s.events.add(s.events.now+absence, func() {
		s.away[e] = false
		back := s.edges[e].shown
		back.Free = s.edges[e].slots - s.used[e]
		s.index.Upsert(back)
	})
}
