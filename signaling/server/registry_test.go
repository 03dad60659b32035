package server

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// recorder is a peer that keeps what it is sent.
type recorder struct {
	mu     sync.Mutex
	got    []signaling.Message
	closed bool
	reason *signaling.Error
}

func (p *recorder) send(m signaling.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.got = append(p.got, m)
	}
}

func (p *recorder) end(reason *signaling.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed, p.reason = true, reason
	}
}

// take returns what has come since the last time.
func (p *recorder) take() []signaling.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// kinds is take, by type.
func (p *recorder) kinds() []string {
	kinds := []string{}
	for _, m := range p.take() {
		kinds = append(kinds, signaling.Kind(m))
	}
	return kinds
}

// table is a registry that runs, one edge and one player in it.
type table struct {
	*testing.T
	*registry
	edgeSocket   *lessor
	playerSocket *recorder
	edge         *edge
	player       *player
}

var (
	tux     = signaling.App{Name: "tux", Title: "Tux", Installed: true}
	race    = signaling.App{Name: "race", Title: "Race"}
	request = signaling.Play{Token: "t", App: "tux", Codecs: []string{"av1", "h264"}}
	claims  = token.Claims{ID: "one", Role: token.Player, Rights: []token.Right{token.Play, token.Install}}
	// here is what edges register, but for their slots.
	here = signaling.Register{Token: "t", Name: "den", Codecs: signaling.List[string]{"h264", "vp8"}, Apps: signaling.List[signaling.App]{tux, race}}
)

func inBubble(t *testing.T, test func(*table)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 },
			func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
		var running sync.WaitGroup
		running.Go(func() { r.run(ctx) })
		defer running.Wait()
		defer stop()
		tb := &table{T: t, registry: r, playerSocket: &recorder{}, edgeSocket: r.rents(t, newSlots(t, 0), nil)}
		tb.edge = tb.edgeSocket.edge
		tb.player = r.join(tb.playerSocket, r.log)
		tb.want(tb.edgeSocket, "registered")
		test(tb)
	})
}

// want waits until all is quiet and compares what a peer has got.
func (tb *table) want(p interface{ kinds() []string }, kinds ...string) {
	tb.Helper()
	synctest.Wait()
	if kinds == nil {
		kinds = []string{}
	}
	if got := p.kinds(); !reflect.DeepEqual(got, kinds) {
		tb.Fatalf("got %v, want %v", got, kinds)
	}
}

// fromEdge has the edge say something, after the leases that it was asked for.
func (tb *table) fromEdge(m signaling.Message) {
	tb.Helper()
	synctest.Wait()
	if err := tb.registry.fromEdge(tb.edge, tb.edgeSocket, m); err != nil {
		tb.Fatal(err)
	}
}

// returns registers the edge anew, with what it runs.
func (tb *table) returns(change func(*signaling.Register)) *lessor {
	tb.Helper()
	return tb.rents(tb, tb.edgeSocket.Slots, change)
}

// playing brings the session to where the two talk with each other.
func (tb *table) playing() *session {
	tb.Helper()
	if err := tb.play(tb.player, request, claims); err != nil {
		tb.Fatal(err)
	}
	s := tb.player.session
	tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0"})
	tb.answer(tb.player, signaling.Answer{SDP: "v=0"})
	tb.want(tb.edgeSocket, "start", "answer")
	tb.want(tb.playerSocket, "matched", "offer")
	return s
}

func (tb *table) empty() {
	tb.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.sessions) != 0 || len(tb.edge.sessions) != 0 {
		tb.Errorf("%d sessions are left, %d at the edge", len(tb.sessions), len(tb.edge.sessions))
	}
}

func ended(t *testing.T, m signaling.Message) signaling.Code {
	t.Helper()
	switch m := m.(type) {
	case signaling.Ended:
		return m.Reason.Code
	case signaling.Stop:
		return m.Reason.Code
	}
	t.Fatalf("%#v ends nothing", m)
	return ""
}
