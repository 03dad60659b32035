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

	"nearlight/edge/leaselog"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
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

func startSignaling(t *testing.T, further ...string) *parts {
	t.Helper()
	p := makeKeys(t)
	p.startWith(t, further...)
	return p
}

// startWith starts signaling with further flags.
func (p *parts) startWith(t *testing.T, further ...string) {
	t.Helper()
	p.signaling = e2etest.Launch(t, e2etest.Options{}, append([]string{"signaling", "--listen", "127.0.0.1:0", "--verify-key", p.public}, further...)...)
	e2etest.Eventually(t, e2etest.Patience, "signaling is ready", func() bool {
		found := ready.FindStringSubmatch(p.signaling.Stderr())
		if found != nil {
			p.signaling.URL = "http://" + found[1]
		}
		return found != nil
	})
	p.signaling.Token = p.token(t, "player")
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

// tokenWith signs a player's token with further flags.
func (p *parts) tokenWith(t *testing.T, flags ...string) string {
	t.Helper()
	r := e2etest.Run(t, e2etest.Options{}, append([]string{"token", "issue", "--key", p.private}, flags...)...)
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
	return p.edge(t, "--token-file", file)
}

// edge starts an edge that shows who it is by further flags.
func (p *parts) edge(t *testing.T, further ...string) *e2etest.Program {
	t.Helper()
	arguments := append([]string{"edge", "--signal", p.signaling.URL, "--verify-key", p.public, "--media-address", "127.0.0.1"}, further...)
	return e2etest.Launch(t, e2etest.Options{}, append(append(arguments, "--"), e2etest.Still(t)...)...)
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
			refused(t, end, exitFailed, "bad-token", "--token-file", "nearlight token issue --role edge")
		})
	}
}

// wallet makes a key, and returns the flags that name it and its address.
func wallet(t *testing.T) (flags []string, address string) {
	t.Helper()
	folder := t.TempDir()
	pass := filepath.Join(folder, "pass")
	if err := os.WriteFile(pass, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags = []string{"--wallet", filepath.Join(folder, "wallet"), "--passphrase-file", pass}
	r := e2etest.Run(t, e2etest.Options{}, append([]string{"wallet", "new", "--light"}, flags...)...)
	if r.Code != 0 {
		t.Fatal(r)
	}
	return flags, strings.TrimSpace(r.Stdout)
}

// walletsEdge is wallet for an edge, which has a folder as well.
func walletsEdge(t *testing.T) (flags []string, address string) {
	t.Helper()
	flags, address = wallet(t)
	// Slots' users pass through the edge's folder, and through no test's.
	kept, err := os.MkdirTemp("", "nearlight-e2e-")
	if err == nil {
		err = os.Chmod(kept, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(kept); err != nil {
			t.Error(err)
		}
	})
	return append(flags, "--folder", kept), address
}

func TestAnEdgeJoinsByItsKeyAlone(t *testing.T) {
	t.Parallel()
	flags, address := walletsEdge(t)
	list := filepath.Join(t.TempDir(), "edges")
	if err := os.WriteFile(list, []byte(address+" # the only one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	network := startSignaling(t, "--edge-keys", list)
	network.edge(t, flags...)
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	if !strings.Contains(network.signaling.Stderr(), "edge="+address) {
		t.Errorf("signaling does not know the edge as %s", address)
	}
	network.signaling.Play(t, e2etest.Request{}).Plays(t, 1)
	edge, err := identity.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	records, err := leaselog.Check(flags[len(flags)-1], edge)
	if err != nil || len(records) != 2 || records[1].Event != lease.Granted {
		t.Errorf("its log has %+v, %v", records, err)
	}

	strange, _ := walletsEdge(t)
	refused(t, network.edge(t, strange...).Wait(t, e2etest.Patience), exitFailed, "bad-key", "token")
	refused(t, network.edge(t, strange[:4]...).Wait(t, e2etest.Patience), exitUsage, "--folder")
	refused(t, network.edge(t, flags[0], flags[1]).Wait(t, e2etest.Patience), exitUsage, "--passphrase-file", "--passphrase-command")
}
