package server

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"nearlight/internal/tracing"
	"nearlight/signaling"
)

// recorded has the nodes of a city tell of their spans.
func (c *city) recorded() *tracetest.SpanRecorder {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")
	for _, n := range c.nodes {
		n.mu.Lock()
		n.spans = tracer
		n.mu.Unlock()
	}
	return recorder
}

// tree is the spans that have ended, by their names.
func tree(t *testing.T, recorder *tracetest.SpanRecorder) map[string]sdk.ReadOnlySpan {
	t.Helper()
	spans := map[string]sdk.ReadOnlySpan{}
	for _, span := range recorder.Ended() {
		if spans[span.Name()] != nil {
			t.Errorf("%q ends twice", span.Name())
		}
		spans[span.Name()] = span
	}
	if started, ended := len(recorder.Started()), len(recorder.Ended()); started != ended {
		t.Errorf("%d spans were started, and %d have ended", started, ended)
	}
	return spans
}

// endedSpans are those of a name, in the order of their ends.
func endedSpans(recorder *tracetest.SpanRecorder, name string) (found []sdk.ReadOnlySpan) {
	for _, span := range recorder.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	return found
}

func TestARequestIsOneTraceAcrossNodesAndToItsEdge(t *testing.T) {
	for _, step := range []struct {
		where string
		nodes int
		want  []string
	}{
		{"at the edge's node", 1, []string{spanMatch, spanLease, spanOffer, spanAnswer}},
		{"at another", 2, []string{spanClaim, spanMatch, spanElsewhere, spanLease, spanOffer, spanAnswer}},
	} {
		t.Run(step.where, func(t *testing.T) {
			inCity(t, step.nodes, func(c *city) {
				recorder := c.recorded()
				m := c.rig(1)
				m.connect(c.nodes[0])
				c.settle()
				g := c.gamer(c.nodes[step.nodes-1], "one", nil)
				c.plays(g)
				c.settle()
				spans := tree(t, recorder)
				root := spans[spanPlay]
				if root == nil || len(spans) != len(step.want)+1 {
					t.Fatalf("%d spans, the request's is %v", len(spans), root)
				}
				for _, name := range step.want {
					if span := spans[name]; span == nil || span.Parent().SpanID() != root.SpanContext().SpanID() || span.SpanContext().TraceID() != root.SpanContext().TraceID() {
						t.Errorf("%q is not below the request: %v", name, span)
					} else if span.Status().Code == codes.Error {
						t.Errorf("%q has failed: %v", name, span.Status())
					}
				}
				for _, told := range m.take() {
					if start, ok := told.(signaling.Start); ok && start.Trace != tracing.Parent(trace.SpanFromContext(trace.ContextWithSpanContext(t.Context(), root.SpanContext()))) {
						t.Errorf("the edge is told %q", start.Trace)
					}
				}
			})
		})
	}
}

func TestARequestThatWaitsMovesOrFailsIsTracedToo(t *testing.T) {
	inCity(t, 1, func(c *city) {
		recorder := c.recorded()
		first := c.rig(1)
		first.connect(c.nodes[0])
		c.settle()
		one := c.gamer(c.nodes[0], "one", nil)
		c.plays(one)
		two := c.gamer(c.nodes[0], "two", nil)
		c.heard(two, "queued")
		time.Sleep(5 * time.Second)
		c.nodes[0].leave(one.player)
		c.settle()
		c.plays(two)
		line := endedSpans(recorder, spanLine)
		if len(line) != 1 || line[0].EndTime().Sub(line[0].StartTime()) < 5*time.Second {
			t.Errorf("the line: %v", line)
		}

		second := c.rig(1)
		second.connect(c.nodes[0])
		c.settle()
		first.degrade(two.session.id)
		c.heard(two, "moved", "matched", "offer")
		c.nodes[0].answer(two.player, signaling.Answer{SDP: "v=0"})
		c.settle()
		if moves, plays := endedSpans(recorder, spanMove), endedSpans(recorder, spanPlay); len(moves) != 1 || moves[0].Parent().SpanID() != plays[1].SpanContext().SpanID() {
			t.Errorf("the move: %v", moves)
		}

		none := c.gamer(c.nodes[0], "none", func(m *signaling.Play) { m.App = "no-such-app" })
		if none.reason == nil {
			t.Fatal("an app that there is not is played")
		}
		if plays := endedSpans(recorder, spanPlay); len(plays) != 3 || plays[2].Status().Description != string(none.reason.Code) {
			t.Errorf("what is refused: %v", plays)
		}

		time.Sleep(shunTime + time.Second)
		gone := c.gamer(c.nodes[0], "gone", nil)
		c.heard(gone, "matched", "offer")
		c.nodes[0].part(gone.player, 0)
		if plays := endedSpans(recorder, spanPlay); len(plays) != 4 || plays[3].Status().Description != errUnanswered.Error() {
			t.Errorf("who goes before the answer: %v", plays)
		}
		if started, all := len(recorder.Started()), len(recorder.Ended()); started != all {
			t.Errorf("%d spans were started, and %d have ended", started, all)
		}
	})
}

func TestWhatAnotherNodeSaysOfASpanIsReadStrictly(t *testing.T) {
	inCity(t, 1, func(c *city) {
		c.recorded()
		p := &player{}
		c.nodes[0].joinRequest(p, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01; more")
		if p.span != nil || p.traced() != "" {
			t.Errorf("%q is passed on", p.traced())
		}
	})
}
