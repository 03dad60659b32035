package e2e

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
)

// parts is a network whose parts run apart, with the files that they need.
type parts struct {
	signaling       *e2etest.Program
	private, public string // key files
}

// ready finds the address in what signaling logs when it is ready.
var ready = regexp.MustCompile(`msg="signaling is ready" address=(\S+)`)

// makeKeys makes the files of a network whose parts are yet to be started.
func makeKeys(t *testing.T) *parts {
	t.Helper()
	folder := t.TempDir()
	p := &parts{private: filepath.Join(folder, "private.pem"), public: filepath.Join(folder, "public.pem")}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		p.private: {Type: "PRIVATE KEY", Bytes: privateDER}, p.public: {Type: "PUBLIC KEY", Bytes: publicDER},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func startSignaling(t *testing.T) *parts {
	t.Helper()
	p := makeKeys(t)
	p.signaling = e2etest.Launch(t, e2etest.Options{}, "signaling", "--listen", "127.0.0.1:0", "--verify-key", p.public)
	e2etest.Eventually(t, e2etest.Patience, "signaling is ready", func() bool {
		found := ready.FindStringSubmatch(p.signaling.Stderr())
		if found != nil {
			p.signaling.URL = "http://" + found[1]
		}
		return found != nil
	})
	p.signaling.Token = p.token(t, "player")
	return p
}

// token signs a token as an operator would.
func (p *parts) token(t *testing.T, role string) string {
	t.Helper()
	r := e2etest.Run(t, e2etest.Options{}, "token", "--key", p.private, "--role", role)
	if r.Code != 0 {
		t.Fatal(r)
	}
	return strings.TrimSpace(r.Stdout)
}

// startEdge starts an edge with a token.
func (p *parts) startEdge(t *testing.T, token string) *e2etest.Program {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"edge", "--signal", p.signaling.URL, "--token-file", file, "--verify-key", p.public, "--media-address", "127.0.0.1", "--"}
	return e2etest.Launch(t, e2etest.Options{}, append(arguments, e2etest.Still(t)...)...)
}

func (p *parts) edges(t *testing.T) float64 {
	t.Helper()
	return p.signaling.Metric(t, "nearlight_signaling_edges")
}

func TestAPlayerIsToldWithinThreeSecondsThatItsEdgeIsGone(t *testing.T) {
	t.Parallel()
	network := startSignaling(t)
	if end := network.signaling.Play(t, e2etest.Request{}).End(t); end.Code != signaling.CodeNoEdge {
		t.Errorf("without an edge a player is told %v", end)
	}
	edge := network.startEdge(t, network.token(t, "edge"))
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	player := network.signaling.Play(t, e2etest.Request{})
	player.Plays(t, 1)

	edge.Signal(t, syscall.SIGKILL)
	killed := time.Now()
	end := player.End(t)
	if took := time.Since(killed); took > 3*time.Second {
		t.Errorf("the player is told %v later", took)
	}
	if end.Code != signaling.CodeEdgeGone || !end.Retryable {
		t.Errorf("the player is told %v", end)
	}
	edge.NothingRuns(t, 2*time.Second)

	// Another one takes its place.
	next := network.startEdge(t, network.token(t, "edge"))
	e2etest.Eventually(t, e2etest.Patience, "the next edge is registered", func() bool { return network.edges(t) == 1 })
	network.signaling.Play(t, e2etest.Request{}).Plays(t, 1)
	for _, part := range []*e2etest.Program{next, network.signaling} {
		if end := part.Stop(t); end.Code != 0 || end.Took > stopsWithin {
			t.Errorf("want exit code 0 within %v: %v", stopsWithin, end)
		}
	}
}

func TestAPlayerWhoseEdgeEndsIsAtAnotherWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name   string
		signal syscall.Signal
		code   signaling.Code
	}{
		{"killed", syscall.SIGKILL, signaling.CodeEdgeGone},
		{"stopped in good order", syscall.SIGTERM, signaling.CodeShuttingDown},
	} {
		t.Run(step.name, func(t *testing.T) {
			network := startSignaling(t)
			first := network.startEdge(t, network.token(t, "edge"))
			e2etest.Eventually(t, e2etest.Patience, "the first edge is registered", func() bool { return network.edges(t) == 1 })
			player := network.signaling.Play(t, e2etest.Request{Wait: true})
			player.Plays(t, 1)
			session := player.Session(t)
			second := network.startEdge(t, network.token(t, "edge"))
			e2etest.Eventually(t, e2etest.Patience, "the second edge is registered", func() bool { return network.edges(t) == 2 })
			first.Signal(t, step.signal)
			ended := time.Now()
			moved := player.Moved(t)
			if took := moved.Offered.Sub(ended); took > 3*time.Second || moved.Reason.Code != step.code || moved.Session == session {
				t.Errorf("%v later the player has another edge's offer, after it was told %v", took, moved.Reason)
			}
			second.Stop(t)
		})
	}
}

func TestAnEdgeThatMayNotJoinSaysWhy(t *testing.T) {
	t.Parallel()
	network := startSignaling(t)
	for _, step := range []struct{ name, token string }{
		{"no token", "nothing"},
		{"a player's token", network.signaling.Token},
	} {
		t.Run(step.name, func(t *testing.T) {
			end := network.startEdge(t, step.token).Wait(t, e2etest.Patience)
			refused(t, end, exitFailed, "bad-token", "--token-file", "nearlight token --role edge")
		})
	}
}
