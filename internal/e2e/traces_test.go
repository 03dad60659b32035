package e2e

import (
	"testing"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/tracing/collectortest"
)

func TestTheStartOfASessionIsOneTrace(t *testing.T) {
	collector := collectortest.Start(t)
	up := start(t, e2etest.Clock(), "--traces", collector.URL)
	player := up.Play(t, e2etest.Request{})
	player.Plays(t, 3)
	player.Leave()
	up.Stop(t) // what has not been sent yet is now

	found := map[string]string{}
	for _, span := range collector.Spans() {
		found[span.Name] = string(span.TraceId)
		if span.Failed() {
			t.Errorf("%q failed: %s", span.Name, span.Status.Message)
		}
	}
	for _, name := range []string{"edge: session", "edge: choose the encoder", "edge: bring up display and app", "edge: connect the player"} {
		if trace, is := found[name]; !is || trace != found["edge: session"] {
			t.Errorf("%q is not in the session's trace; there are %d names", name, len(found))
		}
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
