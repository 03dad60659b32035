package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/tracing/collectortest"
)

func TestSpansOfTwoProcessesAreOneTraceOfTheirSession(t *testing.T) {
	collector := collectortest.Start(t)
	for _, service := range []string{"signaling", "edge"} {
		tracing, err := Open(t.Context(), Config{Collector: collector.URL, Service: service, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, outer := tracing.Tracer().Start(Session(t.Context(), "s-1"), "outer")
		_, inner := tracing.Tracer().Start(ctx, "inner")
		End(inner, errors.New("the display did not come up"))
		End(outer, context.Canceled)
		tracing.Close()
	}
	spans := collector.Spans()
	if len(spans) != 4 {
		t.Fatalf("%d spans came, want 4", len(spans))
	}
	services, roots := map[string]int{}, map[string]bool{}
	for _, span := range spans {
		services[span.Service]++
		if !bytes.Equal(span.TraceId, spans[0].TraceId) {
			t.Errorf("%s is of another trace", span.Name)
		}
		if span.Failed() != (span.Name == "inner") {
			t.Errorf("%s: failed is %v", span.Name, span.Failed())
		}
		if span.Name == "outer" {
			roots[string(span.ParentSpanId)] = true
		}
	}
	if services["nearlight-signaling"] != 2 || services["nearlight-edge"] != 2 {
		t.Errorf("the services are %v", services)
	}
	if len(roots) != 1 {
		t.Error("the two processes do not hang their spans at the same root")
	}
}

func TestNothingIsSentWhereNoCollectorIsNamed(t *testing.T) {
	tracing, err := Open(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.Tracer().Start(Session(t.Context(), "s-1"), "span")
	if span.IsRecording() {
		t.Error("a span is recorded for nobody")
	}
	End(span, nil)
	tracing.Close()
}

func TestAWrongCollectorIsNamed(t *testing.T) {
	for _, url := range []string{"127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://%zz"} {
		if _, err := Open(t.Context(), Config{Collector: url}); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:4318") {
			t.Errorf("%q: got %v, want an error that says how it is written", url, err)
		}
	}
}

func TestACollectorThatIsAwayIsLoggedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		s := &seldom{log: slog.New(slog.NewTextHandler(&said, nil)), every: time.Minute}
		for range 90 {
			s.failed(errors.New("connection refused"))
			time.Sleep(time.Second)
		}
		if n := strings.Count(said.String(), "\n"); n != 2 || !strings.Contains(said.String(), "not_logged=59") {
			t.Errorf("said %d times in 90 s, want twice:\n%s", n, said.String())
		}
	})
}
