package edge

import (
	"context"
	"errors"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/lease"
)

const (
	// leaseTime is how long a lease lasts that nobody renews: longer than a lost player is waited for, and than a start may take.
	leaseTime = 60 * time.Second
	// leaseRenewal is how often the lease of a player who is connected is renewed.
	leaseRenewal = 10 * time.Second
)

// errLeaseOver ends a session whose lease nobody has renewed.
var errLeaseOver = signaling.Errorf(signaling.CodeTimedOut, "Nothing was heard of the player for %v.", leaseTime)

// sinceStart is the clock of leases: monotonic, whatever the wall clock does.
func (n *Node) sinceStart() lease.Instant { return time.Since(n.born) }

// propose books the slot that signaling proposes. The caller holds mu.
func (n *Node) propose(m signaling.Start, tokenID string, shared bool) (lease.Held, error) {
	if m.Lease == nil {
		return lease.Held{}, signaling.Errorf(signaling.CodeBadMessage, "session %s is to be played, and no slot is proposed for it", m.Session)
	}
	now := n.sinceStart()
	held, fresh, err := n.leases.Propose(now, lease.Proposal{
		Slot: m.Lease.Slot, Expect: m.Lease.Expect, Session: m.Session, Token: signaling.TokenID(tokenID), Shared: shared,
		TTL: time.Duration(m.Lease.TTL) * time.Millisecond,
	})
	n.expireLeases(now)
	switch {
	case errors.Is(err, lease.ErrToken):
		return lease.Held{}, signaling.NewError(signaling.CodeTokenInUse)
	case errors.Is(err, lease.ErrTTL):
		return lease.Held{}, signaling.Errorf(signaling.CodeBadMessage, "%v", err)
	case err != nil:
		n.metrics.leasesStale.Inc()
		n.sendStatus(nil) // what signaling knows is old
		return lease.Held{}, signaling.Errorf(signaling.CodeStale, "%v", err)
	case !fresh:
		return lease.Held{}, signaling.Errorf(signaling.CodeBadMessage, "session %s has its lease already", m.Session)
	}
	n.metrics.leases.Inc()
	return held, nil
}

// countersign has a session's lease on the disk, and then tells signaling.
func (n *Node) countersign(s *session) error {
	held := s.lease
	if held == nil {
		return nil
	}
	now := time.Now()
	l := signaling.Lease{
		Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Token: held.Token, ExpiresAt: now.Add(held.Until - n.sinceStart()).Unix(),
	}
	if holder := s.claims.Holder; !holder.IsZero() {
		l.Player = holder.String()
	}
	signed, err := lease.Sign(n.config.Identity, l)
	if err != nil {
		return err
	}
	// Signed or not, nobody hears of an epoch that a crash would make the edge forget.
	if err := n.config.Leases.Append(lease.GrantOf(signed, now.UnixMilli())); err != nil {
		return err
	}
	n.say(signaling.Leased{Session: s.id, Lease: &signed})
	return nil
}

// renew has a session's lease last on: its player is there.
func (n *Node) renew(s *session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.lease == nil {
		return
	}
	if err := n.leases.Renew(n.sinceStart(), s.lease.Ref, leaseTime); err != nil {
		s.logger.Warn("the lease cannot be renewed", "error", err)
	}
}

// release frees a session's slot for others, if it still has it. The caller holds mu.
func (n *Node) release(s *session) {
	if s.lease == nil || !n.leases.Release(n.sinceStart(), s.lease.Ref) {
		return
	}
	n.note(lease.Record{Event: lease.Released, Slot: s.lease.Slot, Epoch: s.lease.Epoch, Session: s.id})
}

func (n *Node) note(r lease.Record) {
	r.At = time.Now().UnixMilli()
	if err := n.config.Leases.Note(r); err != nil {
		n.logger.Error("a lease's end cannot be written down", "session", r.Session, "error", err)
	}
}

// expireLeases ends the sessions whose lease is over. The caller holds mu.
func (n *Node) expireLeases(now lease.Instant) {
	for _, over := range n.leases.Expire(now) {
		n.metrics.leasesExpired.Inc()
		n.note(lease.Record{Event: lease.Expired, Slot: over.Slot, Epoch: over.Epoch, Session: over.Session})
		if r := n.sessions[over.Session]; r != nil {
			r.logger.Warn("the session's lease is over", "slot", over.Slot, "epoch", over.Epoch)
			r.stop(errLeaseOver)
		}
	}
}

// keepLeases ends leases in time until ctx ends.
func (n *Node) keepLeases(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			n.mu.Lock()
			n.expireLeases(n.sinceStart())
			n.mu.Unlock()
		}
	}
}

// slotStates is how the slots are, for signaling. The caller holds mu.
func (n *Node) slotStates() []signaling.SlotState {
	slots := n.leases.Slots(n.sinceStart())
	states := make([]signaling.SlotState, len(slots))
	for i, s := range slots {
		states[i] = signaling.SlotState{Epoch: s.Epoch, Taken: s.Taken}
	}
	return states
}

// told is a running session as signaling is told it.
func (r *running) told() signaling.Running {
	told := signaling.Running{Session: r.id, App: r.app.Name, Token: r.token}
	if r.watches != nil {
		told.Watch = r.watches.id
	}
	if r.lease != nil {
		told.Slot, told.Epoch = r.lease.Slot, r.lease.Epoch
	}
	return told
}
