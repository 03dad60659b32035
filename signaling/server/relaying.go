package server

import (
	"time"

	"nearlight/signaling"
)

// answer relays a player's session description. One that nobody waits for is dropped: the session may just have ended.
func (r *registry) answer(p *player, m signaling.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forward(p, m) {
		r.takeAnswer(p, m)
	}
}

func (r *registry) takeAnswer(p *player, m signaling.Answer) {
	s := p.session
	if s == nil || s.phase != offered {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	if s.due != nil { // else it is about new ways, and says nothing of a start
		r.metrics.settled.Observe(time.Since(s.born).Seconds())
	}
	r.alarms.stop(s.due)
	s.due, s.phase = nil, settled
	r.endRequest(p, nil)
	m.Session, m.SDP = s.id, r.answerSDP(m.SDP)
	r.toEdge(s, m)
}

// candidate relays one of a player's candidates.
func (r *registry) candidate(p *player, m signaling.Candidate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forward(p, m) {
		r.takeCandidate(p, m)
	}
}

func (r *registry) takeCandidate(p *player, m signaling.Candidate) {
	s := p.session
	if s == nil || s.phase <= starting {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	if s.playerCandidates == maxCandidates {
		r.metrics.dropped.WithLabelValues("too-many-candidates").Inc()
		return
	}
	s.playerCandidates++
	m.Session = s.id
	if m, tell := r.playerCandidate(m); tell {
		r.toEdge(s, m)
	}
}

// restart asks a player's edge for new ways for their connection.
func (r *registry) restart(p *player) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forward(p, signaling.Restart{}) {
		r.takeRestart(p)
	}
}

func (r *registry) takeRestart(p *player) {
	s := p.session
	if s == nil || s.phase <= starting {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc() // the session has just ended, or an offer is due anyhow
		return
	}
	s.log.Info("player asks for new ways to its edge")
	r.toEdge(s, signaling.Restart{Session: s.id})
}

// check asks a player's edge for a sign of life.
func (r *registry) check(p *player) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.forward(p, signaling.Check{}) {
		r.takeCheck(p)
	}
}

func (r *registry) takeCheck(p *player) {
	s := p.session
	if s == nil {
		p.send(signaling.Checked{Edge: signaling.Gone})
		return
	}
	if s.probe != nil {
		return
	}
	s.probe = r.after(probeTimeout, func() {
		s.probe = nil
		s.log.Warn("edge does not answer")
		s.edge.quiet = true
		if !p.request.Wait { // else it goes on elsewhere
			p.send(signaling.Checked{Edge: signaling.Gone})
		}
		r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeEdgeGone)}, true)
	})
	r.toEdge(s, signaling.Probe{Session: s.id})
}

// answered hands an edge's answer to a player that offered.
func (r *registry) answered(s *session, m signaling.Answer) {
	if s.player.offer == "" {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	if s.due != nil && s.phase == starting {
		r.metrics.settled.Observe(time.Since(s.born).Seconds())
	}
	r.alarms.stop(s.due)
	s.due, s.phase = nil, settled
	r.endRequest(s.player, nil)
	m.Session, m.SDP = "", r.edgeAnswerSDP(s, m.SDP)
	s.player.send(m)
}

// offerAgain takes another offer of a player that offers, for new ways. Its answer is due as the first one's was.
func (r *registry) offerAgain(p *player, sdp string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.link != nil {
		r.toHome(p.link, body{SDP: sdp})
		return
	}
	r.takeOffer(p, sdp)
}

func (r *registry) takeOffer(p *player, sdp string) {
	s := p.session
	if s == nil {
		return // it has just ended, which the player is told
	}
	s.log.Info("spectator asks for new ways to its edge")
	r.alarms.stop(s.due)
	s.playerCandidates = 0
	s.due = r.after(offerTimeout, func() {
		r.finish(s, signaling.Ended{Reason: signaling.Errorf(signaling.CodeTimedOut, "The machine did not answer within %v.", offerTimeout)}, true)
	})
	r.toEdge(s, signaling.Offer{Session: s.id, SDP: r.answerSDP(sdp), Restart: true})
}
