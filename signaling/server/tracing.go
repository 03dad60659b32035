package server

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"nearlight/internal/tracing"
	"nearlight/signaling"
)

// Spans of a request: one from a player's play, or watch, to its answer, and below it one for each thing that is waited for. Where another node
// serves the player, that one's are below the same; so are the edge's. After a move there is a request within the first one.
const (
	spanPlay      = "signaling: play"
	spanWatch     = "signaling: watch"
	spanMove      = "signaling: move to another edge"
	spanClaim     = "signaling: ask other nodes about the token"
	spanMatch     = "signaling: match"
	spanMeasure   = "signaling: wait for the player's measurement"
	spanLine      = "signaling: wait in line"
	spanLease     = "signaling: lease"
	spanOffer     = "signaling: wait for the edge's offer"
	spanElsewhere = "signaling: be served by another node"
	spanAnswer    = "signaling: wait for the player's answer"
)

// errUnanswered ends the span of a request whose player left before its game began.
var errUnanswered = errors.New("the player left before it answered")

// traceRequest begins a player's request: within the one that it already has, or, at first, by itself.
func (r *registry) traceRequest(p *player, name string, again bool) {
	if r.spans == nil {
		return
	}
	r.endStep(p, nil)
	parent := context.Background()
	if again && p.span != nil {
		parent = trace.ContextWithSpan(parent, p.span)
	}
	_, p.span = r.spans.Start(parent, name)
}

// joinRequest has what is done for a player of another node be below what that one has begun.
func (r *registry) joinRequest(p *player, parent string) {
	if r.spans == nil {
		return
	}
	if ctx, ok := tracing.Join(context.Background(), parent); ok {
		p.span = trace.SpanFromContext(ctx)
	}
}

// traced is what a request's other processes are told, "" where nothing is traced.
func (p *player) traced() string {
	if p.span == nil {
		return ""
	}
	return tracing.Parent(p.span)
}

// step ends what a player waited for and begins what it waits for now. The session may be nil.
func (r *registry) step(p *player, s *session, name string) {
	if p == nil || p.span == nil {
		return
	}
	r.endStep(p, nil)
	var of []attribute.KeyValue
	if s != nil {
		of = []attribute.KeyValue{attribute.String("session", string(s.id)), attribute.String("edge", string(s.edge.id)), attribute.String("app", s.app)}
	}
	_, p.stepSpan = r.spans.Start(trace.ContextWithSpan(context.Background(), p.span), name, trace.WithAttributes(of...))
}

// endStep ends what a player waited for, as failed unless why is nil.
func (r *registry) endStep(p *player, why *signaling.Error) {
	if p == nil || p.stepSpan == nil {
		return
	}
	tracing.End(p.stepSpan, asError(why))
	p.stepSpan = nil
}

// endRequest ends a player's request, as failed unless why is nil. What comes after it may still be below it.
func (r *registry) endRequest(p *player, why *signaling.Error) {
	if p == nil || p.span == nil {
		return
	}
	r.endStep(p, why)
	tracing.End(p.span, asError(why))
}

// abandonRequest is endRequest for a player whose socket is closed; a request that has been answered is over already.
func (r *registry) abandonRequest(p *player) {
	if p.span == nil {
		return
	}
	if p.stepSpan != nil {
		tracing.End(p.stepSpan, errUnanswered)
		p.stepSpan = nil
	}
	tracing.End(p.span, errUnanswered)
}

// asError keeps a nil *signaling.Error from becoming an error that is not nil. A span says the code, and not what a player is told.
func asError(why *signaling.Error) error {
	if why == nil {
		return nil
	}
	return errors.New(string(why.Code))
}
