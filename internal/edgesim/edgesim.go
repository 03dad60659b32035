// Package edgesim is an edge that gives leases and offers, and renders nothing: what tests and benchmarks of signaling need many of.
//
// A Machine answers what signaling says to it, as an edge does; who uses it brings the socket. It is safe for concurrent use.
package edgesim

import (
	"sync"
	"time"

	"nearlight/edge/leaselog"
	"nearlight/internal/identity"
	"nearlight/signaling"
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
	slots  *Slots

	mu      sync.Mutex
	id      signaling.EdgeID
	stopped map[signaling.Code]int
}

// New makes a machine whose slots are free, from the epochs of its log on.
func New(config Config) *Machine {
	epochs := make([]signaling.Epoch, config.Slots)
	if config.Log != nil {
		epochs = config.Log.Epochs(config.Slots)
	}
	slots := NewSlots(config.Key, epochs, config.Born)
	slots.log = config.Log
	return &Machine{config: config, slots: slots, stopped: make(map[signaling.Code]int)}
}

// Registration describes the machine as it is now.
func (m *Machine) Registration() signaling.Register {
	register := signaling.Register{
		Token: m.config.Token, Name: "simulated", Codecs: signaling.List[string]{"h264"}, Apps: m.config.Apps, Since: time.Now().UnixMilli(),
	}
	m.slots.Describe(&register)
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
		if m.slots.Runs(message.Session) {
			return []signaling.Message{signaling.Offer{Session: message.Session, SDP: "v=0\r\n", Restart: true}}, nil
		}
	case signaling.Probe:
		if m.slots.Runs(message.Session) {
			return []signaling.Message{signaling.Living(message)}, nil
		}
	case signaling.Stop:
		ran, err := m.slots.Release(message.Session)
		if !ran {
			return nil, nil
		}
		m.stopped[message.Reason.Code]++
		return []signaling.Message{m.slots.Status()}, err
	}
	return nil, nil
}

// Degrade has the machine not keep up with what it runs, as reason says, and returns what an edge tells signaling then. It does not recover.
func (m *Machine) Degrade(reason *signaling.Error) []signaling.Message {
	m.slots.Shut()
	told := []signaling.Message{m.slots.Status()}
	for _, id := range m.slots.Sessions() {
		told = append(told, signaling.Degraded{Session: id, Reason: reason})
	}
	return told
}

// start answers for a new session, or one that goes on. The caller holds mu.
func (m *Machine) start(s signaling.Start) ([]signaling.Message, error) {
	refuse := func(err error) ([]signaling.Message, error) {
		return []signaling.Message{m.slots.Status(), signaling.Refuse{Session: s.Session, Error: signaling.AsError(err)}}, nil
	}
	offer := signaling.Offer{Session: s.Session, SDP: "v=0\r\n"}
	if s.Resume {
		if !m.slots.Runs(s.Session) {
			return refuse(signaling.NewError(signaling.CodeTimedOut))
		}
		offer.Restart = s.Restart
		return []signaling.Message{offer}, nil
	}
	claims, err := m.config.Verifier.Verify(s.Token, token.Player)
	if err != nil {
		return refuse(err)
	}
	if s.Watch != "" {
		m.slots.Watched(s, BearerOf(claims))
		return []signaling.Message{offer}, nil
	}
	said, leased, err := m.slots.Answer(s, BearerOf(claims))
	if leased {
		said = append(said, offer)
	}
	return said, err
}

// Renew has all leases last on, as the players' presence does.
func (m *Machine) Renew() error { return m.slots.Renew() }

// Runs reports whether a session runs here.
func (m *Machine) Runs(id signaling.SessionID) bool { return m.slots.Runs(id) }

// Taken is how many slots are.
func (m *Machine) Taken() int { return len(m.slots.Held()) }

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
