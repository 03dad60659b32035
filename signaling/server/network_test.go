package server_test

import (
	"context"
	"crypto/ed25519"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

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

// network is a signaling server, and the issuer of its tokens.
type network struct {
	testing.TB
	url      string
	key      ed25519.PrivateKey
	issuer   *token.Issuer
	verifier *token.Verifier // of the server and of edges
	metrics  *prometheus.Registry
	http     *httptest.Server
	open     []net.Conn                                                           // of sockets
	dialer   func(ctx context.Context, network, address string) (net.Conn, error) // nil: the usual one
	stop     context.CancelFunc                                                   // ends the server's Run
	stopped  chan struct{}
}

func newNetwork(t testing.TB, change func(*server.Config)) *network {
	t.Helper()
	return newNetworkOn(t, nil, change)
}

// inTime is a test of a network in a bubble, where time passes as soon as everyone waits.
func inTime(t *testing.T, change func(*server.Config), test func(*testing.T, *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newNetworkOn(t, server.NewPipes(), change)) })
}

// newNetworkOn is newNetwork on pipes, nil for a loopback socket.
func newNetworkOn(t testing.TB, pipes *server.Pipes, change func(*server.Config)) *network {
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
	n := &network{
		TB: t, key: key, issuer: issuer, verifier: config.Verifier, metrics: metrics, http: httptest.NewUnstartedServer(s.Handler()), stop: stop, stopped: make(chan struct{}),
	}
	if pipes != nil {
		if err := n.http.Listener.Close(); err != nil {
			t.Fatal(err)
		}
		n.http.Listener, n.dialer = pipes, pipes.Dial
	}
	n.http.Start()
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

// hangUp closes all sockets.
func (n *network) hangUp() {
	for _, conn := range n.open {
		_ = conn.Close() // it may be closed already
	}
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
	config := client.Config{URL: n.url, Dial: n.dialer}
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
