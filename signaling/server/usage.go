package server

import (
	"context"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

const (
	// useSlack is how far an edge's clock may be from ours: as far as its logins allow.
	useSlack = 10 * time.Second
	// lateUse is how old seconds may be that an edge tells of a session that this node has not seen begin: longer than signaling is away.
	lateUse = time.Hour
	// sweepEvery is how often the store is asked for sessions whose end nobody has written, and lostTrack after how long without any use one
	// counts as such: longer than an edge is away, and than its use waits for a store that takes nothing.
	sweepEvery = 5 * time.Minute
	lostTrack  = 10 * time.Minute
)

// used takes what an edge tells of a session's use. It may be of a session that is not known here (any more): its id names the edge. The answer
// comes once it is kept.
func (r *registry) used(e *edge, m signaling.Usage) {
	of, ok := edgeOf(m.Session)
	if m.Watch != "" && ok {
		watched, is := edgeOf(m.Watch)
		ok = is && watched == of
	}
	if !ok || of != e.id {
		r.metrics.dropped.WithLabelValues("strange-use").Inc()
		return
	}
	counted := signaling.Counted{Session: m.Session}
	if n := len(m.Spans); n > 0 {
		counted.Past = m.Spans[n-1].Past
	}
	now := time.Now()
	earliest := now.Add(-lateUse)
	if s := r.sessions[m.Session]; s != nil {
		if m.Quality != nil {
			s.quality = m.Quality
		}
		if !s.adopted {
			earliest = s.born.Add(-useSlack)
		}
	}
	entries := r.receipts(m, earliest, now.Add(useSlack), e)
	if m.Last && m.Quality != nil && m.Watch == "" {
		entries = append(entries, store.Assess{Session: m.Session, Quality: *kept(m.Quality)})
	}
	to := e.peer
	if r.records == nil || len(entries) == 0 {
		to.send(counted)
		return
	}
	r.records.addThen(func() { to.send(counted) }, entries...)
}

// receipts are the seconds that an edge tells of, as far as they lie between two times.
func (r *registry) receipts(m signaling.Usage, from, until time.Time, e *edge) []store.Entry {
	receipt := store.Receipt{Session: m.Session, Seat: playerSeat}
	if m.Watch != "" {
		receipt.Session, receipt.Seat = m.Watch, string(m.Session)
	}
	var entries []store.Entry
	cut := int64(0)
	for _, span := range m.Spans {
		first, past := max(span.First, from.Unix()), min(span.Past, until.Unix())
		cut += span.Past - span.First - max(past-first, 0)
		if first < past {
			receipt.Span = store.Span{First: store.Second(first), Past: store.Second(past)}
			entries = append(entries, receipt)
		}
	}
	if cut > 0 {
		r.metrics.cutSeconds.Add(float64(cut))
		if e.cut {
			return entries
		}
		e.cut = true
		e.log.Warn("an edge tells of seconds that cannot be; is its clock right?", "session", m.Session, "seconds", cut)
	}
	return entries
}

// kept is a session's quality as the store has it; nil for one that is not known.
func kept(q *signaling.Quality) *store.Quality {
	if q == nil {
		return nil
	}
	return &store.Quality{
		FramesPerSecond: q.FramesPerSecond, BitsPerSecond: q.BitsPerSecond, FreezesPerMinute: q.FreezesPerMinute, LossRatio: q.LossRatio,
		RoundTripP50MS: q.RoundTripP50, RoundTripP95MS: q.RoundTripP95, GlassP50MS: q.GlassP50, GlassP95MS: q.GlassP95,
	}
}

// strayEnd writes down the end of a session that this node does not know, as its edge tells it: the first end that is told counts.
func (r *registry) strayEnd(e *edge, m signaling.Ended) {
	if of, ok := edgeOf(m.Session); !ok || of != e.id || r.records == nil {
		return
	}
	if _, dead := r.buried[m.Session]; !dead {
		r.records.add(store.End{Session: m.Session, Code: m.Reason.Code, Reason: m.Reason.Message, At: time.Now()})
	}
}

// sweep ends, in the store, the sessions of which nobody will tell any more: their edge and the node that had them were lost together. Those that go
// on have seconds of use, whichever node keeps them; that a session is old and has none is the evidence, and that nothing speaks against it here.
func (s *Server) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		open, err := s.config.Records.Unended(ctx, time.Now().Add(-lostTrack))
		if err != nil {
			s.log.Warn("sessions whose end is not known cannot be looked for", "error", err)
			continue
		}
		s.registry.closeLost(open)
	}
}

func (r *registry) closeLost(open []store.Unended) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range open {
		if r.sessions[one.ID] != nil || r.farNow(one.Edge) != nil {
			continue // it goes on here, or it is for the node of its edge to say
		}
		r.log.Info("a session whose end nobody has told is ended in the store", "session", one.ID, "edge", one.Edge, "used", one.Used)
		r.metrics.swept.Inc()
		r.records.add(store.End{
			Session: one.ID, Code: signaling.CodeEdgeGone, Reason: "Signaling lost track of the session; it ends with the last second that was told of.", At: one.Used,
		})
	}
}
