package server

import (
	"slices"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

const (
	// measureMargin is what a player's answer may be late by, beyond MeasureTime: the way to it and back, and until its page has what it measures with.
	measureMargin = 600 * time.Millisecond
	// maxRounds is how often a player is asked before it gets an edge: a second time where the first says that it is somewhere else.
	maxRounds = 2
)

// measuring is a player's wait for an edge, while it measures. No slot is held meanwhile.
//
//	        measure             measured, or the time is over
//	(none) --------> measuring -----------------------------> ranked: an edge, or the line
//	                   ^   |
//	                   '---'  once more, of other edges
type measuring struct {
	round   int // the player's answer names it
	rounds  int // that there were, with this one
	request match.Request
	list    []match.Measured   // of the rounds before, and this one's candidates
	asked   []signaling.EdgeID // in this round
	began   time.Time
	over    *alarm
}

// measure asks a player how far the candidates are. before is what it has measured already. It reports false where nothing is to be asked: a choice of one is
// none, a page may not be able to, and where player and edge are hidden from each other neither is to send the other anything.
func (r *registry) measure(p *player, request match.Request, before []match.Measured, candidates []match.Candidate, rounds int) bool {
	if !p.request.Measures || r.hides() || len(before)+len(candidates) < 2 {
		return false
	}
	m := &measuring{rounds: rounds, request: request, list: slices.Concat(before, match.Unmeasured(candidates)), began: time.Now()}
	question := signaling.Measure{}
	for _, c := range candidates {
		if at := r.waysTo(c.Edge, p.from); len(at) > 0 {
			question.Edges = append(question.Edges, signaling.Target{Edge: c.Edge, At: at})
			m.asked = append(m.asked, c.Edge)
		}
	}
	if len(m.asked) == 0 || len(before) == 0 && len(m.asked) < 2 { // one alone would seem better than those that cannot be asked
		return false
	}
	p.questions++
	m.round, question.Round = p.questions, p.questions
	p.measuring = m
	r.alarms.stop(p.idle)
	p.send(question)
	m.over = r.after(signaling.MeasureTime+measureMargin, func() {
		r.metrics.measurements.WithLabelValues("unanswered").Inc()
		p.log.Debug("player did not measure in time", "edges", len(m.asked))
		if err := r.weigh(p, nil); err != nil {
			r.endRequest(p, err)
			p.end(err)
		}
	})
	return true
}

// stopMeasuring is for a player who does not want an edge any more.
func (r *registry) stopMeasuring(p *player) {
	if p.measuring != nil {
		r.alarms.stop(p.measuring.over)
		p.measuring = nil
	}
}

// measured takes a player's answer.
func (r *registry) measured(p *player, answer signaling.Measured) *signaling.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.measuring == nil || p.measuring.round != answer.Round {
		r.metrics.dropped.WithLabelValues("late-measurement").Inc()
		return nil
	}
	r.metrics.measurements.WithLabelValues("answered").Inc()
	r.metrics.measured.Observe(time.Since(p.measuring.began).Seconds())
	err := r.weigh(p, answer.Edges)
	if err != nil {
		r.endRequest(p, err)
	}
	return err
}

// weigh goes on with what a player has measured, which may be nothing: with a further question, or with an edge. What it says of edges that it was not asked
// about counts for nothing.
func (r *registry) weigh(p *player, told []signaling.Trips) *signaling.Error {
	m := p.measuring
	r.stopMeasuring(p)
	for _, trips := range told {
		at := slices.IndexFunc(m.list, func(c match.Measured) bool { return c.Edge == trips.Edge })
		if at < 0 || !slices.Contains(m.asked, trips.Edge) {
			r.metrics.dropped.WithLabelValues("not-a-candidate").Inc()
			continue
		}
		m.list[at].Link = match.Measure(trips.RoundTrips, trips.Failed)
	}
	answered := slices.ContainsFunc(m.list, func(c match.Measured) bool { return c.Link.Measured() })
	if answered && len(told) > 0 && m.rounds < maxRounds {
		if again := r.index.Again(m.request, m.list, r.intN); len(again) > 0 && r.measure(p, m.request, m.list, again, m.rounds+1) {
			return nil
		}
	}
	if answered {
		r.remember(p, m.list)
	} else { // its network lets no such packets pass, which says nothing of any edge
		for i := range m.list {
			m.list[i].Link = match.Link{}
		}
	}
	if ranked := r.rank(p, m.list); len(ranked) > 0 {
		return r.settle(p, m.request, ranked)
	}
	return r.assign(p) // others were quicker
}

// remember keeps what a player has measured: for itself, should it need another edge, and for others of its network.
func (r *registry) remember(p *player, list []match.Measured) {
	now := time.Now()
	for i := range list {
		p.history.Add(now, list[i].Edge, list[i].Link)
	}
	if key, known := r.networks.key(p.from, p.location.Network); known {
		r.memory.Note(now, key, list)
	}
}
