package server

import (
	"slices"
	"time"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/lease"
)

const (
	// leaseTime is what signaling proposes; the edge renews while the player is there.
	leaseTime = 60 * time.Second
	// maxTries is how often a player is proposed elsewhere because somebody else was quicker.
	maxTries = 5
	// buriedTime is how long an edge that was away may still tell of a session that has ended: as long as its player could have come back.
	buriedTime = holdTime
)

// pick takes an untaken slot of an edge for a session that is to be proposed there, with the epoch that it has now; ok is false for none.
func (e *edge) pick() (slot int, now signaling.Epoch, ok bool) {
	slot = slices.IndexFunc(e.leases, func(s signaling.SlotState) bool { return !s.Taken })
	if slot < 0 {
		return 0, 0, false
	}
	e.leases[slot].Taken = true // until the edge says how it is
	return slot, e.leases[slot].Epoch, true
}

// proposal asks the session's edge for the slot that was picked.
func (s *session) proposal() *signaling.Proposal {
	return &signaling.Proposal{Slot: s.slot, Expect: s.expect, TTL: leaseTime.Milliseconds()}
}

// signedBy fails unless a lease is signed by the edge with this id.
func signedBy(id signaling.EdgeID, l *signaling.Lease) error {
	address, err := identity.ParseAddress(string(id))
	if err != nil {
		return err
	}
	return lease.Verify(*l, address)
}

// leased takes an edge's lease, which its edge has signed unless it is forged, and tells the player that it has a session.
func (r *registry) leased(s *session, l *signaling.Lease, forged error) {
	if s.phase != leasing {
		r.metrics.dropped.WithLabelValues("out-of-turn").Inc()
		return
	}
	if why := unfit(s, l, forged); why != "" {
		s.log.Error("the edge's lease is not what was asked for", "why", why)
		reason := signaling.Errorf(signaling.CodeEdgeRefused, "The machine's lease is not valid.")
		if s.edge.peer != nil {
			s.edge.peer.send(signaling.Stop{Session: s.id, Reason: reason})
		}
		r.refused(s, reason)
		return
	}
	s.lease, s.phase = l, starting
	r.noted(s.edge)
	if s.once { // whoever began it may be at another node, and that one lost
		r.book.Spend(s.owner, string(s.id), s.until)
	}
	r.metrics.leases.Observe(time.Since(s.born).Seconds())
	if s.player != nil {
		r.step(s.player, s, spanOffer)
		r.matched(s.player, s)
	}
}

// unfit says what is wrong with a lease, "" for nothing.
func unfit(s *session, l *signaling.Lease, forged error) string {
	switch {
	case forged != nil:
		return forged.Error()
	case l.Session != s.id:
		return "it is another session's"
	case l.Slot != s.slot || l.Epoch != s.expect+1:
		return "it is another slot's, or of another epoch"
	case l.Token != s.owner || l.Player != s.holder:
		return "it is another token's, or another player's"
	}
	return ""
}

// again has a player whose proposal was overtaken try another slot, or another edge. It reports false when it has tried often enough.
func (r *registry) again(s *session) bool {
	p := s.player
	if p == nil || s.phase != leasing {
		return false
	}
	r.metrics.overtaken.Inc()
	if p.tries++; p.tries >= maxTries {
		return false
	}
	r.decisions.end(s.id, time.Now())
	r.drop(s)
	if p.guest != nil { // its own node knows all edges as well, and how often it has tried
		p.guest.tell(body{Retry: signaling.NewError(signaling.CodeStale)})
		return true
	}
	if err := r.assign(p); err != nil {
		p.end(err)
	}
	return true
}

// drop forgets a session that never came to be. Its player is without one then.
func (r *registry) drop(s *session) {
	r.quiet(s)
	r.dropToken(s)
	r.alarms.stop(s.hold)
	delete(s.edge.sessions, s.id)
	delete(r.sessions, s.id)
	r.touch(s.edge)
	if s.player != nil {
		s.player.session, s.player = nil, nil
	}
}

// adopt goes on with a session that an edge runs and this node has never heard of: its player is expected.
func (r *registry) adopt(e *edge, told signaling.Running) {
	of, ok := edgeOf(told.Session)
	if _, dead := r.buried[told.Session]; dead || !ok || of != e.id || r.sessions[told.Session] != nil {
		return
	}
	s := &session{id: told.Session, app: told.App, owner: told.Token, edge: e, born: time.Now(), watches: told.Watch, phase: settled, slot: told.Slot}
	s.noted, s.adopted = told.Watch == "", true
	s.rest = s.born.Add(moveRest) // its player may have been moved, as far as anybody here knows
	s.log = r.log.With("session", s.id, "edge", e.id)
	r.sessions[s.id], e.sessions[s.id] = s, s
	r.holdToken(s)
	r.metrics.adopted.Inc()
	if s.noted {
		r.records.add(store.Begin{Session: s.id, App: s.app, Edge: e.id, At: s.born}) // changes nothing where it is kept
	}
	s.log.Info("session is taken over as its edge runs it", "app", s.app)
	r.lose(s, holdTime)
	r.endDoubled(r.book.Told(r.book.HoldsOf(s.owner)))
	r.toAll(ofTokens{Holds: r.book.HoldsOf(s.owner)})
}

// bury remembers that a session has ended, for an edge that was not told.
func (r *registry) bury(id signaling.SessionID) {
	r.buried[id] = struct{}{}
	r.after(buriedTime, func() { delete(r.buried, id) })
}
