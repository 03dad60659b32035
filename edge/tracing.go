package edge

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"nearlight/internal/tracing"
)

// Spans of a session: one from its start to its end, in which events say when its player came and went and saw the game draw, and
// below it one for each part of the start that takes time.
const (
	spanSession   = "edge: session"
	spanEncoder   = "edge: choose the encoder"
	spanDisplay   = "edge: bring up display and app"
	spanConnect   = "edge: connect the player"
	eventFirst    = "the first frame is sent"
	eventDrawn    = "the app has drawn"
	eventLost     = "the player is lost"
	eventNewWays  = "the connection has new ways"
	eventUnheard  = "nothing is heard of the player"
	eventComeBack = "the player comes back"
)

// traced runs a session within its span.
func (s *session) traced(ctx context.Context, run func(context.Context) error) error {
	below, ok := tracing.Join(ctx, s.parent)
	if !ok {
		below = tracing.Session(ctx, s.id)
	}
	ctx, s.span = s.node.config.Spans.Start(below, spanSession, trace.WithAttributes(
		attribute.String("session", string(s.id)), attribute.String("edge", s.node.config.Name), attribute.String("app", s.app.Name),
		attribute.Bool("spectator", s.watches != nil),
	))
	err := run(ctx)
	if errors.Is(err, errStopped) { // as its player wished, most often; if not, the request's own span says why
		tracing.End(s.span, nil)
	} else {
		tracing.End(s.span, err)
	}
	return err
}

// part starts the span of a part of the session's start; done ends it.
func (s *session) part(ctx context.Context, name string) (done func(error)) {
	_, span := s.node.config.Spans.Start(ctx, name)
	return func(err error) { tracing.End(span, err) }
}
