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
	request signaling.Play // with Resume
	claims  token.Claims
	quiet   bool // the player goes on as it is: nothing was under way between it and its edge
	over    *alarm
}

func sessionOver() *signaling.Error {
	return signaling.Errorf(signaling.CodeTimedOut, "Your session is over; it was kept for %v.", holdTime).WithHint("Play again to start anew.")
}

// expected reports whether a session that is not known may become known: its edge is not here.
func (r *registry) expected(id signaling.SessionID) bool {
	of, ok := edgeOf(id)
	if !ok {
		return false
	}
	e := r.edges[of]
	return e == nil
}

// seek has a player wait for its session's edge.
func (r *registry) seek(p *player, m signaling.Play, claims token.Claims) {
	of, _ := edgeOf(m.Resume)
	r.alarms.stop(p.idle)
	p.seek = &seeking{edge: of, request: m, claims: claims}
	r.seekers[p] = struct{}{}
	p.log.Info("session is sought", "session", m.Resume)
	p.seek.over = r.after(seekTime, func() {
		r.stopSeeking(p)
		r.metrics.matches.WithLabelValues("resume-unknown").Inc()
		p.end(sessionOver())
	})
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
		sought := p.seek
		if sought.edge != id {
			continue
		}
		r.stopSeeking(p)
		if err := r.resume(p, sought.request, sought.claims); err != nil {
			p.end(err)
		}
	}
}
