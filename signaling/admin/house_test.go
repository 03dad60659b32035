package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"nearlight/internal/bus"
	"nearlight/internal/bus/bustest"
	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/internal/openapitest"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/admin"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait.
const patience = 10 * time.Second

// house is a signaling server with a store, its edges, and an operator.
type house struct {
	testing.TB
	issuer  *token.Issuer
	bus     bus.Bus       // nil for a node alone
	checks  server.Checks // nil: nobody checks
	server  *server.Server
	signal  *httptest.Server
	admin   *httptest.Server
	kept    *store.Store
	secret  string
	log     *lines
	found   func() (admin.Checks, error) // what operators are shown
	stopped func()
}

// lines is a log that can be read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a server. database is "" for none.
func open(t testing.TB, database string) *house {
	t.Helper()
	h := build(t)
	h.start(database)
	return h
}

// openTwo starts two that know each other.
func openTwo(t testing.TB) (*house, *house) {
	t.Helper()
	network := &bustest.Network{}
	first, second := build(t), build(t)
	second.issuer = first.issuer
	for _, h := range []*house{first, second} {
		node := network.Join()
		h.bus = node
		t.Cleanup(node.Close)
		h.start("")
	}
	first.eventually("the nodes know each other", func() bool { return len(first.server.Cluster().Nodes) == 2 && len(second.server.Cluster().Nodes) == 2 })
	return first, second
}

// build is a house that is not started.
func build(t testing.TB) *house {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{TB: t, log: &lines{}}
	if h.issuer, err = token.NewIssuer(key, token.Scope{}, time.Now); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) start(database string) {
	h.Helper()
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	config := server.Config{
		Verifier: token.NewVerifier(h.issuer.Keys(), token.Scope{}, time.Now), Limits: server.Limits{RequestBurst: 10000}, Log: logger, Bus: h.bus, Checks: h.checks, CheckKey: h.issuer.Key().ID,
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if database != "" {
		var err error
		if h.kept, err = store.Open(ctx, store.Config{Database: database}); err != nil {
			h.Fatal(err)
		}
		config.Records = h.kept
	}
	s, err := server.New(config)
	if err != nil {
		h.Fatal(err)
	}
	h.server = s
	writing, stopWriting := context.WithCancel(context.Background())
	if h.kept != nil {
		running.Go(func() {
			if err := h.kept.Run(writing); err != nil {
				h.Error(err)
			}
		})
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Run(ctx); err != nil {
			h.Error(err)
		}
	})
	secret, line, err := admin.NewToken("ada")
	if err != nil {
		h.Fatal(err)
	}
	operators, err := admin.ParseOperators([]byte("# who may\n" + line + "\neve " + strings.Repeat("e", 40) + "\n"))
	if err != nil {
		h.Fatal(err)
	}
	h.secret = secret
	h.signal = httptest.NewServer(s.Handler())
	h.admin = httptest.NewServer(admin.New(admin.Config{Network: s, Operators: func() admin.Operators { return operators }, Checks: h.found, Log: logger}))
	h.stopped = sync.OnceFunc(func() {
		stop()
		serving.Wait()
		stopWriting()
		running.Wait()
		h.signal.Close()
		h.admin.Close()
		if h.kept != nil {
			if err := h.kept.Close(); err != nil {
				h.Error(err)
			}
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	h.Cleanup(func() { h.stopped() })
}

func (h *house) token(claims token.Claims) string {
	h.Helper()
	claims.Expires = time.Now().Add(time.Hour)
	raw, err := h.issuer.Issue(claims)
	if err != nil {
		h.Fatal(err)
	}
	return raw
}

// edge connects a simulated one, until the test is over or the function is called. It may go to other houses too.
func (h *house) edge(slots int, elsewhere ...*house) (machine *edgesim.Machine, ended <-chan error, stop func()) {
	h.Helper()
	key, err := identity.NewKey()
	if err != nil {
		h.Fatal(err)
	}
	machine = edgesim.New(edgesim.Config{
		Token: h.token(token.Claims{Role: token.Edge}), Key: key, Slots: slots, Born: time.Now(),
		Verifier: token.NewVerifier(h.issuer.Keys(), token.Scope{}, time.Now), Apps: []signaling.App{{Name: "tux", Title: "Tux", Installed: true}},
	})
	urls := []string{h.signal.URL}
	for _, other := range elsewhere {
		urls = append(urls, other.signal.URL)
	}
	link, err := edgesim.NewLink(client.Config{URL: strings.Join(urls, ","), Backoff: func(int) time.Duration { return 10 * time.Millisecond }}, machine)
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { done <- link.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	h.Cleanup(stop)
	h.eventually("the edge is registered", func() bool { return machine.ID() != "" })
	return machine, done, stop
}

func (h *house) eventually(what string, holds func() bool) {
	h.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	h.Fatalf("not within %v: %s\n%s", patience, what, h.log)
}

// player is a socket that plays.
type player struct {
	*house
	*websocket.Conn
	session signaling.SessionID
	edge    signaling.EdgeID
}

// play begins a session, or is refused.
func (h *house) play(claims token.Claims) (*player, *signaling.Error) {
	h.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := dialer.Dial("ws"+strings.TrimPrefix(h.signal.URL, "http")+signaling.PlayerPath, nil)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { ws.Close() })
	p := &player{house: h, Conn: ws}
	claims.Role, claims.Rights = token.Player, append(claims.Rights, token.Play)
	data, err := signaling.Encode(signaling.PlayerToSignaling, signaling.Play{Token: h.token(claims), App: "tux", Codecs: []string{"h264"}, Wait: true})
	if err == nil {
		err = ws.WriteMessage(websocket.TextMessage, data)
	}
	if err != nil {
		h.Fatal(err)
	}
	switch m := p.hear().(type) {
	case signaling.Matched:
		p.session, p.edge = m.Session, m.Edge.ID
		p.hear() // the offer
		return p, nil
	case signaling.Queued:
		return p, nil
	case signaling.Failed:
		return nil, m.Error
	default:
		h.Fatalf("%+v", m)
		return nil, nil
	}
}

func (p *player) hear() signaling.Message {
	p.Helper()
	if err := p.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.Fatal(err)
	}
	_, data, err := p.ReadMessage()
	if err != nil {
		p.Fatalf("%v\n%s", err, p.log)
	}
	m, err := signaling.Parse(signaling.SignalingToPlayer, data)
	if err != nil {
		p.Fatal(err)
	}
	return m
}

// ask asks as an operator, and holds the answer against the document.
func (h *house) ask(method, path, body string) (status int, text string) {
	h.Helper()
	return h.askAs("Bearer "+h.secret, method, path, body)
}

func (h *house) askAs(authorization, method, path, body string) (status int, text string) {
	h.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, h.admin.URL+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		h.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		h.Fatal(err)
	}
	openapitest.Conforms(h, method, request.URL.Path, response, string(data))
	return response.StatusCode, string(data)
}

// get asks for a value.
func get[T any](h *house, path string) (value T) {
	h.Helper()
	status, text := h.ask(http.MethodGet, path, "")
	if status != http.StatusOK {
		h.Fatalf("GET %s: %d %s", path, status, text)
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		h.Fatal(err)
	}
	return value
}

// do acts, and wants it done.
func (h *house) do(path, body string) string {
	h.Helper()
	status, text := h.ask(http.MethodPost, path, body)
	if status != http.StatusOK {
		h.Fatalf("POST %s: %d %s", path, status, text)
	}
	return text
}

type edges struct {
	Edges []server.EdgeView
	Next  string
}

type sessions struct {
	Sessions []server.SessionView
	Next     string
}
