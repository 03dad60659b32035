package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/internal/browsertest"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/netsim"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
	"nearlight/web"
)

func chromium(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("SKIPPED %s: there is no Chromium (apt-get install chromium)", t.Name())
	}
	return path
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// matchedLine finds session and edge in what signaling logs of a match.
var matchedLine = regexp.MustCompile(`msg="session is matched" session=(\S+) edge=(\S+)`)

// atlas is signaling in this process, with the pages, which can be asked why.
type atlas struct {
	*parts
	server  *server.Server
	log     *journal
	metrics *prometheus.Registry
}

// measured is how long players took to measure, all together, and how often they did.
func (a *atlas) measured(t *testing.T) (took time.Duration, times uint64) {
	t.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "nearlight_signaling_measurement_seconds" {
			h := family.GetMetric()[0].GetHistogram()
			return time.Duration(h.GetSampleSum() * float64(time.Second)), h.GetSampleCount()
		}
	}
	return 0, 0
}

// startAtlas starts signaling that takes all players for being at one place.
func startAtlas(t *testing.T, players match.Place) *atlas {
	t.Helper()
	pages, built := web.Pages()
	if !built {
		t.Skipf("SKIPPED %s: the pages are not built (make web/dist/index.html)", t.Name())
	}
	a := &atlas{parts: makeKeys(t), log: &journal{}, metrics: prometheus.NewRegistry()}
	text, err := os.ReadFile(a.private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	a.server, err = server.New(server.Config{
		Verifier: token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now), Log: slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: a.metrics,
		Locate: func(netip.Addr) server.Location {
			return server.Location{Near: &match.Near{Place: players, Uncertainty: 20}}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(pages))
	for _, path := range []string{signaling.PlayerPath, signaling.EdgePath, signaling.AppsPath} {
		mux.Handle(path, a.server.Handler())
	}
	served := httptest.NewServer(mux)
	t.Cleanup(served.Close)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	a.signaling = &e2etest.Program{URL: served.URL}
	a.signaling.Token = a.token(t, "player")
	return a
}

// freeMediaPort is a port that nobody listens on, over UDP and TCP.
func freeMediaPort(t *testing.T) uint16 {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return uint16(port)
		}
	}
	t.Fatal("no port is free")
	return 0
}

// edgeAt starts a real edge behind an emulated network, and returns it with its id.
func (a *atlas) edgeAt(t *testing.T, roundTrip time.Duration, place string) (*e2etest.Program, signaling.EdgeID) {
	t.Helper()
	port := freeMediaPort(t)
	link := netsim.Config{Delay: roundTrip / 2}
	relay, err := netsim.OpenRelay(netsim.RelayConfig{
		Routes: []netsim.Route{{Target: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)}}, Out: link, Back: link,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := relay.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(a.token(t, "edge")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	edge := a.edge(t, "--token-file", file, "--media-port", fmt.Sprint(port), "--advertise", relay.Near(0).String(), "--place", place, "--slots", "3")
	registered := regexp.MustCompile(`msg="registered with signaling" edge=(\S+)`)
	var id signaling.EdgeID
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool {
		found := registered.FindStringSubmatch(edge.Stderr())
		if found != nil {
			id = signaling.EdgeID(found[1])
		}
		return found != nil
	})
	return edge, id
}

// The databases of addresses say Berlin. The way to the edge in Lyon is shorter, as networks are: the page finds out, and signaling can say why.
func TestABrowserIsGivenTheEdgeThatItMeasuresAsTheNearest(t *testing.T) {
	browser := chromium(t)
	a := startAtlas(t, match.Place{Latitude: 52.52, Longitude: 13.40})
	_, far := a.edgeAt(t, 150*time.Millisecond, "52.52,13.40")
	near, nearID := a.edgeAt(t, 10*time.Millisecond, "45.76,4.84")
	for try := 1; ; try++ {
		before := len(matchedLine.FindAllString(a.log.String(), -1))
		end := browsertest.Show(t, browser, a.signaling.URL+"/#token="+a.signaling.Token+"&autoplay=1")
		var matches [][]string
		e2etest.Eventually(t, e2etest.Patience, "the page is matched", func() bool {
			matches = matchedLine.FindAllStringSubmatch(a.log.String(), -1)
			return len(matches) > before
		})
		session, edge := signaling.SessionID(matches[before][1]), signaling.EdgeID(matches[before][2])
		why, known := a.server.Explain(session, far)
		if !known || len(why.Ranked) != 2 || why.Ranked[0].Edge != edge {
			t.Fatalf("%s at %s is explained as %+v", session, edge, why)
		}
		for _, reason := range why.Ranked {
			t.Log(reason.Words)
		}
		if why.Ranked[0].Terms[0].Name == match.TermEstimate && try < 3 {
			t.Log("the page did not measure in time: is this machine busy?")
			end()
			continue
		}
		if edge != nearID || !strings.Contains(why.Named[0].Words, "most of all by its round trip") {
			t.Errorf("the page is given %s, want %s", edge, nearID)
		}
		for i, least := range []match.Cost{8, 140} { // browsers count whole milliseconds
			if c := why.Ranked[i].Terms[0]; c.Name != match.TermRoundTrip || c.Cost < least {
				t.Errorf("number %d costs %+v, want a round trip of at least %v", i+1, c, least)
			}
		}
		took, times := a.measured(t)
		t.Logf("%d questions were answered after %v in all", times, took)
		e2etest.Eventually(t, e2etest.Patience, "the near edge shows the game", func() bool { return strings.Contains(near.Stderr(), "player connected") })
		end()
		return
	}
}
