package server

import (
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"nearlight/signaling"
)

// edge is one edge. It outlives its socket by edgeReturn. The registry's mutex guards it.
type edge struct {
	id   signaling.EdgeID // never changes
	name string
	log  *slog.Logger

	peer peer   // nil: the connection is lost, and away is set
	away *alarm // its return

	slots   int
	free    int // as the edge said last; 0 with slots untaken: it is draining, or does not keep up
	codecs  []string
	apps    []signaling.App
	reach   Reach
	ways    []netip.AddrPort // where players may measure it
	traits  signaling.Traits // its own word
	found   *signaling.Place // where its address is; nil: nobody knows
	network string           // through which it is reached; "": unknown
	root    string           // by whom it is endorsed; "": nobody
	lapse   *alarm           // the end of that
	quiet   bool             // it did not answer a probe, and nothing came from it since
	relief  *alarm           // it is degraded, and looked after
	shunned time.Time        // until which it is given nobody
	cut     bool             // it has told of seconds that cannot be, which is logged once
	since   int64
	leases  []signaling.SlotState // of each slot: as the edge said last, and what was proposed since
	tidied  time.Time             // when the last session ended that had a slot, for as far as this node knows

	catalogue *catalogue // apps, shared with other edges

	sessions map[signaling.SessionID]*session
	installs map[signaling.RequestID]*installation
}

// available is how many sessions the edge can still be given. What it said last may be older than our last start.
func (e *edge) available() int {
	if e.free == 0 || time.Now().Before(e.shunned) {
		return 0
	}
	untaken := 0
	for _, s := range e.leases {
		if !s.Taken {
			untaken++
		}
	}
	return untaken
}

// register takes an edge in, or back where it is one that was lost. Its id is what it has shown to be. It returns nil for one that an operator has
// banned.
func (r *registry) register(to peer, m signaling.Register, id signaling.EdgeID) *edge {
	reach := reachOf(to, m)
	found := r.locate(reach.standpoint())
	endorsed, strange := endorsementOf(id, m.Endorsement, time.Now())
	standing, checked := r.keeper.standing(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if reason := r.barredEdge(id); reason != nil {
		to.end(reason)
		return nil
	}
	e := r.edges[id]
	if e == nil {
		e = &edge{
			id:       id,
			sessions: make(map[signaling.SessionID]*session), installs: make(map[signaling.RequestID]*installation),
		}
		e.log = r.log.With("edge", e.id)
		r.edges[e.id] = e
	}
	if e.peer != nil {
		e.peer.end(signaling.NewError(signaling.CodeReplaced))
	}
	r.alarms.stop(e.away)
	e.peer, e.away, e.quiet = to, nil, false
	delete(r.late, e.id)
	e.name, e.slots, e.free, e.codecs = m.Name, m.Slots, m.Free, r.internCodecs(m.Codecs)
	e.offerApps(r.catalogue(m.Apps))
	e.since, e.leases, e.tidied = m.Since, m.Leases, time.Now()
	for _, told := range m.Running {
		m.Sessions = append(m.Sessions, told.Session)
		r.adopt(e, told)
	}
	e.log.Info("edge is registered", "name", e.name, "slots", e.slots, "free", e.free, "codecs", e.codecs, "apps", len(e.apps), "sessions", len(m.Sessions))
	e.reach, e.ways, e.traits, e.found, e.network = reach, reach.ways(), m.Traits, placeByAddress(found), found.Network
	if r.endorse(e, endorsed); strange != nil {
		e.log.Warn("the edge's endorsement counts for nothing", "error", strange)
	}
	to.send(signaling.Registered{Edge: e.id, Usage: signaling.UsagePeriod})
	for id, s := range e.sessions {
		if !slices.Contains(m.Sessions, id) && !s.unsent() {
			r.finish(s, signaling.Ended{Reason: signaling.Errorf(signaling.CodeEdgeGone, "The machine that ran your game has started anew.")}, false)
			continue
		}
		for _, late := range s.late {
			to.send(late)
		}
		s.late = nil
	}
	for _, id := range m.Sessions {
		if e.sessions[id] == nil {
			to.send(signaling.Stop{Session: id, Reason: signaling.Errorf(signaling.CodeTimedOut, "Signaling has given this session up.")})
		}
	}
	if checked {
		r.decide(e.id, standing)
		r.keeper.changedID(e.id) // in case that it was while this one came
	}
	r.touch(e)
	r.reindex(e.id)
	r.moved(e.id, "")
	r.found(e.id)
	r.serveQueue()
	return e
}

func (e *edge) offerApps(c *catalogue) { e.catalogue, e.apps = c, c.apps }

// unsent reports whether the edge cannot know of the session yet, because its start still waits.
func (s *session) unsent() bool {
	return slices.ContainsFunc(s.late, func(m signaling.Message) bool {
		start, ok := m.(signaling.Start)
		return ok && !start.Resume
	})
}

// loseEdge gives an edge whose socket is closed a moment to come back.
func (r *registry) loseEdge(e *edge, was peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.peer != was {
		return // it has come back already
	}
	e.peer = nil
	delete(r.late, e.id)
	r.touch(e)
	e.log.Info("edge is lost", "sessions", len(e.sessions))
	e.away = r.after(edgeReturn, func() {
		e.log.Info("edge is gone", "sessions", len(e.sessions))
		r.alarms.stop(e.lapse)
		delete(r.edges, e.id)
		r.touch(e)
		r.reindex(e.id)
		for _, s := range e.sessions {
			r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeEdgeGone)}, false)
		}
		for _, i := range e.installs {
			r.installed(i, signaling.Installing{Done: true, Error: signaling.Errorf(signaling.CodeEdgeGone, "The machine that was installing it cannot be reached any more.")})
		}
	})
}

