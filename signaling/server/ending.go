package server

import (
	"time"

	"nearlight/signaling"
)

// How sessions end.

// leave ends a player's session at its wish.
func (r *registry) leave(p *player) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.waiting != nil || p.claim != nil && p.claim.then != nil {
		r.dequeue(p)
		r.unclaim(p)
		r.rest(p)
		return
	}
	if p.measuring != nil {
		r.stopMeasuring(p)
		r.unclaim(p)
		r.rest(p)
		return
	}
	if r.forward(p, signaling.Leave{}) {
		if p.link != nil {
			r.decisions.end(p.link.session, time.Now())
		}
		r.stopSeeking(p)
		r.unlink(p)
		r.unclaim(p)
		r.rest(p)
		return
	}
	r.takeLeave(p)
}

func (r *registry) takeLeave(p *player) {
	s := p.session
	if s == nil {
		return
	}
	p.session, s.player = nil, nil
	r.unclaim(p)
	r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeLeft)}, true)
	r.forget(s)
	r.rest(p)
}

// lose keeps a session for a player whose connection was lost.
func (r *registry) lose(s *session, hold time.Duration) {
	s.player = nil
	r.quiet(s)
	s.log.Info("player is lost, the session waits", "for", hold)
	s.hold = r.after(hold, func() {
		s.hold = nil
		if s.over == nil {
			r.finish(s, signaling.Ended{Reason: signaling.Errorf(signaling.CodeTimedOut, "The player did not come back within %v.", hold)}, true)
		}
		r.forget(s)
	})
}

// finish ends a session. A player that is there is told; one that is away will be, if it comes back in time.
func (r *registry) finish(s *session, over signaling.Ended, tellEdge bool) {
	r.quiet(s)
	r.dropToken(s)
	delete(s.edge.sessions, s.id)
	if s.phase == leasing && s.slot < len(s.edge.leases) {
		s.edge.leases[s.slot].Taken = false // unless the edge says so
	} else if s.watches == "" {
		s.edge.tidied = time.Now()
	}
	if tellEdge {
		r.toEdge(s, signaling.Stop{Session: s.id, Reason: over.Reason})
		r.bury(s.id)
	}
	s.log.Info("session has ended", "code", over.Reason.Code, "reason", over.Reason.Message, "lasted", time.Since(s.born).Round(time.Millisecond))
	r.metrics.ended.WithLabelValues(known(over.Reason.Code)).Inc()
	r.ended(s, over)
	r.decisions.end(s.id, time.Now())
	p := s.player
	if p == nil {
		s.over = &over
		r.touch(s.edge)
		return
	}
	p.session, s.player = nil, nil
	r.forget(s)
	r.touch(s.edge)
	r.over(p, over)
}

// forget removes a session that has ended.
func (r *registry) forget(s *session) {
	r.alarms.stop(s.hold)
	delete(r.sessions, s.id)
}

// quiet takes off the alarms that belong to a player's presence.
func (r *registry) quiet(s *session) {
	r.alarms.stop(s.due)
	r.alarms.stop(s.probe)
	s.due, s.probe = nil, nil
}
