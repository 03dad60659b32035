// Package edgesim is an edge that gives leases and offers, and renders nothing: what tests and benchmarks of signaling need many of.
//
// A Machine answers what signaling says to it, as an edge does; who uses it brings the socket. It is safe for concurrent use.
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

// leaseTime is how long a lease lasts; Machine.Renew has those that are held last on.
const leaseTime = time.Minute

// Config is what a machine is.
type Config struct {
	Token    string // the edge's own
	Slots    int
	Apps     []signaling.App
	Key      identity.Signer
	Verifier *token.Verifier
	Log      *leaselog.Log // nil: nothing is written down
	Born     time.Time     // the origin of its clock
}

// Machine is one simulated edge.
type Machine struct {
	config Config

	mu      sync.Mutex
	id      signaling.EdgeID
	table   *lease.Table
	running map[signaling.SessionID]running
	stopped map[signaling.Code]int
	slow    bool // it does not keep up, and takes nobody
}

type running struct {
	signaling.Running
	ref lease.Ref
}

// New makes a machine whose slots are free, from the epochs of its log on.
func New(config Config) *Machine {
	epochs := make([]signaling.Epoch, config.Slots)
	if config.Log != nil {
		epochs = config.Log.Epochs(config.Slots)
	}
	return &Machine{config: config, table: lease.New(epochs), running: make(map[signaling.SessionID]running), stopped: make(map[signaling.Code]int)}
}

func (m *Machine) now() lease.Instant { return time.Since(m.config.Born) }

func (m *Machine) states() []signaling.SlotState {
	slots := m.table.Slots(m.now())
	states := make([]signaling.SlotState, len(slots))
	for i, s := range slots {
		states[i] = signaling.SlotState{Epoch: s.Epoch, Taken: s.Taken}
	}
	return states
}

func (m *Machine) status() signaling.Status {
	states := m.states()
	free := 0
	for _, s := range states {
		if !s.Taken && !m.slow {
			free++
		}
	}
	return signaling.Status{Free: free, Leases: states}
}

// Registration describes the machine as it is now.
func (m *Machine) Registration() signaling.Register {
	m.mu.Lock()
	defer m.mu.Unlock()
	status := m.status()
	register := signaling.Register{
		Token: m.config.Token, Name: "simulated", Slots: m.config.Slots, Free: status.Free, Codecs: signaling.List[string]{"h264"}, Apps: m.config.Apps,
		Since: time.Now().UnixMilli(), Leases: status.Leases,
	}
	for _, r := range m.running {
		register.Running = append(register.Running, r.Running)
	}
	return register
}

// Handle takes what signaling says, and returns what an edge answers.
func (m *Machine) Handle(message signaling.Message) ([]signaling.Message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch message := message.(type) {
	case signaling.Registered:
		m.id = message.Edge
	case signaling.Start:
		return m.start(message)
	case signaling.Restart:
		if _, ok := m.running[message.Session]; ok {
			return []signaling.Message{signaling.Offer{Session: message.Session, SDP: "v=0\r\n", Restart: true}}, nil
		}
	case signaling.Probe:
		if _, ok := m.running[message.Session]; ok {
			return []signaling.Message{signaling.Living(message)}, nil
		}
	case signaling.Stop:
		r, ok := m.running[message.Session]
		if !ok {
			return nil, nil
		}
		m.stopped[message.Reason.Code]++
		return []signaling.Message{m.status()}, m.release(r)
	}
	return nil, nil
}

// Degrade has the machine not keep up with what it runs, as reason says, and returns what an edge tells signaling then. It does not recover.
func (m *Machine) Degrade(reason *signaling.Error) []signaling.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slow = true
	told := []signaling.Message{m.status()}
	for id := range m.running {
		told = append(told, signaling.Degraded{Session: id, Reason: reason})
	}
	return told
}

// release frees a session's slot. The caller holds mu, here and below.
func (m *Machine) release(r running) error {
	delete(m.running, r.Session)
	if !m.table.Release(m.now(), r.ref) || m.config.Log == nil {
		return nil
	}
	return m.config.Log.Note(lease.Record{Event: lease.Released, At: time.Now().UnixMilli(), Slot: r.Slot, Epoch: r.Epoch, Session: r.Session})
}

func (m *Machine) start(s signaling.Start) ([]signaling.Message, error) {
	refuse := func(err error) ([]signaling.Message, error) {
		return []signaling.Message{m.status(), signaling.Refuse{Session: s.Session, Error: signaling.AsError(err)}}, nil
	}
	offer := signaling.Offer{Session: s.Session, SDP: "v=0\r\n"}
	if s.Resume {
		if _, ok := m.running[s.Session]; !ok {
			return refuse(signaling.NewError(signaling.CodeTimedOut))
		}
		offer.Restart = s.Restart
		return []signaling.Message{offer}, nil
	}
	claims, err := m.config.Verifier.Verify(s.Token, token.Player)
	if err != nil {
		return refuse(err)
	}
	if s.Lease == nil {
		return refuse(signaling.NewError(signaling.CodeFull))
	}
	held, fresh, err := m.table.Propose(m.now(), lease.Proposal{
		Slot: s.Lease.Slot, Expect: s.Lease.Expect, Session: s.Session, Token: signaling.TokenID(claims.ID), Shared: claims.Allows(token.Many),
		TTL: time.Duration(s.Lease.TTL) * time.Millisecond,
	})
	switch {
	case errors.Is(err, lease.ErrToken):
		return refuse(signaling.NewError(signaling.CodeTokenInUse))
	case err != nil || !fresh:
		return refuse(signaling.NewError(signaling.CodeStale))
	}
	now := time.Now()
	l := signaling.Lease{Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Token: held.Token, ExpiresAt: now.Add(leaseTime).Unix()}
	if !claims.Holder.IsZero() {
		l.Player = claims.Holder.String()
	}
	signed, err := lease.Sign(m.config.Key, l)
	if err != nil {
		return nil, err
	}
	if m.config.Log != nil {
		if err := m.config.Log.Append(lease.GrantOf(signed, now.UnixMilli())); err != nil {
			return nil, err
		}
	}
	told := signaling.Running{Session: s.Session, App: s.App, Token: held.Token, Slot: held.Slot, Epoch: held.Epoch}
	m.running[s.Session] = running{Running: told, ref: held.Ref}
	return []signaling.Message{signaling.Leased{Session: s.Session, Lease: &signed}, m.status(), offer}, nil
}

// Renew has all leases last on, as the players' presence does.
func (m *Machine) Renew() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.running {
		if err := m.table.Renew(m.now(), r.ref, leaseTime); err != nil {
			return fmt.Errorf("edgesim: renew the lease of %s: %w", r.Session, err)
		}
	}
	return nil
}

// Runs reports whether a session runs here.
func (m *Machine) Runs(id signaling.SessionID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.running[id]
	return ok
}

// Taken is how many slots are.
func (m *Machine) Taken() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.table.Holders(m.now()))
}

// Stopped is how many sessions signaling has stopped, by why.
func (m *Machine) Stopped() map[signaling.Code]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[signaling.Code]int)
	for code, n := range m.stopped {
		all[code] = n
	}
	return all
}

// ID is what signaling calls the machine, "" before it has registered.
func (m *Machine) ID() signaling.EdgeID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.id
}
