// Package lease decides who holds a slot of an edge. The edge alone decides: signaling only proposes, so that neither a partition nor a
// restart of signaling can book a slot twice, nor keep it booked.
//
// # The protocol
//
//	signaling -- propose {slot, expected epoch, session, token, TTL} --> edge
//	signaling <-- a signed lease {slot, epoch = expected + 1, ...} ----- edge: the slot is free and at the expected epoch
//	signaling <-- refused, with the slots as they are ----------------- edge: anything else
//
// A proposal that comes twice is granted once, and answered with the same lease again. One that was overtaken names an epoch of
// the past and is refused. A lease that nobody renews is over after its TTL, by the edge's monotonic clock: no other clock counts. An
// epoch is on the edge's disk before a lease with it is signed, so that an edge that crashed grants none of them again.
//
// A token fits one lease at a time, unless its right says that it is for several.
//
// The package is pure: no clock, no disk, no network. It is not safe for concurrent use.
package lease

import (
	"errors"
	"fmt"
	"time"

	"nearlight/signaling"
)

// Instant is a time on the edge's monotonic clock, from any origin.
type Instant = time.Duration

// Proposal is what signaling proposes for a session, checked and bounded.
type Proposal struct {
	Slot    int
	Expect  signaling.Epoch
	Session signaling.SessionID
	Token   string // signaling.TokenID
	Shared  bool   // the token may hold several leases
	TTL     time.Duration
}

// Ref names one lease of an edge.
type Ref struct {
	Slot  int
	Epoch signaling.Epoch
}

// Held is a lease that is held.
type Held struct {
	Ref
	Session signaling.SessionID
	Token   string
	Until   Instant
}

// Slot is what others are told of a slot.
type Slot struct {
	Epoch signaling.Epoch
	Taken bool
}

// The reasons to refuse a proposal.
var (
	ErrNoSlot = errors.New("lease: there is no such slot")
	ErrHeld   = errors.New("lease: the slot is held")
	ErrStale  = errors.New("lease: the slot's epoch is another one")
	ErrToken  = errors.New("lease: the token holds a lease already")
	ErrTTL    = errors.New("lease: the time is out of bounds")
	ErrOver   = errors.New("lease: the lease is over")
)

// Table is an edge's slots.
//
//	        Propose                   Renew
//	free ------------> held (epoch+1) <---.
//	  ^                  |    |  '--------'
//	  '---- Release -----'    |
//	  '---- TTL passes -------'
type Table struct {
	slots []slot
	over  []Held // of leases whose time passed, until Expire tells
}

type slot struct {
	epoch signaling.Epoch
	held  bool
	lease Held
}

// New makes a table of free slots with the epochs that they have reached.
func New(epochs []signaling.Epoch) *Table {
	t := &Table{slots: make([]slot, len(epochs))}
	for i, epoch := range epochs {
		t.slots[i].epoch = epoch
	}
	return t
}

// Propose grants a lease, or the same one again to a proposal that came twice; fresh tells which. The caller makes the epoch durable before it
// lets anybody know.
func (t *Table) Propose(now Instant, p Proposal) (held Held, fresh bool, err error) {
	t.pass(now)
	if p.Slot < 0 || p.Slot >= len(t.slots) {
		return Held{}, false, fmt.Errorf("%w: %d of %d", ErrNoSlot, p.Slot, len(t.slots))
	}
	if p.TTL < signaling.MinLease || p.TTL > signaling.MaxLease {
		return Held{}, false, fmt.Errorf("%w: %v", ErrTTL, p.TTL)
	}
	s := &t.slots[p.Slot]
	if s.held {
		if s.epoch == p.Expect+1 && s.lease.Session == p.Session && s.lease.Token == p.Token {
			return s.lease, false, nil
		}
		return Held{}, false, ErrHeld
	}
	if s.epoch != p.Expect {
		return Held{}, false, fmt.Errorf("%w: %d, not %d", ErrStale, s.epoch, p.Expect)
	}
	if !p.Shared {
		for i := range t.slots {
			if t.slots[i].held && t.slots[i].lease.Token == p.Token {
				return Held{}, false, ErrToken
			}
		}
	}
	s.epoch++
	s.held = true
	s.lease = Held{Ref: Ref{Slot: p.Slot, Epoch: s.epoch}, Session: p.Session, Token: p.Token, Until: now + p.TTL}
	return s.lease, true, nil
}

// Renew has a lease last for ttl from now, if that is longer than it does. It fails with ErrOver for one that is not held.
func (t *Table) Renew(now Instant, ref Ref, ttl time.Duration) error {
	t.pass(now)
	s := t.find(ref)
	if s == nil {
		return ErrOver
	}
	if ttl < signaling.MinLease || ttl > signaling.MaxLease {
		return fmt.Errorf("%w: %v", ErrTTL, ttl)
	}
	s.lease.Until = max(s.lease.Until, now+ttl)
	return nil
}

// Release frees a slot. It reports false for a lease that is not held: it may be released twice, or late.
func (t *Table) Release(now Instant, ref Ref) bool {
	t.pass(now)
	s := t.find(ref)
	if s == nil {
		return false
	}
	s.held = false
	return true
}

// Expire returns the leases whose time has passed since it was called last; their slots are free.
func (t *Table) Expire(now Instant) []Held {
	t.pass(now)
	over := t.over
	t.over = nil
	return over
}

// Next is when the first lease is over unless it is renewed.
func (t *Table) Next() (at Instant, some bool) {
	for i := range t.slots {
		if s := &t.slots[i]; s.held && (!some || s.lease.Until < at) {
			at, some = s.lease.Until, true
		}
	}
	return at, some
}

// Slots is how the slots are, for those who propose.
func (t *Table) Slots(now Instant) []Slot {
	t.pass(now)
	slots := make([]Slot, len(t.slots))
	for i, s := range t.slots {
		slots[i] = Slot{Epoch: s.epoch, Taken: s.held}
	}
	return slots
}

// Holders are the leases that are held.
func (t *Table) Holders(now Instant) []Held {
	t.pass(now)
	var held []Held
	for i := range t.slots {
		if t.slots[i].held {
			held = append(held, t.slots[i].lease)
		}
	}
	return held
}

func (t *Table) find(ref Ref) *slot {
	if ref.Slot < 0 || ref.Slot >= len(t.slots) {
		return nil
	}
	if s := &t.slots[ref.Slot]; s.held && s.epoch == ref.Epoch {
		return s
	}
	return nil
}

// pass frees the slots whose time has passed.
func (t *Table) pass(now Instant) {
	for i := range t.slots {
		if s := &t.slots[i]; s.held && s.lease.Until <= now {
			s.held = false
			t.over = append(t.over, s.lease)
		}
	}
}
