package e2e

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

// middle is a signaling server that lies. It matches players with the edge of its choice, as a server would, and can end DTLS on both
// sides by itself: towards the edge it is a player, towards the player an edge. What it sees and what it is told counts.
type middle struct {
	t    *testing.T
	url  string
	own  *identity.Key
	lies lies

	engine *streamer.Engine

	mu       sync.Mutex
	edges    map[signaling.EdgeID]*voice
	edge     signaling.EdgeID // to whom players are sent
	ended    *signaling.Error // by the edge, of the last session
	frames   int              // that came from the edge, as to a player
	inputs   int              // that came from the player, as to an edge
	sessions int
}

// lies are what the server changes of what it relays; nil leaves it. between says that it ends DTLS itself.
type lies struct {
	between  bool
	withhold bool // the edge's signature
	offer    func(*signaling.Offer)
	answer   func(m *signaling.Answer, offered signaling.Offer)
	bound    func(m *signaling.Bound, shown signaling.Offer, answered signaling.Answer)
}

// voice is one socket, which several may speak through.
type voice struct {
	ws *websocket.Conn
	d  signaling.Direction
	mu sync.Mutex

	relay func(signaling.Message) // what the edge says of the session that runs
	slots []signaling.SlotState   // of an edge, as it said last, and as what was stopped since leaves them
}

func (v *voice) say(t *testing.T, m signaling.Message) {
	data, err := signaling.Encode(v.d, m)
	if err != nil {
		t.Error(err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.ws.WriteMessage(websocket.TextMessage, data) // who has left hears nothing
}

func newMiddle(t *testing.T) *middle {
	t.Helper()
	own, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	m := &middle{t: t, own: own, engine: engine, edges: map[signaling.EdgeID]*voice{}}
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	var serving sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer ws.Close()
		if r.URL.Path == signaling.EdgePath {
			m.serveEdge(&voice{ws: ws, d: signaling.SignalingToEdge})
			return
		}
		m.servePlayer(&voice{ws: ws, d: signaling.SignalingToPlayer})
	}))
	t.Cleanup(serving.Wait)
	t.Cleanup(server.Close)
	m.url = server.URL
	return m
}

// hear reads messages until the socket ends.
func hear(v *voice, from signaling.Direction, take func(signaling.Message)) {
	for {
		_, data, err := v.ws.ReadMessage()
		if err != nil {
			return
		}
		if m, err := signaling.Parse(from, data); err == nil {
			take(m)
		}
	}
}

