package tracing

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// Parent writes a span down as the parent of others, for a message to another process: a traceparent of version 00 (W3C Trace Context, section
// 3.2), 55 octets; "" for a span that nobody is told of.
func Parent(span trace.Span) string {
	of := span.SpanContext()
	if !of.IsValid() || !of.IsSampled() {
		return ""
	}
	return "00-" + of.TraceID().String() + "-" + of.SpanID().String() + "-01"
}

// Join puts a parent that another process has written down into ctx: spans that are started there are below it. It reports false, and leaves ctx
// as it is, for what is none: another version too, since all processes here write the same.
func Join(ctx context.Context, parent string) (context.Context, bool) {
	const traceAt, spanAt, flagsAt, length = 3, 36, 53, 55
	if len(parent) != length || parent[:traceAt] != "00-" || parent[spanAt-1] != '-' || parent[flagsAt-1] != '-' {
		return ctx, false
	}
	id, err := trace.TraceIDFromHex(parent[traceAt : spanAt-1])
	if err != nil {
		return ctx, false
	}
	span, err := trace.SpanIDFromHex(parent[spanAt : flagsAt-1])
	if err != nil {
		return ctx, false
	}
	flags, err := hex.DecodeString(parent[flagsAt:])
	if err != nil || parent[flagsAt:] != hex.EncodeToString(flags) {
		return ctx, false
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: span, TraceFlags: trace.TraceFlags(flags[0]) & trace.FlagsSampled, Remote: true,
	})), true
}
