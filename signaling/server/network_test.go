package server_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for a socket; a test that waits that long has failed.
const patience = 10 * time.Second

// network is a signaling server on a loopback socket, and the issuer of its tokens.
type network struct {
	testing.TB
	url     string
	key     ed25519.PrivateKey
	issuer  *token.Issuer
	metrics *prometheus.Registry
	http    *httptest.Server
	stop    context.CancelFunc // ends the server's Run
	stopped chan struct{}
}

func newNetwork(t testing.TB, change func(*server.Config)) *network {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	verifier := token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now)
	metrics := prometheus.NewRegistry()
	config := server.Config{Verifier: verifier, Issuer: issuer, Metrics: metrics, Limits: server.Limits{RequestBurst: 10000}}
	if change != nil {
		change(&config)
	}
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &network{TB: t, key: key, issuer: issuer, metrics: metrics, http: httptest.NewServer(s.Handler()), stop: stop, stopped: make(chan struct{})}
	n.url = n.http.URL
	go func() {
		defer close(n.stopped)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		stop()
		select {
		case <-n.stopped:
		case <-time.After(patience):
			t.Error("the server does not stop")
		}
		n.http.Close()
	})
	return n
}

func (n *network) token(claims token.Claims) string {
	n.Helper()
	if claims.Expires.IsZero() {
		claims.Expires = time.Now().Add(time.Hour)
	}
	raw, err := n.issuer.Issue(claims)
	if err != nil {
		n.Fatal(err)
	}
	return raw
}

func (n *network) playerToken() string {
	return n.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Install}})
}

func (n *network) play(app string) signaling.Play {
	return signaling.Play{Token: n.playerToken(), App: app, Codecs: []string{"h264"}}
}

// metric returns the sum of a metric over its labels.
func (n *network) metric(name string) float64 {
	n.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		n.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return sum
}

// socket is a bare WebSocket that speaks the protocol, or does not.
type socket struct {
	testing.TB
	*websocket.Conn
	in, out signaling.Direction
	host    string
}

func (n *network) dial(path string) *socket {
	n.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience}
	ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+path, nil)
	if err != nil {
		n.Fatalf("%v %v", err, response)
	}
	n.Cleanup(func() { ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(3 * patience)); err != nil {
		n.Fatal(err)
	}
	s := &socket{TB: n, Conn: ws, host: n.host(), in: signaling.SignalingToPlayer, out: signaling.PlayerToSignaling}
	if path == signaling.EdgePath {
		s.in, s.out = signaling.SignalingToEdge, signaling.EdgeToSignaling
	}
	return s
}

// say sends a message; a registration without a proof as an edge does that has just made itself a key.
func (s *socket) say(m signaling.Message) {
	s.Helper()
	if register, ok := m.(signaling.Register); ok && register.Proof == nil {
		key := newIdentity(s)
		s.say(signaling.Login{Address: key.Address().String()})
		var err error
		if register.Proof, err = client.Prove(expect[signaling.Challenge](s), key, s.host, time.Now()); err != nil {
			s.Fatal(err)
		}
		m = register
	}
	data, err := signaling.Encode(s.out, m)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.WriteMessage(websocket.TextMessage, data); err != nil {
		s.Fatal(err)
	}
}

func (s *socket) hear() (signaling.Message, error) {
	_, data, err := s.ReadMessage()
	if err != nil {
		return nil, err
	}
	m, err := signaling.Parse(s.in, data)
	if err != nil {
		s.Fatalf("the server sent %s: %v", data, err)
	}
	return m, nil
}

// expect hears the next message, which must be an M.
func expect[M signaling.Message](s *socket) M {
	s.Helper()
	m, err := s.hear()
	if err != nil {
		s.Fatal(err)
	}
	wanted, ok := m.(M)
	if !ok {
		s.Fatalf("%#v, want a %T", m, wanted)
	}
	return wanted
}

// closed hears until the server closes, and returns its reason and close code.
func (s *socket) closed() (*signaling.Error, int) {
	s.Helper()
	var reason *signaling.Error
	for {
		m, err := s.hear()
		if failed, ok := m.(signaling.Failed); ok {
			reason = failed.Error
		}
		var code *websocket.CloseError
		if errors.As(err, &code) {
			return reason, code.Code
		}
		if err != nil {
			s.Fatalf("closed with %v after %v", err, reason)
		}
	}
}

// register presents a bare edge with one app and the given slots.
func (n *network) register(slots int) *socket {
	n.Helper()
	s := n.dial(signaling.EdgePath)
	s.say(signaling.Register{
		Token: n.token(token.Claims{Role: token.Edge}), Name: "den", Slots: slots, Free: slots,
		Codecs: signaling.List[string]{"h264"}, Apps: signaling.List[signaling.App]{{Name: "tux", Title: "Tux", Installed: true}},
	})
	expect[signaling.Registered](s)
	return s
}

