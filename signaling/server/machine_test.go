package server_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

// machine is an edge as client.Edge runs it: it offers, and says what it is told.
type machine struct {
	testing.TB
	*client.Edge
	slots    *edgesim.Slots
	token    string
	verifier *token.Verifier
	heard    chan signaling.Message // all that signaling says

	mu   sync.Mutex
	deaf bool
}

var _ client.EdgeHandler = (*machine)(nil)

func (n *network) machine(slots int, change func(*client.Config)) *machine {
	n.Helper()
	m := &machine{TB: n, token: n.token(token.Claims{Role: token.Edge}), verifier: n.verifier, heard: make(chan signaling.Message, 4096)}
	config := client.Config{URL: n.url, Signer: newIdentity(n), Dial: n.dialer}
	if change != nil {
		change(&config)
	}
	m.slots = edgesim.NewSlots(config.Signer, make([]signaling.Epoch, slots), time.Now())
	edge, err := client.NewEdge(config, m)
	if err != nil {
		n.Fatal(err)
	}
	m.Edge = edge
	return m
}

// start runs the machine until the test is over or the returned function is called.
func (m *machine) start() (stop func()) {
	m.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			m.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	m.Cleanup(stop)
	await[signaling.Registered](m.TB, m.heard)
	return stop
}

func (m *machine) tell(message signaling.Message) {
	if err := m.Send(message); err != nil {
		m.Error(err)
	}
}

func (m *machine) Registration() signaling.Register {
	register := signaling.Register{
		Token: m.token, Name: "den", Codecs: signaling.List[string]{"h264", "vp8"},
		Apps: signaling.List[signaling.App]{
			{Name: "tux", Title: "Tux", Installed: true}, {Name: "race", Title: "Race"}, {Name: "hidden", Title: "Hidden", Installed: true, Hidden: true},
		},
	}
	m.slots.Describe(&register)
	return register
}
func (m *machine) Offer(offer signaling.Offer)       { m.heard <- offer }
func (m *machine) Restart(id signaling.SessionID)    { m.heard <- signaling.Restart{Session: id} }
func (m *machine) Registered(r signaling.Registered) { m.heard <- r }
func (m *machine) Counted(c signaling.Counted)       { m.heard <- c }
func (m *machine) Start(start signaling.Start) {
	m.heard <- start
	if !start.Resume && !m.begins(start) {
		return
	}
	m.tell(signaling.Progress{Session: start.Session, Stage: signaling.StageStarting, Detail: "Tux"})
	m.tell(signaling.Offer{Session: start.Session, SDP: "v=0 offer of " + string(start.Session)})
	m.tell(signaling.Candidate{Session: start.Session, Candidate: "of the edge", Mid: "0"})
}

// begins gives a session its lease, unless it only looks on.
func (m *machine) begins(start signaling.Start) bool {
	claims, err := m.verifier.Verify(start.Token, token.Player)
	if err != nil {
		m.Error(err)
		return false
	}
	if start.Watch != "" {
		m.slots.Watched(start, edgesim.BearerOf(claims))
		return true
	}
	said, leased, err := m.slots.Answer(start, edgesim.BearerOf(claims))
	if err != nil {
		m.Error(err)
	}
	for _, answer := range said {
		m.tell(answer)
	}
	return leased
}

func (m *machine) Answer(answer signaling.Answer)    { m.heard <- answer }
func (m *machine) Candidate(c signaling.Candidate)   { m.heard <- c }
func (m *machine) Install(install signaling.Install) { m.heard <- install }
func (m *machine) Probe(session signaling.SessionID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.deaf
}
func (m *machine) Stop(stop signaling.Stop) {
	if _, err := m.slots.Release(stop.Session); err != nil {
		m.Error(err)
	}
	m.tell(m.slots.Status())
	m.heard <- stop
}
