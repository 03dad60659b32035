package edge

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/edge/capture/capturetest"
	"nearlight/encoder"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/lease"
	"nearlight/streamer/control"
)

func TestAMachineCountsAsOverstrainedOnceItWasForAWhileAndAsWellLongAfter(t *testing.T) {
	var s strain
	now := time.Unix(0, 0)
	for _, step := range []struct {
		why      string
		lasts    time.Duration
		hampered bool
		want     bool
	}{
		{"all is well", time.Minute, false, false},
		{"a bad moment", 9 * time.Second, true, false},
		{"over", time.Second, false, false},
		{"another, which is not added to the first", 9 * time.Second, true, false},
		{"it stays", 2 * time.Second, true, true},
		{"it looks better", 20 * time.Second, false, true},
		{"not so", time.Second, true, true},
		{"it looks better again, for less than long", 29 * time.Second, false, true},
		{"it is well", 3 * time.Second, false, false},
	} {
		changes := 0
		before := s.degraded
		for until := now.Add(step.lasts); now.Before(until); now = now.Add(statsInterval) {
			if s.judge(now, step.hampered) {
				changes++
			}
		}
		if s.degraded != step.want || (changes != 0) != (before != step.want) || changes > 1 {
			t.Errorf("%s: degraded %v after %d changes", step.why, s.degraded, changes)
		}
	}
}

func TestOnlyHalfTheFramesOrSmallerPicturesAreHardship(t *testing.T) {
	size := media.Size{Width: 1280, Height: 720}
	config, err := encoder.Config{Size: size, MaxSize: size, FrameRate: 60, Speed: 2}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	choice := &encoder.Choice{Candidate: encoder.Candidate{Name: "scripted", Codec: media.H264}, Encoder: &scriptedEncoder{}}
	p := newPipeline(capturetest.New(size), choice, config, slog.New(slog.DiscardHandler))
	p.changed = func(control.VideoNotice) {}
	for step, now := range p.governor.steps {
		p.governor.step = step
		p.tell()
		h := p.hardship.Load()
		if want := now.rate <= 30 || now.scale < wholeSize; (h != nil) != want {
			t.Errorf("%+v: hardship %v, want %v", now, h, want)
		}
	}
	reason := p.hardship.Load().reason()
	if reason.Code != signaling.CodeDegraded || !strings.Contains(reason.Message, "24 frames per second of 640x360, 60 were wanted") {
		t.Errorf("a player is told %v", reason)
	}
	p.governor = newGovernor(2, 30)
	p.tell()
	if p.hardship.Load() != nil {
		t.Error("who asked for 30 frames and gets them is said to suffer")
	}
}

// listening is a signaling server that hears an edge, and can hang up.
type listening struct {
	*httptest.Server
	heard chan signaling.Message

	mu sync.Mutex
	ws *websocket.Conn
}

func newListening(t *testing.T) *listening {
	l := &listening{heard: make(chan signaling.Message, 64)}
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		l.mu.Lock()
		l.ws = ws
		l.mu.Unlock()
		for {
			_, data, err := ws.ReadMessage()
			if err != nil {
				return
			}
			m, err := signaling.Parse(signaling.EdgeToSignaling, data)
			if err != nil {
				t.Error(err)
				return
			}
			var answer signaling.Message
			switch m.(type) {
			case signaling.Login:
				answer = signaling.Challenge{Nonce: identity.Nonce{1}.String()}
			case signaling.Register:
				l.heard <- m
				answer = signaling.Registered{Edge: "e-1"}
			default:
				l.heard <- m
				continue
			}
			welcome, err := signaling.Encode(signaling.SignalingToEdge, answer)
			if err != nil {
				t.Error(err)
			}
			if err := ws.WriteMessage(websocket.TextMessage, welcome); err != nil {
				return
			}
		}
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listening) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ws.Close()
}

func TestSignalingIsToldOfHardshipAfterItKnowsThatNobodyMoreIsTaken(t *testing.T) {
	server := newListening(t)
	d := newDoorman(t, func(n *Node) {
		n.ready.done = make(chan struct{})
		n.config.Token, n.config.Encoders = "t", encoder.Ladder{{Name: "scripted", Codec: media.H264}}
	})
	link, err := client.NewEdge(client.Config{URL: server.URL, Signer: d.key, Backoff: func(int) time.Duration { return time.Millisecond }}, d.Node)
	if err != nil {
		t.Fatal(err)
	}
	d.link = link
	var linked sync.WaitGroup
	linked.Go(func() {
		if err := link.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(linked.Wait)
	if first := receive(t, server.heard, "the registration").(signaling.Register); first.Free != 4 {
		t.Fatalf("%+v", first)
	}
	d.ready.warmed()
	receive(t, d.Ready(), "the welcome")
	held, _, err := d.leases.Propose(d.sinceStart(), lease.Proposal{Session: "s-1", Token: signaling.TokenID("one"), TTL: leaseTime})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{id: held.Session, token: held.Token, lease: &held, node: d.Node, logger: d.logger}
	d.mu.Lock()
	d.sessions[s.id] = &running{session: s}
	d.mu.Unlock()

	d.endure(s, &hardship{size: media.Size{Width: 640, Height: 360}, rate: 24, asked: 60})
	if status := receive(t, server.heard, "the status").(signaling.Status); status.Free != 0 {
		t.Errorf("%+v", status)
	}
	if told := receive(t, server.heard, "the hardship").(signaling.Degraded); told.Session != s.id || told.Reason == nil {
		t.Errorf("%+v", told)
	}

	// Another node, or this one after a restart, is told again.
	server.hangUp()
	if again := receive(t, server.heard, "the registration").(signaling.Register); again.Free != 0 {
		t.Errorf("%+v", again)
	}
	if told := receive(t, server.heard, "the hardship").(signaling.Degraded); told.Session != s.id || told.Reason == nil {
		t.Errorf("%+v", told)
	}

	d.endure(s, nil)
	if status := receive(t, server.heard, "the status").(signaling.Status); status.Free != 3 { // its own slot is taken
		t.Errorf("%+v", status)
	}
	if told := receive(t, server.heard, "that it is over").(signaling.Degraded); told.Session != s.id || told.Reason != nil {
		t.Errorf("%+v", told)
	}
	d.endure(&session{id: "s-gone", logger: d.logger}, &hardship{})
	d.say(signaling.Status{Free: 1})
	if m, is := receive(t, server.heard, "what comes next").(signaling.Status); !is || m.Free != 1 {
		t.Errorf("of a session that has ended signaling is told %+v", m)
	}
}
