package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nearlight/checker/eye"
	"nearlight/internal/decode"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
)

func TestACheckerSeesWhatAPlayerHas(t *testing.T) {
	if decoder, err := decode.Open(media.H264); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	} else if err := decoder.Close(); err != nil {
		t.Fatal(err)
	}
	size := media.Size{Width: 640, Height: 360}
	up := start(t, e2etest.Clock(), "--stamp", "--size", size.String(), "--max-size", size.String())
	sight, err := eye.Look(t.Context(), eye.Visit{
		Signaling: client.Config{URL: up.URL}, Token: up.Token, Codecs: []media.Codec{media.H264}, Size: size, FrameRate: 60, Length: 4 * time.Second,
	})
	if err != nil {
		t.Fatalf("%v, after %+v", err, sight)
	}
	t.Logf("%+v", sight)
	l, q := sight.Latency, sight.Quality
	for _, step := range []struct {
		what  string
		holds bool
	}{
		{"frames come", l.Frames > 40 && l.FrameRate > 10},
		{"all that there is to see is watched", l.Watched > 3500*time.Millisecond},
		{"the first takes a while", l.FirstTime > 0 && l.FirstTime < e2etest.Patience},
		{"nothing is lost on loopback", l.Lost == 0 && sight.Dropped == 0},
		{"the edge's clock is known", l.GlassToGlass.N > 40 && l.GlassError > 0 && l.GlassError < 20*time.Millisecond && l.Ahead == 0},
		{"a picture is no older than its way", l.GlassToGlass.P50 > 0 && l.GlassToGlass.P50 < time.Second},
		{"keys are answered", l.ClickToPhoton.N > 5 && l.ClickToPhoton.P50 > 0 && l.ClickToPhoton.P50 < time.Second},
		{"as they were pressed", l.Impossible == 0 && l.Disordered == 0},
		{"the size is the one that was asked for", l.Size == size && l.SizeChanges == 0},
		{"pictures are looked into", q.Pictures == l.Frames && q.Looked >= 3 && q.Looked <= 20},
		{"their quantiser is read", q.Quantised == q.Pictures && q.Quantiser > 0 && q.Quantiser < 1},
		{"what this machine takes is told", sight.Own.N == l.Frames && sight.Own.P50 > 0},
		{"the way is known", sight.RoundTrip > 0 && sight.RoundTrip < time.Second && sight.Address.IsValid()},
		{"nobody has signed, as the link does not demand it", sight.Edge.IsZero()},
		{"there is a session", sight.Session != ""},
	} {
		if !step.holds {
			t.Errorf("not so: %s", step.what)
		}
	}
}

func TestACheckerSaysWhoseFaultItIs(t *testing.T) {
	up := start(t, e2etest.Still(t))
	visit := eye.Visit{Signaling: client.Config{URL: up.URL}, Token: up.Token, Length: time.Second}
	player := up.Play(t, e2etest.Request{})
	player.Plays(t, 1)
	if _, err := eye.Look(t.Context(), visit); !errors.Is(err, eye.ErrTaken) || !errors.Is(err, &signaling.Error{Code: signaling.CodeFull}) {
		t.Errorf("beside a player: %v", err)
	}
	player.Leave()
	visit.App = "nothing-of-that-name"
	if _, err := eye.Look(t.Context(), visit); !errors.Is(err, eye.ErrUnserved) || !errors.Is(err, &signaling.Error{Code: signaling.CodeUnknownApp}) {
		t.Errorf("an app that there is not: %v", err)
	}
	visit.App, visit.Token = "", "nonsense"
	if _, err := eye.Look(t.Context(), visit); !errors.Is(err, eye.ErrTrouble) {
		t.Errorf("a token that is none: %v", err)
	}
}

func TestACheckerKnowsWhichEdgeItLooksAt(t *testing.T) {
	flags, address := walletsEdge(t)
	list := filepath.Join(t.TempDir(), "edges")
	if err := os.WriteFile(list, []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	network := startSignaling(t, "--edge-keys", list)
	network.edge(t, flags...)
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	visit := eye.Visit{Signaling: client.Config{URL: network.signaling.URL}, Token: network.tokenWith(t, "--edges", address), Length: time.Second}
	sight, err := eye.Look(t.Context(), visit)
	if err != nil || sight.Edge.String() != address || sight.Looked < time.Second {
		t.Errorf("%v, after %+v; want the edge %s", err, sight, address)
	}
	_, other := walletsEdge(t)
	visit.Token = network.tokenWith(t, "--edges", other)
	if _, err := eye.Look(t.Context(), visit); !errors.Is(err, eye.ErrUnserved) || !errors.Is(err, &signaling.Error{Code: signaling.CodeNoEdge}) {
		t.Errorf("an edge that is not there: %v", err)
	}
}
