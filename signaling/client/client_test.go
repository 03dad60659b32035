package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// script is a signaling server of which the test writes every word.
type script struct {
	*httptest.Server
	conns chan *websocket.Conn
}

func newScript(t *testing.T, listen func(*httptest.Server)) *script {
	t.Helper()
	s := &script{conns: make(chan *websocket.Conn, 16)}
	upgrader := websocket.Upgrader{Subprotocols: []string{signaling.Subprotocol}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		s.conns <- ws
	}))
	listen(s.Server)
	t.Cleanup(s.Close)
	return s
}

// next waits for a connection.
func (s *script) next(t *testing.T) *websocket.Conn {
	t.Helper()
	select {
	case ws := <-s.conns:
		t.Cleanup(func() { ws.Close() })
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return ws
	case <-time.After(patience):
		t.Fatal("nobody dials")
		return nil
	}
}

func hear[M signaling.Message](t *testing.T, ws *websocket.Conn, d signaling.Direction) M {
	t.Helper()
	_, data, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	m, err := signaling.Parse(d, data)
	if err != nil {
		t.Fatal(err)
	}
	wanted, ok := m.(M)
	if !ok {
		t.Fatalf("%#v, want a %T", m, wanted)
	}
	return wanted
}

func say(t *testing.T, ws *websocket.Conn, d signaling.Direction, m signaling.Message) {
	t.Helper()
	data, err := signaling.Encode(d, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := ws.WriteMessage(websocket.TextMessage, data); err != nil {
		t.Fatal(err)
	}
}

// den is an edge with nothing to say.
type den struct {
	mu   sync.Mutex
	free int
	ids  chan signaling.EdgeID
}

func (d *den) Registration() signaling.Register {
	d.mu.Lock()
	defer d.mu.Unlock()
	return signaling.Register{Token: "t", Slots: 2, Free: d.free, Codecs: signaling.List[string]{"h264"}, Leases: make([]signaling.SlotState, 2)}
}
func (d *den) Registered(m signaling.Registered) { d.ids <- m.Edge }
func (d *den) Counted(signaling.Counted)         {}
func (d *den) Start(signaling.Start)             {}
func (d *den) Answer(signaling.Answer)           {}
func (d *den) Candidate(signaling.Candidate)     {}
func (d *den) Offer(signaling.Offer)             {}
func (d *den) Restart(signaling.SessionID)       {}
func (d *den) Probe(id signaling.SessionID) bool { return id == "lives" }
func (d *den) Install(signaling.Install)         {}
func (d *den) Stop(signaling.Stop)               {}

func newKey(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// registers hears an edge show its key and register.
func registers(t *testing.T, ws *websocket.Conn) signaling.Register {
	t.Helper()
	hear[signaling.Login](t, ws, signaling.EdgeToSignaling)
	say(t, ws, signaling.SignalingToEdge, signaling.Challenge{Nonce: identity.Nonce{1}.String()})
	return hear[signaling.Register](t, ws, signaling.EdgeToSignaling)
}

func at(int) time.Duration { return time.Millisecond }

func runEdge(t *testing.T, config Config, d *den) (*Edge, <-chan error) {
	t.Helper()
	config.Backoff = at
	if config.Signer == nil {
		config.Signer = newKey(t)
	}
	edge, err := NewEdge(config, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done, gone := make(chan error, 1), make(chan struct{})
	go func() { defer close(gone); done <- edge.Run(ctx) }()
	t.Cleanup(func() { stop(); <-gone })
	return edge, done
}

func TestAnEdgeComesBackUnderItsIDWithoutItsOldStatus(t *testing.T) {
	s := newScript(t, (*httptest.Server).Start)
	d := &den{free: 2, ids: make(chan signaling.EdgeID, 4)}
	dialing, gate := make(chan struct{}), make(chan struct{}, 1)
	gate <- struct{}{}
	edge, _ := runEdge(t, Config{URL: s.URL, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		select {
		case <-gate:
		default:
			close(dialing) // again, so the first connection is done with
			select {
			case <-gate:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}, d)
	ws := s.next(t)
	if m := registers(t, ws); m.Proof == nil || m.Free != 2 {
		t.Errorf("%+v", m)
	}
	say(t, ws, signaling.SignalingToEdge, signaling.Registered{Edge: "e-1"})
	<-d.ids
	ws.Close()
	<-dialing
	for _, m := range []signaling.Message{signaling.Status{Free: 0}, signaling.Offer{Session: "lives", SDP: "v=0"}} {
		if err := edge.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	gate <- struct{}{}
	ws = s.next(t)
	if m := registers(t, ws); m.Proof == nil {
		t.Errorf("%+v", m)
	}
	if m := hear[signaling.Offer](t, ws, signaling.EdgeToSignaling); m.Session != "lives" {
		t.Errorf("%+v", m)
	}
	say(t, ws, signaling.SignalingToEdge, signaling.Probe{Session: "dead"})
	say(t, ws, signaling.SignalingToEdge, signaling.Probe{Session: "lives"})
	if m := hear[signaling.Living](t, ws, signaling.EdgeToSignaling); m.Session != "lives" {
		t.Errorf("%+v", m)
	}
}

func TestAnEdgeGivesUpWhereTryingAgainIsOfNoUse(t *testing.T) {
	for _, code := range signaling.Codes() {
		s := newScript(t, (*httptest.Server).Start)
		_, done := runEdge(t, Config{URL: s.URL}, &den{free: 2, ids: make(chan signaling.EdgeID, 4)})
		ws := s.next(t)
		say(t, ws, signaling.SignalingToEdge, signaling.Failed{Error: signaling.NewError(code)})
		switch code {
		case signaling.CodeBadToken, signaling.CodeExpiredToken, signaling.CodeBadKey, signaling.CodeBanned, signaling.CodeWrongOrigin, signaling.CodeWrongVersion, signaling.CodeReplaced:
			if err := <-done; !errors.Is(err, &signaling.Error{Code: code}) {
				t.Errorf("%s: %v", code, err)
			}
		default:
			s.next(t) // it dials again
		}
	}
}

func TestWhatWaitsIsSentBeforeAnEdgeLeaves(t *testing.T) {
	s := newScript(t, (*httptest.Server).Start)
	d := &den{free: 2, ids: make(chan signaling.EdgeID, 4)}
	edge, err := NewEdge(Config{URL: s.URL, Signer: newKey(t)}, d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- edge.Run(ctx) }()
	ws := s.next(t)
	registers(t, ws)
	say(t, ws, signaling.SignalingToEdge, signaling.Registered{Edge: "e-1"})
	<-d.ids
	for range 100 {
		if err := edge.Send(signaling.Ended{Session: "s", Reason: signaling.NewError(signaling.CodeShuttingDown)}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for range 100 {
		hear[signaling.Ended](t, ws, signaling.EdgeToSignaling)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSendNeverBlocksAndRefusesWhatSignalingWould(t *testing.T) {
	edge, err := NewEdge(Config{URL: "ws://127.0.0.1:1", Signer: newKey(t)}, &den{})
	if err != nil {
		t.Fatal(err)
	}
	if err := edge.Send(signaling.Offer{Session: "s"}); err == nil || errors.Is(err, ErrBacklog) {
		t.Errorf("an empty offer: %v", err)
	}
	if err := edge.Send(signaling.Check{}); err == nil {
		t.Error("a player's message is taken")
	}
	for range queued {
		if err := edge.Send(signaling.Status{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := edge.Send(signaling.Status{}); !errors.Is(err, ErrBacklog) {
		t.Error(err)
	}
}

func TestTLSIsTheCallers(t *testing.T) {
	s := newScript(t, (*httptest.Server).StartTLS)
	s.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	runEdge(t, Config{URL: s.URL, TLS: &tls.Config{RootCAs: roots}}, &den{free: 1, ids: make(chan signaling.EdgeID, 1)})
	registers(t, s.next(t))
}

func TestAPlayerIsNotHeldByAServerThatCannotBeReached(t *testing.T) {
	player, err := NewPlayer(Config{URL: "ws://127.0.0.1:1"}, signaling.Play{Token: "t", Codecs: []string{"h264"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := player.Run(t.Context(), func(signaling.Message) {}); err == nil || !strings.Contains(err.Error(), "dial") {
		t.Error(err)
	}
}

func TestURLsOfOtherKindsAreRefused(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8080", "ftp://host", "ws://", "://", "/signal"} {
		if _, err := NewEdge(Config{URL: url}, &den{}); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	ready, err := prepare(Config{URL: "https://host:8443/base/#token=x"}, signaling.PlayerPath)
	if err != nil || ready.addresses[0].url != "wss://host:8443/base/signal/player" {
		t.Errorf("%q, %v", ready.addresses, err)
	}
}

func TestBackoffGrowsToItsLimitAndTheFirstIsQuick(t *testing.T) {
	for attempt := range 100 {
		limit := min(firstBackoff<<min(attempt, 16), lastBackoff) + time.Millisecond
		for range 20 {
			if d := Backoff(attempt); d <= 0 || d > limit {
				t.Fatalf("%d: %v, at most %v", attempt, d, limit)
			}
		}
	}
}

func TestTheClientsOfANodeThatFailsGoToAllTheOthers(t *testing.T) {
	after := map[string]int{} // which address follows the first, by how many clients
	for range 600 {
		ready, err := prepare(Config{URL: "ws://a, ws://b, ws://c"}, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range ready.addresses {
			if at.host == "a" {
				after[ready.addresses[(i+1)%3].host]++
			}
		}
	}
	if after["b"] < 200 || after["c"] < 200 {
		t.Errorf("after a, %v", after)
	}
}
