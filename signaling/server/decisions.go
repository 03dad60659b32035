package server

import (
	"time"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

// decision is what an edge was picked by. It has no address of a player's.
type decision struct {
	request match.Request
	ranked  []match.Ranked
	over    time.Time // zero: the session goes on, as far as this node knows
}

const (
	// explainedFor is how long after a session's end it can still be asked why it was where it was.
	explainedFor = 10 * time.Minute
	// maxDecisions bounds them, to some 50 MB. Beyond it those that are over make room, and what finds none is not kept.
	maxDecisions = 16384
)

// decisions are those of the sessions that this node has matched. The registry's mutex guards them.
type decisions struct {
	of   map[signaling.SessionID]*decision
	over []overDecision // by time
}

type overDecision struct {
	session signaling.SessionID
	at      time.Time
}

// add keeps a decision; nil is none.
func (d *decisions) add(session signaling.SessionID, made *decision, now time.Time) {
	d.forget(now, explainedFor)
	if len(d.of) >= maxDecisions {
		d.forget(now, 0)
	}
	if made == nil || len(d.of) >= maxDecisions {
		return
	}
	if d.of == nil {
		d.of = make(map[signaling.SessionID]*decision)
	}
	d.of[session] = made
}

// end has a decision forgotten after a while, unless the session goes on.
func (d *decisions) end(session signaling.SessionID, now time.Time) {
	d.forget(now, explainedFor)
	if made := d.of[session]; made != nil && made.over.IsZero() {
		made.over = now
		d.over = append(d.over, overDecision{session, now})
	}
}

// goOn is for a session whose player is back.
func (d *decisions) goOn(session signaling.SessionID) {
	if made := d.of[session]; made != nil {
		made.over = time.Time{}
	}
}

// forget forgets what has been over for longer than a time.
func (d *decisions) forget(now time.Time, after time.Duration) {
	for len(d.over) > 0 && now.Sub(d.over[0].at) >= after {
		first := d.over[0]
		d.over = d.over[1:]
		if made := d.of[first.session]; made != nil && made.over.Equal(first.at) {
			delete(d.of, first.session)
		}
	}
}

// Explain says why a session is at the edge where it is, and what is with the edges named; false for a session that this node has not matched, or that has been over for
// long. The numbers of edges are those of now. It looks at every edge, and nothing else happens meanwhile: it is for people who ask.
func (r *registry) Explain(session signaling.SessionID, named ...signaling.EdgeID) (match.Explanation, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decisions.forget(time.Now(), explainedFor)
	made := r.decisions.of[session]
	if made == nil {
		return match.Explanation{}, false
	}
	return r.index.Explain(made.request, made.ranked, named...), true
}

// Explain says why a session that this node has matched is at the edge where it is, and what is with the edges named. It is good until ten minutes after the session's end.
func (s *Server) Explain(session signaling.SessionID, named ...signaling.EdgeID) (match.Explanation, bool) {
	return s.registry.Explain(session, named...)
}
