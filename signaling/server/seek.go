package server

import (
	"time"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// seekTime is how long a player waits for its session's edge to be known here: an edge that lost its signaling node is at
// another within edgeReturn, and the nodes tell each other within a second.
const seekTime = edgeReturn + 2*time.Second

// seeking is a player's wait for its session's edge.
type seeking struct {
	edge    signaling.EdgeID
	request signaling.Play // with Resume, or Watch
	claims  token.Claims
	// going says that the player has the session already, and quiet that it goes on as it is: nothing was under way between it and its edge.
	going, quiet bool
	over         *alarm
}

func sessionOver() *signaling.Error {
	return signaling.Errorf(signaling.CodeTimedOut, "Your session is over; it was kept for %v.", holdTime).WithHint("Play again to start anew.")
}

// elsewhere reports whether a session's edge is not here, so that it may be at another node, now or in a moment.
func (r *registry) elsewhere(id signaling.SessionID) bool {
	of, ok := edgeOf(id)
	if !ok {
		return false
	}
	return r.edges[of] == nil || r.farNow(of) != nil
}

// seek has a player who asks for a session wait for its edge.
func (r *registry) seek(p *player, m signaling.Play, claims token.Claims) {
	session := m.Resume
	if session == "" {
		session = m.Watch
	}
	of, _ := edgeOf(session)
	p.request, p.claims = m, claims
	r.await(p, &seeking{edge: of, request: m, claims: claims}, seekTime)
	r.trySeek(p)
}

// seekOn has a player wait for the edge of the session that it has. Where nothing is under way it can wait for as long as the
// edge waits for it: it may be playing on.
func (r *registry) seekOn(p *player, session signaling.SessionID, quiet bool) {
	of, _ := edgeOf(session)
	m := p.request
	m.Resume, m.Restart = session, false
	patience := seekTime
	if quiet {
		patience = holdTime
	}
	r.await(p, &seeking{edge: of, request: m, claims: p.claims, going: true, quiet: quiet}, patience)
}

func (r *registry) await(p *player, s *seeking, patience time.Duration) {
	r.stopSeeking(p)
	r.alarms.stop(p.idle)
	p.seek = s
	r.seekers[p] = struct{}{}
	p.log.Info("the session's edge is sought", "edge", s.edge)
	s.over = r.after(patience, func() { r.seekFailed(p) })
}

// hurry is for a player to whom nothing comes from its edge either: it does not wait longer than for an edge that lost its socket.
func (r *registry) hurry(p *player) {
	if p.seek.going && time.Until(p.seek.over.at) > edgeReturn {
		r.alarms.stop(p.seek.over)
		p.seek.over = r.after(edgeReturn, func() { r.seekFailed(p) })
	}
}

func (r *registry) seekFailed(p *player) {
	going := p.seek.going
	r.decisions.end(p.seek.request.Resume, time.Now())
	r.stopSeeking(p)
	if !going {
		r.metrics.matches.WithLabelValues("resume-unknown").Inc()
		p.end(sessionOver())
		return
	}
	r.over(p, signaling.Ended{Reason: signaling.NewError(signaling.CodeEdgeGone)})
}

func (r *registry) stopSeeking(p *player) {
	if p.seek == nil {
		return
	}
	r.alarms.stop(p.seek.over)
	p.seek = nil
	delete(r.seekers, p)
}

// found goes on with the players who have waited for an edge.
func (r *registry) found(id signaling.EdgeID) {
	for p := range r.seekers {
		if p.seek.edge == id {
			r.trySeek(p)
		}
	}
}

func (r *registry) trySeekers() {
	for p := range r.seekers {
		r.trySeek(p)
	}
}

// trySeek goes on with a player if its edge is known.
func (r *registry) trySeek(p *player) {
	s := p.seek
	f := r.farNow(s.edge)
	e := r.edges[s.edge]
	if f == nil && (e == nil || e.peer == nil) {
		return
	}
	r.stopSeeking(p)
	var err *signaling.Error
	switch {
	case f != nil:
		err = r.connect(p, f, s.request, s.claims, s.quiet)
	case s.quiet:
		err = r.rebind(p, s.request, s.claims)
	case s.request.Resume != "":
		err = r.resume(p, s.request, s.claims)
	default:
		err = r.lookOn(p, s.request, s.claims)
	}
	if err != nil {
		p.end(err)
	}
}

// rebind gives a player the session that it has, at the node where its edge is now: neither of the two has to do anything.
func (r *registry) rebind(p *player, m signaling.Play, claims token.Claims) *signaling.Error {
	s := r.sessions[m.Resume]
	if s == nil || s.owner != signaling.TokenID(claims.ID) || s.over != nil || s.phase != settled {
		return r.resume(p, m, claims)
	}
	if old := s.player; old != nil {
		old.session = nil
		old.end(signaling.NewError(signaling.CodeReplaced))
	}
	r.alarms.stop(p.idle)
	r.alarms.stop(s.hold)
	p.session, s.player, s.hold = s, p, nil
	p.request, p.claims, s.key = m, claims, claims.Key
	s.sat = time.Now()
	r.entitled(s, p.errand)
	r.holdToken(s)
	r.studioOf(s, claims.Studio)
	r.metrics.matches.WithLabelValues("rejoined").Inc()
	r.decisions.goOn(s.id)
	r.sat(p, s)
	s.log.Info("player goes on with its session at this node")
	return nil
}

// yield gives an edge of ours up to the node where it is now.
func (r *registry) yield(e *edge) {
	e.log.Info("edge is at another node", "sessions", len(e.sessions))
	delete(r.edges, e.id)
	delete(r.late, e.id)
	r.touch(e)
	r.alarms.stop(e.away)
	r.alarms.stop(e.lapse)
	for _, s := range e.sessions {
		p, phase := s.player, s.phase
		r.drop(s)
		switch {
		case p == nil: // it will ask the other node
		case p.guest != nil:
			p.guest.tell(body{Seek: true})
		case phase == leasing:
			r.reassign(p, signaling.NewError(signaling.CodeEdgeGone))
		default:
			r.seekOn(p, s.id, phase == settled)
		}
	}
	for _, i := range e.installs {
		r.installed(i, signaling.Installing{Done: true, Error: signaling.Errorf(signaling.CodeEdgeGone, "The machine that was installing it is connected elsewhere now.")})
	}
	if e.peer != nil {
		e.peer.end(nil)
		e.peer = nil
	}
	r.reindex(e.id)
}
