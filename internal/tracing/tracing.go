// Package tracing answers where the time of a session's start went, across the processes that took part: each sends spans to a
// collector of the operator's (OpenTelemetry, OTLP over HTTP).
//
// A session's spans are one trace: who has asked for it first begins one, and passes it on with what it asks of others (Parent, Join). A
// process that nothing was passed to makes the trace's id of the session's, so that all such processes still come to the same one (Session).
package tracing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope is what the spans say that they were made by.
const scope = "nearlight"

// flushTime bounds how long Close waits for a collector.
const flushTime = 5 * time.Second

// Config says where spans go. The zero value sends none.
type Config struct {
	// Collector is the URL of an OTLP/HTTP receiver, for example http://127.0.0.1:4318; spans go to /v1/traces below it, unless it names a
	// path. "" is none.
	Collector string
	// Service is the process's part: "signaling", "edge" or "up".
	Service string
	// Log hears, at most once a minute, that the collector cannot be reached. Sessions do not notice.
	Log *slog.Logger
}

// Tracing sends the spans of one process.
type Tracing struct {
	provider *sdk.TracerProvider // nil: none are sent
	tracer   trace.Tracer
	log      *slog.Logger
}

// Open prepares to send. Nothing is sent before there are spans. An error is about the collector's URL.
func Open(ctx context.Context, c Config) (*Tracing, error) {
	if c.Collector == "" {
		return &Tracing{tracer: noop.NewTracerProvider().Tracer(scope)}, nil
	}
	to, err := url.Parse(c.Collector)
	if err != nil || (to.Scheme != "http" && to.Scheme != "https") || to.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a collector: want one like http://127.0.0.1:4318", c.Collector)
	}
	if to.Path == "" || to.Path == "/" {
		to.Path = "/v1/traces"
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to.String()))
	if err != nil {
		return nil, fmt.Errorf("prepare to send spans to %s: %w", to.Redacted(), err)
	}
	log := &seldom{log: c.Log, every: time.Minute}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(log.failed)) // the library has no other door for what goes wrong in the background
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(exporter), // drops what a queue of 2048 does not hold
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "nearlight-"+c.Service))),
	)
	return &Tracing{provider: provider, tracer: provider.Tracer(scope), log: c.Log}, nil
}

// On reports whether spans are sent.
func (t *Tracing) On() bool { return t.provider != nil }

// Tracer makes spans. It is never nil.
func (t *Tracing) Tracer() trace.Tracer { return t.tracer }

// Close sends what waits, for flushTime at the most. A collector that does not take it is logged.
func (t *Tracing) Close() {
	if t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last spans are not sent", "error", err)
	}
}

// Session puts a session's trace into ctx: spans that are started there belong to it, below a common root that no process writes.
func Session[ID ~string](ctx context.Context, session ID) context.Context {
	sum := sha256.Sum256([]byte(session))
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(sum[:16]), SpanID: trace.SpanID(sum[16:24]), TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// End ends a span, as failed unless err is nil or the context's end.
func End(span trace.Span, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
