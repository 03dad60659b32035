package edge

import (
	"context"
	"log/slog"

	"nearlight/edge/capture"
	"nearlight/encoder"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// Stream is a session's pipeline by itself, without app, display or signaling: for benchmarks of what lies between the picture
// and the player.
type Stream struct{ pipeline *pipeline }

// NewStream makes a stream of a source's pictures by an encoder that was opened with config; Run closes the encoder.
func NewStream(source capture.Source, choice *encoder.Choice, config encoder.Config, logger *slog.Logger) *Stream {
	p := newPipeline(source, choice, config, logger)
	p.drawn, p.changed = func() {}, func(control.VideoNotice) {}
	return &Stream{p}
}

// Play makes peer, which is connected, the one to send to.
func (s *Stream) Play(peer *streamer.Peer) { s.pipeline.watch(peer) }

// WantKeyframe makes the next frame a keyframe.
func (s *Stream) WantKeyframe() { s.pipeline.wantKeyframe() }

// Lost has no later frame refer to those that the player has lost.
func (s *Stream) Lost(loss streamer.Loss) { s.pipeline.lost(loss) }

// Dropped is how many pictures were not sent.
func (s *Stream) Dropped() uint64 { return s.pipeline.dropped.Load() }

// Run captures, encodes and sends until ctx ends.
func (s *Stream) Run(ctx context.Context) error { return s.pipeline.run(ctx) }