// fromEdge takes one message of an edge. The error ends the edge's connection.
func (r *registry) fromEdge(e *edge, from peer, m signaling.Message) *signaling.Error {
	var forged error
	if m, ok := m.(signaling.Leased); ok {
		forged = signedBy(e.id, m.Lease) // which takes too long to do while others wait
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.peer != from {
		return nil // replaced; its last messages are about the past
	}
	if e.quiet {
		e.quiet = false
		r.touch(e)
	}
	switch m := m.(type) {
	case signaling.Status:
		if m.Free > e.slots {
			return signaling.Errorf(signaling.CodeBadMessage, "%d slots are said to be free, there are %d.", m.Free, e.slots)
		}
		if m.Leases != nil && len(m.Leases) != e.slots {
			return signaling.Errorf(signaling.CodeBadMessage, "Leases are %d, slots %d.", len(m.Leases), e.slots)
		}
		e.free = m.Free
		if m.Apps != nil {
			e.offerApps(r.catalogue(m.Apps))
		}
		if m.Leases != nil {
			e.leases = m.Leases
		}
		if m.Pictures != nil {
			e.traits.Pictures = m.Pictures
		}
		r.touch(e)
		r.serveQueue()
		return nil
	case signaling.Usage:
		r.used(e, m)
		return nil
	case signaling.Installing:
		if i := e.installs[m.Request]; i != nil {
			r.installed(i, m)
		}
		return nil
	case signaling.Register:
		return signaling.Errorf(signaling.CodeBadMessage, "This connection has registered an edge already.")
	}
	id, ok := sessionOf(m)
	s := e.sessions[id]
	if !ok || s == nil {
		if over, ended := m.(signaling.Ended); ended {
			r.strayEnd(e, over)
		}
		r.metrics.dropped.WithLabelValues("unknown-session").Inc() // it has just ended
		return nil
	}
	if m, ok := m.(signaling.Leased); ok {
		r.leased(s, m.Lease, forged)
		return nil
	}
	r.forSession(s, m)
	return nil
}

func sessionOf(m signaling.Message) (signaling.SessionID, bool) {
	switch m := m.(type) {
	case signaling.Refuse:
		return m.Session, true
	case signaling.Progress:
		return m.Session, true
	case signaling.Offer:
		return m.Session, true
	case signaling.Answer:
		return m.Session, true
	case signaling.Candidate:
		return m.Session, true
	case signaling.Ended:
		return m.Session, true
	case signaling.Living:
		return m.Session, true
	case signaling.Unheard:
		return m.Session, true
	case signaling.Bound:
		return m.Session, true
	case signaling.Degraded:
		return m.Session, true
	case signaling.Leased:
		return m.Session, true
	}
	return "", false
}

// forSession takes an edge's message about one of its sessions. The player learns no session id but its own, from Matched.
func (r *registry) forSession(s *session, m signaling.Message) {
	switch m := m.(type) {
	case signaling.Ended:
		m.Session = ""
		r.finish(s, m, false)
		return
	case signaling.Refuse:
		if m.Error.Code == signaling.CodeStale && r.again(s) {
			return
		}
		reason := m.Error
		if s.player != nil {
			reason = r.ownWords(s.player, s.edge, reason)
		}
		r.refused(s, reason)
		return
	case signaling.Degraded:
		r.degraded(s, m)
		return
	case signaling.Living:
		if s.probe != nil {
			r.alarms.stop(s.probe)
			s.probe = nil
			s.player.send(signaling.Checked{Edge: signaling.Alive})
		}
		return
	}
	if s.phase == leasing { // nothing of a session is heard before its lease
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	p := s.player
	if p == nil {
		r.metrics.dropped.WithLabelValues("player-away").Inc() // it will get a fresh offer
		return
	}
	switch m := m.(type) {
	case signaling.Progress:
		m.Session = ""
		p.send(m)
	case signaling.Answer:
		r.answered(s, m)
	case signaling.Offer:
		r.alarms.stop(s.due)
		s.phase, s.playerCandidates, s.edgeCandidates = offered, 0, 0
		s.due = nil
		if !m.Restart {
			s.due = r.after(answerTimeout, func() {
				r.finish(s, signaling.Ended{Reason: signaling.Errorf(signaling.CodeTimedOut,
					"Your browser did not answer the machine within %v.", answerTimeout)}, true)
			})
		}
		m.Session = ""
		if p.stepSpan != nil { // else its game runs already
			r.step(p, s, spanAnswer)
		}
		r.sendOffer(p, m)
	case signaling.Unheard:
		m.Session = ""
		p.send(m)
	case signaling.Bound:
		m.Session = ""
		p.send(m)
	case signaling.Candidate:
		if s.phase <= starting || s.edgeCandidates == maxCandidates {
			r.metrics.dropped.WithLabelValues("too-many-candidates").Inc()
			return
		}
		s.edgeCandidates++
		m.Session = ""
		if m, tell := r.edgeCandidate(m); tell {
			p.send(m)
		}
	}
}

// refused ends a session that its edge declined: for the player its request has failed.
func (r *registry) refused(s *session, reason *signaling.Error) {
	p := s.player
	if p == nil {
		r.finish(s, signaling.Ended{Reason: reason}, false)
		return
	}
	p.session, s.player = nil, nil
	r.finish(s, signaling.Ended{Reason: reason}, false)
	r.forget(s)
	if reason.Code == signaling.CodeShuttingDown && p.request.Wait && p.request.Resume == "" { // it was not to be known yet
		if p.guest != nil {
			p.guest.tell(body{Retry: reason})
			return
		}
		r.reassign(p, reason)
		return
	}
	if s.phase <= starting && reason.Code != signaling.CodeSpentToken {
		r.undone(p) // nothing began by the token
	}
	r.unclaim(p)
	r.endRequest(p, reason)
	p.end(reason)
}
