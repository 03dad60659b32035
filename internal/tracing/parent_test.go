package tracing

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"nearlight/internal/tracing/collectortest"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestASpanIsBelowOneOfAnotherProcess(t *testing.T) {
	collector := collectortest.Start(t)
	tracing, err := Open(t.Context(), Config{Collector: collector.URL, Service: "signaling", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_, outer := tracing.Tracer().Start(t.Context(), "outer")
	ctx, ok := Join(t.Context(), Parent(outer))
	if !ok {
		t.Fatalf("%q is not taken", Parent(outer))
	}
	_, inner := tracing.Tracer().Start(ctx, "inner")
	End(inner, nil)
	End(outer, nil)
	tracing.Close()
	spans := map[string]collectortest.Span{}
	for _, span := range collector.Spans() {
		spans[span.Name] = span
	}
	if inner, outer := spans["inner"], spans["outer"]; string(inner.ParentSpanId) != string(outer.SpanId) || string(inner.TraceId) != string(outer.TraceId) {
		t.Errorf("%v is not below %v", inner, outer)
	}
}

func TestWhatIsNoParentChangesNothing(t *testing.T) {
	for why, text := range map[string]string{
		"nothing":                "",
		"another version":        "01" + parent[2:],
		"the forbidden version":  "ff" + parent[2:],
		"something behind it":    parent + "-00",
		"cut short":              parent[:54],
		"capitals":               strings.ToUpper(parent),
		"capitals in the flags":  parent[:53] + "0A",
		"a trace of zeros":       "00-" + strings.Repeat("0", 32) + parent[35:],
		"a span of zeros":        parent[:36] + strings.Repeat("0", 16) + "-01",
		"no digits":              "00-" + strings.Repeat("g", 32) + parent[35:],
		"another separator":      strings.ReplaceAll(parent, "-", "_"),
		"no digits in the flags": parent[:53] + "zz",
	} {
		if _, ok := Join(context.Background(), text); ok {
			t.Errorf("%s is taken: %q", why, text)
		}
	}
	ctx, ok := Join(context.Background(), parent[:53]+"ff") // flags of later versions are not ours to pass on
	if of := trace.SpanContextFromContext(ctx); !ok || of.TraceFlags() != trace.FlagsSampled || !of.IsRemote() {
		t.Errorf("%+v, %v", of, ok)
	}
	if Parent(trace.SpanFromContext(context.Background())) != "" {
		t.Error("a span of nobody is written down")
	}
}

func FuzzJoin(f *testing.F) {
	f.Add(parent)
	f.Add("")
	f.Add(parent[:53] + "00")
	f.Fuzz(func(t *testing.T, text string) {
		ctx, ok := Join(context.Background(), text)
		of := trace.SpanContextFromContext(ctx)
		if ok != of.IsValid() {
			t.Fatalf("%q: %v, %+v", text, ok, of)
		}
		if ok && of.IsSampled() && Parent(trace.SpanFromContext(ctx))[:53] != text[:53] {
			t.Fatalf("%q is written as %q", text, Parent(trace.SpanFromContext(ctx)))
		}
	})
}
