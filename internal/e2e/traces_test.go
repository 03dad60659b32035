package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/tracing/collectortest"
)

func TestTheStartOfASessionIsOneTrace(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name  string
		start func(t *testing.T, collector string) (play *e2etest.Program, stop func())
	}{
		{"in one process", func(t *testing.T, collector string) (*e2etest.Program, func()) {
			up := start(t, e2etest.Clock(), "--traces", collector)
			return up, func() { up.Stop(t) }
		}},
		{"in two", func(t *testing.T, collector string) (*e2etest.Program, func()) {
			network := startSignaling(t, "--traces", collector)
			file := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(file, []byte(network.token(t, "edge")), 0o600); err != nil {
				t.Fatal(err)
			}
			edge := network.edge(t, "--token-file", file, "--traces", collector)
			e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
			return network.signaling, func() {
				edge.Stop(t)
				network.signaling.Stop(t)
			}
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			collector := collectortest.Start(t)
			program, stop := step.start(t, collector.URL)
			player := program.Play(t, e2etest.Request{})
			player.Plays(t, 1)
			player.Leave()
			stop() // what has not been sent yet is now

			found := map[string]collectortest.Span{}
			first := false
			for _, span := range collector.Spans() {
				found[span.Name] = span
				if span.Failed() {
					t.Errorf("%q failed: %s", span.Name, span.Status.Message)
				}
				for _, event := range span.Events {
					first = first || event.Name == "the first frame is sent"
				}
			}
			if !first {
				t.Error("nothing says when the first frame was sent")
			}
			root := found["signaling: play"]
			for _, name := range []string{
				"signaling: match", "signaling: lease", "signaling: wait for the edge's offer", "signaling: wait for the player's answer",
				"edge: session", "edge: choose the encoder", "edge: bring up display and app", "edge: connect the player",
			} {
				if span, is := found[name]; !is || string(span.TraceId) != string(root.TraceId) {
					t.Errorf("%q is not in the request's trace; there are %d names", name, len(found))
				}
			}
			if session := found["edge: session"]; session.Span != nil && string(session.ParentSpanId) != string(root.SpanId) {
				t.Error("the edge's span is not below the request's")
			}
		})
	}
}

func TestACollectorThatIsAwayHoldsUpNoGame(t *testing.T) {
	up := start(t, e2etest.Clock(), "--traces", "http://127.0.0.1:1")
	player := up.Play(t, e2etest.Request{})
	player.Plays(t, 3)
	player.Leave()
	if end := up.Stop(t); end.Code != 0 {
		t.Errorf("want exit code 0: %v", end)
	}
}
