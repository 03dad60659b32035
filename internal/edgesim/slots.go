package edgesim

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"nearlight/edge/leaselog"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

// Slots are an edge's slots and who has them, with the key that signs their leases: for a Machine, and for a test that says all else itself.
// They are safe for concurrent use.
type Slots struct {
	key  identity.Signer
	log  *leaselog.Log // nil: nothing is written down
	born time.Time     // the origin of their clock

	mu      sync.Mutex
	table   *lease.Table
	running map[signaling.SessionID]running
	shut    bool
}

type running struct {
	signaling.Running
	ref lease.Ref // the zero Ref for who looks on, which no lease has: epochs begin at 1
}

// NewSlots makes free slots that have reached these epochs.
func NewSlots(key identity.Signer, epochs []signaling.Epoch, born time.Time) *Slots {
	return &Slots{key: key, born: born, table: lease.New(epochs), running: make(map[signaling.SessionID]running)}
}

// Bearer is whom a lease is for, as the player's token says.
type Bearer struct {
	Token  string // its TokenID
	Player string // the address that it is bound to; "" for none
	Shared bool   // it may hold several leases
}

// BearerOf reads claims.
func BearerOf(claims token.Claims) Bearer {
	b := Bearer{Token: signaling.TokenID(claims.ID), Shared: claims.Allows(token.Many)}
	if !claims.Holder.IsZero() {
		b.Player = claims.Holder.String()
	}
	return b
}

// ID is what signaling knows the edge by: its key's address.
func (s *Slots) ID() signaling.EdgeID { return signaling.EdgeID(s.key.Address().String()) }

// Key signs the leases.
func (s *Slots) Key() identity.Signer { return s.key }

func (s *Slots) now() lease.Instant { return time.Since(s.born) }

// Status is how the slots are.
func (s *Slots) Status() signaling.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.table.Slots(s.now())
	status := signaling.Status{Leases: make([]signaling.SlotState, len(slots))}
	for i, slot := range slots {
		status.Leases[i] = signaling.SlotState{Epoch: slot.Epoch, Taken: slot.Taken}
		if !slot.Taken && !s.shut {
			status.Free++
		}
	}
	return status
}

// Shut has nothing be free from now on, as at an edge that drains or does not keep up.
func (s *Slots) Shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
}

// Describe puts into a registration how the slots are, and what runs.
func (s *Slots) Describe(m *signaling.Register) {
	status := s.Status()
	m.Slots, m.Free, m.Leases = len(status.Leases), status.Free, status.Leases
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		m.Running = append(m.Running, r.Running)
	}
}

// Lease grants what a start proposes, signs it and writes it down. Where it does not, the error is the code that an edge refuses with.
func (s *Slots) Lease(m signaling.Start, by Bearer) (*signaling.Lease, error) {
	if m.Lease == nil {
		return nil, signaling.Errorf(signaling.CodeBadMessage, "session %s is to be played, and no slot is proposed", m.Session)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ttl := time.Duration(m.Lease.TTL) * time.Millisecond
	held, fresh, err := s.table.Propose(s.now(), lease.Proposal{
		Slot: m.Lease.Slot, Expect: m.Lease.Expect, Session: m.Session, Token: by.Token, Shared: by.Shared, TTL: ttl,
	})
	switch {
	case errors.Is(err, lease.ErrToken):
		return nil, signaling.NewError(signaling.CodeTokenInUse)
	case err != nil || !fresh:
		return nil, signaling.NewError(signaling.CodeStale)
	}
	now := time.Now()
	signed, err := lease.Sign(s.key, signaling.Lease{
		Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Player: by.Player, Token: held.Token, ExpiresAt: now.Add(ttl).Unix(),
	})
	if err != nil {
		return nil, err
	}
	if s.log != nil {
		if err := s.log.Append(lease.GrantOf(signed, now.UnixMilli())); err != nil {
			return nil, err
		}
	}
	s.running[m.Session] = running{
		Running: signaling.Running{Session: m.Session, App: m.App, Token: held.Token, Slot: held.Slot, Epoch: held.Epoch}, ref: held.Ref,
	}
	return &signed, nil
}

// Answer is what an edge says to a start that proposes a slot: the lease and how its slots are then, or how they are and why it refuses. leased
// tells which.
func (s *Slots) Answer(m signaling.Start, by Bearer) (said []signaling.Message, leased bool, err error) {
	given, err := s.Lease(m, by)
	var refused *signaling.Error
	switch {
	case errors.As(err, &refused):
		return []signaling.Message{s.Status(), signaling.Refuse{Session: m.Session, Error: refused}}, false, nil
	case err != nil:
		return nil, false, err
	}
	return []signaling.Message{signaling.Leased{Session: m.Session, Lease: given}, s.Status()}, true, nil
}

// Watched notes a session that looks on at another: it takes no slot.
func (s *Slots) Watched(m signaling.Start, by Bearer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[m.Session] = running{Running: signaling.Running{Session: m.Session, App: m.App, Token: by.Token, Watch: m.Watch}}
}

// Release has a session be over. It reports false for one that does not run.
func (s *Slots) Release(id signaling.SessionID) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.running[id]
	if !ok {
		return false, nil
	}
	delete(s.running, id)
	if !s.table.Release(s.now(), r.ref) || s.log == nil {
		return true, nil
	}
	return true, s.log.Note(lease.Record{Event: lease.Released, At: time.Now().UnixMilli(), Slot: r.Slot, Epoch: r.Epoch, Session: r.Session})
}

// Renew has all leases last on, as the players' presence does.
func (s *Slots) Renew() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		if r.Watch != "" {
			continue
		}
		if err := s.table.Renew(s.now(), r.ref, leaseTime); err != nil {
			return fmt.Errorf("edgesim: renew the lease of %s: %w", r.Session, err)
		}
	}
	return nil
}

// Runs reports whether a session runs here.
func (s *Slots) Runs(id signaling.SessionID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.running[id]
	return ok
}

// Sessions are those that run here.
func (s *Slots) Sessions() []signaling.SessionID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []signaling.SessionID
	for id := range s.running {
		ids = append(ids, id)
	}
	return ids
}

// Held are the leases that are held.
func (s *Slots) Held() []lease.Held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.table.Holders(s.now())
}