func (m *middle) serveEdge(v *voice) {
	var address signaling.EdgeID
	stop := make(chan struct{})
	defer close(stop)
	go func() { // as signaling does, or the edge takes it for lost
		for {
			select {
			case <-stop:
				return
			case <-time.After(signaling.EdgePing):
				_ = v.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		}
	}()
	hear(v, signaling.EdgeToSignaling, func(message signaling.Message) {
		switch said := message.(type) {
		case signaling.Login:
			var nonce identity.Nonce
			_, _ = rand.Read(nonce[:]) // which never fails
			address = signaling.EdgeID(said.Address)
			v.say(m.t, signaling.Challenge{Nonce: nonce.String()})
		case signaling.Register:
			v.say(m.t, signaling.Registered{Edge: address})
			m.mu.Lock()
			m.edges[address], v.slots = v, said.Leases
			m.mu.Unlock()
		case signaling.Status:
			if said.Leases != nil {
				m.mu.Lock()
				v.slots = said.Leases
				m.mu.Unlock()
			}
		default:
			m.mu.Lock()
			relay := v.relay
			m.mu.Unlock()
			if relay != nil {
				relay(message)
			}
		}
	})
}

// affair is one session as the server sees it.
type affair struct {
	*middle
	id      signaling.SessionID
	slot    int
	edge    *voice
	player  *voice
	viewer  *viewer.Viewer // towards the edge, where the server is between
	peer    *streamer.Peer // towards the player
	offered signaling.Offer
	shown   signaling.Offer
	reply   string // to the edge's offer
	answer  signaling.Answer
}

func (m *middle) servePlayer(v *voice) {
	a := &affair{middle: m, player: v}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	hear(v, signaling.PlayerToSignaling, func(message signaling.Message) {
		switch said := message.(type) {
		case signaling.Play:
			m.mu.Lock()
			m.sessions++
			a.id = signaling.SessionID("s-" + strings.Repeat("x", m.sessions))
			a.edge = m.edges[m.edge]
			a.edge.relay = func(message signaling.Message) { a.fromEdge(ctx, &running, message) }
			a.slot = slices.IndexFunc(a.edge.slots, func(s signaling.SlotState) bool { return !s.Taken })
			if a.slot < 0 {
				m.mu.Unlock()
				m.t.Error("no slot of the edge is free")
				return
			}
			proposal := &signaling.Proposal{Slot: a.slot, Expect: a.edge.slots[a.slot].Epoch, TTL: time.Minute.Milliseconds()}
			m.mu.Unlock()
			v.say(m.t, signaling.Matched{Session: a.id, Edge: signaling.EdgeName{ID: m.edge}})
			a.edge.say(m.t, signaling.Start{Session: a.id, Token: said.Token, Codecs: said.Codecs, Lease: proposal})
		case signaling.Answer:
			a.fromPlayer(said)
		case signaling.Candidate:
			if m.lies.between {
				_ = a.peer.AddCandidate(candidateOf(said)) // one that does not work is one way fewer
				return
			}
			said.Session = a.id
			a.edge.say(m.t, said)
		}
	})
	if a.edge != nil {
		a.edge.say(m.t, signaling.Stop{Session: a.id, Reason: signaling.NewError(signaling.CodeLeft)})
		m.mu.Lock()
		defer m.mu.Unlock()
		if a.slot >= 0 {
			a.edge.slots[a.slot].Taken = false // before the edge hears of the next session
		}
	}
}

func candidateOf(c signaling.Candidate) webrtc.ICECandidateInit {
	line := uint16(c.Line)
	return webrtc.ICECandidateInit{Candidate: c.Candidate, SDPMid: &c.Mid, SDPMLineIndex: &line}
}

func candidateFrom(session signaling.SessionID, c *webrtc.ICECandidateInit) signaling.Candidate {
	m := signaling.Candidate{Session: session}
	if c != nil {
		m.Candidate, m.Mid, m.Line = c.Candidate, *c.SDPMid, int(*c.SDPMLineIndex)
	}
	return m
}

func (a *affair) fromEdge(ctx context.Context, running *sync.WaitGroup, message signaling.Message) {
	switch said := message.(type) {
	case signaling.Offer:
		a.offered = said
		if a.lies.between {
			a.stepBetween(ctx, running)
			return
		}
		a.show(said)
	case signaling.Candidate:
		if a.lies.between {
			_ = a.viewer.AddCandidate(candidateOf(said)) // one that does not work is one way fewer
			return
		}
		said.Session = ""
		a.player.say(a.t, said)
	case signaling.Bound:
		if !a.lies.withhold {
			a.sayBound(said)
		}
	case signaling.Ended:
		a.note(func() { a.ended = said.Reason })
		said.Session = ""
		a.player.say(a.t, said)
	case signaling.Refuse:
		a.note(func() { a.ended = said.Error })
		a.player.say(a.t, signaling.Failed{Error: said.Error})
	}
}

func (a *affair) note(change func()) {
	a.middle.mu.Lock()
	defer a.middle.mu.Unlock()
	change()
}

// show offers to the player.
func (a *affair) show(m signaling.Offer) {
	m.Session = ""
	if a.lies.offer != nil {
		a.lies.offer(&m)
	}
	a.shown = m
	a.player.say(a.t, m)
}

func (a *affair) fromPlayer(m signaling.Answer) {
	a.answer = m
	if a.lies.between {
		if err := a.peer.Answer(m.SDP); err != nil {
			a.t.Error(err)
		}
		m.SDP = a.reply
	}
	m.Session = a.id
	if a.lies.answer != nil {
		a.lies.answer(&m, a.offered)
	}
	a.edge.say(a.t, m)
	if a.lies.between && a.lies.bound != nil {
		a.sayBound(signaling.Bound{Signature: identity.Signature{}.String()}) // whether the edge signs or not
	}
}

func (a *affair) sayBound(m signaling.Bound) {
	m.Session = ""
	if a.lies.bound != nil {
		a.lies.bound(&m, a.shown, a.answer)
	}
	a.player.say(a.t, m)
}

// stepBetween makes a connection to each side.
func (a *affair) stepBetween(ctx context.Context, running *sync.WaitGroup) {
	var err error
	if a.viewer, err = viewer.New(viewer.Config{}, towardsEdge{a}); err != nil {
		a.t.Error(err)
		return
	}
	running.Go(func() { _ = a.viewer.Run(ctx) }) // its end is nobody's concern
	a.peer, err = a.engine.NewPeer(streamer.PeerConfig{
		Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: media.Mbps,
	}, towardsPlayer{a}, streamer.NewStages(streamer.NewStageHistogram()), slog.New(slog.DiscardHandler))
	if err != nil {
		a.t.Error(err)
		return
	}
	running.Go(func() { _ = a.peer.Run(ctx) })
	if a.reply, err = a.viewer.Answer(a.offered.SDP); err != nil {
		a.t.Error(err)
	}
	if err := a.peer.Offer(func(sdp string) error { a.show(signaling.Offer{SDP: sdp, Edge: a.offered.Edge}); return nil }); err != nil {
		a.t.Error(err)
	}
}

// towardsEdge is what a player would see.
type towardsEdge struct{ *affair }

func (e towardsEdge) Frame(viewer.Frame)      { e.note(func() { e.frames++ }) }
func (e towardsEdge) Message(control.Message) {}
func (e towardsEdge) Candidate(c *webrtc.ICECandidateInit) {
	e.affair.edge.say(e.t, candidateFrom(e.id, c))
}

// towardsPlayer is what an edge would be told.
type towardsPlayer struct{ *affair }

func (p towardsPlayer) Input(control.Channel, control.Message) { p.note(func() { p.inputs++ }) }
func (p towardsPlayer) Malformed(control.Channel, error)       {}
func (p towardsPlayer) Left(media.StageTimes)                  {}
func (p towardsPlayer) WantKeyframe()                          {}
func (p towardsPlayer) Lost(streamer.Loss)                     {}
func (p towardsPlayer) Candidate(c *webrtc.ICECandidateInit) {
	p.player.say(p.t, candidateFrom("", c))
}

func (m *middle) seen() (frames, inputs int, ended *signaling.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.frames, m.inputs, m.ended
}

// signed is what the server signs with its own key, of any connection.
func (m *middle) signed(b identity.Binding) string {
	s, err := m.own.Sign(b.Digest())
	if err != nil {
		m.t.Error(err)
	}
	return s.String()
}

func (m *middle) print(sdp string) identity.Fingerprint {
	print, err := binding.Print(sdp)
	if err != nil {
		m.t.Error(err)
	}
	return print
}

func (m *middle) address(text string) identity.Address {
	a, err := identity.ParseAddress(text)
	if err != nil {
		m.t.Error(err)
	}
	return a
}