// machine is an edge as client.Edge runs it: it offers, and says what it is told.
type machine struct {
	testing.TB
	*client.Edge
	token string
	slots int
	heard chan signaling.Message // all that signaling says

	mu       sync.Mutex
	sessions []signaling.SessionID
	deaf     bool
}

var _ client.EdgeHandler = (*machine)(nil)

func (n *network) machine(slots int, change func(*client.Config)) *machine {
	n.Helper()
	m := &machine{TB: n, token: n.token(token.Claims{Role: token.Edge}), slots: slots, heard: make(chan signaling.Message, 4096)}
	config := client.Config{URL: n.url, Signer: newIdentity(n)}
	if change != nil {
		change(&config)
	}
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

// await returns the next message that is an M; others are passed over.
func await[M signaling.Message](t testing.TB, heard <-chan signaling.Message) M {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case m := <-heard:
			if wanted, ok := m.(M); ok {
				return wanted
			}
		case <-limit:
			var wanted M
			t.Fatalf("no %T came", wanted)
		}
	}
}

func (m *machine) tell(message signaling.Message) {
	if err := m.Send(message); err != nil {
		m.Error(err)
	}
}

func (m *machine) Registration() signaling.Register {
	m.mu.Lock()
	defer m.mu.Unlock()
	return signaling.Register{
		Token: m.token, Name: "den", Slots: m.slots, Free: m.slots - len(m.sessions), Codecs: signaling.List[string]{"h264", "vp8"},
		Apps: signaling.List[signaling.App]{
			{Name: "tux", Title: "Tux", Installed: true}, {Name: "race", Title: "Race"},
		}, Sessions: m.sessions,
	}
}
func (m *machine) Offer(offer signaling.Offer)       { m.heard <- offer }
func (m *machine) Restart(id signaling.SessionID)    { m.heard <- signaling.Restart{Session: id} }
func (m *machine) Registered(r signaling.Registered) { m.heard <- r }
func (m *machine) Counted(c signaling.Counted)       { m.heard <- c }
func (m *machine) Start(start signaling.Start) {
	m.heard <- start
	m.mu.Lock()
	if !start.Resume {
		m.sessions = append(m.sessions, start.Session)
	}
	m.mu.Unlock()
	m.tell(signaling.Progress{Session: start.Session, Stage: signaling.StageStarting, Detail: "Tux"})
	m.tell(signaling.Offer{Session: start.Session, SDP: "v=0 offer of " + string(start.Session)})
	m.tell(signaling.Candidate{Session: start.Session, Candidate: "of the edge", Mid: "0"})
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
	m.mu.Lock()
	for i, id := range m.sessions {
		if id == stop.Session {
			m.sessions = append(m.sessions[:i:i], m.sessions[i+1:]...)
			break
		}
	}
	free := m.slots - len(m.sessions)
	m.mu.Unlock()
	m.tell(signaling.Status{Free: free})
	m.heard <- stop
}

// gamer is a client.Player that runs.
type gamer struct {
	testing.TB
	*client.Player
	heard chan signaling.Message
	leave context.CancelFunc
	done  chan error
}

func (n *network) gamer(play signaling.Play, change func(*client.Config)) *gamer {
	n.Helper()
	config := client.Config{URL: n.url}
	if change != nil {
		change(&config)
	}
	player, err := client.NewPlayer(config, play)
	if err != nil {
		n.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.Background())
	g := &gamer{TB: n, Player: player, heard: make(chan signaling.Message, 4096), leave: leave, done: make(chan error, 1)}
	go func() { g.done <- player.Run(ctx, func(m signaling.Message) { g.heard <- m }) }()
	n.Cleanup(leave)
	return g
}

// end waits until the player's Run returns.
func (g *gamer) end() error {
	g.Helper()
	select {
	case err := <-g.done:
		return err
	case <-time.After(patience):
		g.Fatal("the player does not end")
		return nil
	}
}

// playing waits for the offer and answers it.
func (g *gamer) playing() signaling.SessionID {
	g.Helper()
	matched := await[signaling.Matched](g.TB, g.heard)
	offer := await[signaling.Offer](g.TB, g.heard)
	if offer.SDP != "v=0 offer of "+string(matched.Session) || offer.Session != "" {
		g.Errorf("the offer is %+v", offer)
	}
	if err := g.Send(signaling.Answer{SDP: "v=0 answer"}); err != nil {
		g.Error(err)
	}
	return matched.Session
}

func (n *network) keys() token.Keys { return n.issuer.Keys() }

// eventually polls for what another goroutine or process will bring about.
func (n *network) eventually(what string, holds func() bool) {
	n.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			n.Fatalf("not within %v: %s", patience, what)
		}
	}
}
