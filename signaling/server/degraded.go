package server

import (
	"time"

	"nearlight/signaling"
)

// An edge is degraded when it says that it does not keep up with a session (signaling.Degraded), or when it answers pings late again and again.
// Its players are handed to other edges, one at a time, since what is left may suit it then; and only where another edge has a slot
// that nobody waits for: who plays badly is better off than who does not play.
const (
	// moveRest is how long a player who was moved stays where it is, whatever that edge is like: a game that begins anew again and again is
	// worse than one with few frames.
	moveRest = 10 * time.Minute
	// reliefTime is how long an edge is given to recover from one player's leaving before another one does.
	reliefTime = 15 * time.Second
	// reliefLook is how often it is looked for room elsewhere.
	reliefLook = 5 * time.Second
	// shunTime is how long an edge that was relieved is given nobody.
	shunTime = 2 * time.Minute
)

// degraded takes an edge's word that it does not keep up with a session, or does again.
func (r *registry) degraded(s *session, m signaling.Degraded) {
	s.degraded = m.Reason
	if m.Reason != nil {
		s.log.Warn("edge does not keep up with the session", "reason", m.Reason.Message)
		r.relieve(s.edge)
		return
	}
	s.log.Info("edge keeps up with the session again")
}

// heartbeats takes whether an edge answers its pings late now.
func (r *registry) heartbeats(e *edge, from peer, late bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.peer != from {
		return
	}
	if !late {
		delete(r.late, e.id)
		e.log.Info("edge answers in time again")
		return
	}
	r.late[e.id] = struct{}{}
	e.log.Warn("edge answers late")
	r.relieve(e)
}

// isLate reports whether an edge answers late, and it is not this node that reads late: then most edges would.
func (r *registry) isLate(e *edge) bool {
	_, late := r.late[e.id]
	return late && 2*len(r.late) <= len(r.edges)
}

// relieve hands one player of a degraded edge to another, if there is room, and looks again later for as long as the edge is degraded.
func (r *registry) relieve(e *edge) {
	if e.relief != nil && e.relief.index >= 0 {
		return // it is looked after
	}
	again := reliefLook
	s, reason := r.worstOff(e)
	switch {
	case s != nil && r.roomBeside(e, s):
		again = reliefTime
		e.shunned = time.Now().Add(shunTime)
		r.after(shunTime, func() {
			r.touch(e)
			r.serveQueue()
		})
		r.metrics.relieved.Inc()
		r.finish(s, signaling.Ended{Reason: reason}, true)
	case s == nil && !r.ails(e):
		return
	}
	e.relief = r.after(again, func() {
		if r.edges[e.id] == e {
			r.relieve(e)
		}
	})
}

// ails reports whether an edge is degraded.
func (r *registry) ails(e *edge) bool {
	if r.isLate(e) {
		return true
	}
	for _, s := range e.sessions {
		if s.degraded != nil {
			return true
		}
	}
	return false
}

// worstOff is the session of a degraded edge to move next, and why; nil for none. It is the youngest: it has the least to lose.
func (r *registry) worstOff(e *edge) (worst *session, reason *signaling.Error) {
	now := time.Now()
	for _, s := range e.sessions {
		why := s.degraded
		if why == nil && r.isLate(e) {
			why = signaling.Errorf(signaling.CodeDegraded, "The machine that ran your game answers too late.")
		}
		movable := why != nil && s.phase == settled && s.player != nil && s.player.request.Wait && s.watches == "" && !now.Before(s.rest)
		if movable && (worst == nil || s.born.After(worst.born)) {
			worst, reason = s, why
		}
	}
	if reason != nil {
		reason = signaling.Errorf(signaling.CodeDegraded, "%s", reason.Message) // whatever code the edge has given it
	}
	return worst, reason
}

// roomBeside reports whether another edge can take a session's player, and nobody waits for that.
func (r *registry) roomBeside(e *edge, s *session) bool {
	if len(r.line) > 0 || r.older(time.Now()) > 0 {
		return false
	}
	_, candidates, err := r.shortlist(s.player)
	if err != nil {
		return false
	}
	ranked := r.rank(s.player, s.player.recall(candidates))
	return len(ranked) > 0 && ranked[0].Edge != e.id
}
