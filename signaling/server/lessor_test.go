package server

import (
	"sync"
	"testing"
	"time"

	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
)

// newSlots makes the slots of an edge that has just made itself a key.
func newSlots(t testing.TB, epochs ...signaling.Epoch) *edgesim.Slots {
	t.Helper()
	return edgesim.NewSlots(newKey(t), epochs, time.Now())
}

func newKey(t testing.TB) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// lessor is one connection of an edge that gives leases by itself, and tidies up what is stopped. All else is for a test to say.
type lessor struct {
	*recorder
	*edgesim.Slots
	tb   testing.TB
	r    *registry
	mute bool // it leaves that to the test too

	mu   sync.Mutex // of edge, while it is being registered: it is told things by then
	edge *edge
}

var _ peer = (*lessor)(nil)

// rents registers an edge with these slots as here describes it, and what change makes of that.
func (r *registry) rents(tb testing.TB, slots *edgesim.Slots, change func(*signaling.Register)) *lessor {
	tb.Helper()
	l := &lessor{recorder: &recorder{}, Slots: slots, tb: tb, r: r}
	m := here
	slots.Describe(&m)
	if change != nil {
		change(&m)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.edge = r.register(l, m, slots.ID())
	return l
}

// send implements peer.
func (l *lessor) send(m signaling.Message) {
	l.recorder.send(m)
	if !l.mute {
		go l.handle(m) // the registry is not to wait
	}
}

// handle answers what the edge is told.
func (l *lessor) handle(m signaling.Message) {
	switch m := m.(type) {
	case signaling.Start:
		if m.Watch == "" && !m.Resume {
			l.lease(m)
		}
	case signaling.Stop:
		l.vacate(m.Session)
	}
}

// lease answers a start as the token of its session's player has it. That a token has one session at a time is the registry's to see to.
func (l *lessor) lease(m signaling.Start) {
	l.r.mu.Lock()
	var bearer edgesim.Bearer
	if s := l.r.sessions[m.Session]; s != nil {
		bearer = edgesim.Bearer{Token: s.owner, Player: s.holder, Shared: true}
	}
	l.r.mu.Unlock()
	said, _, err := l.Answer(m, bearer)
	if err != nil {
		l.tb.Error(err)
	}
	for _, answer := range said {
		l.say(answer)
	}
}

// vacate has a session be over.
func (l *lessor) vacate(id signaling.SessionID) {
	if _, err := l.Release(id); err != nil {
		l.tb.Error(err)
	}
	l.say(l.Status())
}

func (l *lessor) say(m signaling.Message) {
	l.mu.Lock()
	e := l.edge
	l.mu.Unlock()
	if err := l.r.fromEdge(e, l, m); err != nil {
		l.tb.Error(err)
	}
}
