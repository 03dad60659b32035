package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"nearlight/edge/capture"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// unwatchedRate is how many frames a second are captured while nobody watches: enough to notice that the display is
// gone and what the app draws first.
const unwatchedRate = 5

// rateStep is the smallest change of the bitrate that is passed on to the encoder, as a share: rate control that is
// told a new target each frame never settles.
const rateStep = 0.03

// pipeline does each frame's work, from damage to last packet, on one goroutine: at most one frame is under way, and a
// change of the screen that comes meanwhile is shown by the next one.
type pipeline struct {
	source  capture.Source
	encoder encoder.Encoder
	config  encoder.Config // as the encoder is set now
	asked   media.Bitrate  // the session's upper bound
	stages  *streamer.Stages
	logger  *slog.Logger

	peer     atomic.Pointer[streamer.Peer] // who watches; nil for nobody
	keyframe atomic.Bool
	wake     atomic.Pointer[context.CancelFunc] // makes a waiting capture look at the two above

	drawn   func()                    // called once, when the app has drawn something
	changed func(control.VideoNotice) // called when size or rate change
	trace   func(media.StageTimes)    // called for each frame that shows a change; may be nil

	frames, bytes, dropped atomic.Uint64

	governor       *governor
	still          still
	drawnSomething bool
}

func newPipeline(source capture.Source, enc encoder.Encoder, config encoder.Config, stages *streamer.Stages, logger *slog.Logger) *pipeline {
	return &pipeline{
		source: source, encoder: enc, config: config, asked: config.Bitrate, stages: stages, logger: logger,
		governor: newGovernor(config.FrameRate),
	}
}

// watch makes peer the one to send to, from a keyframe on; nil stops sending.
func (p *pipeline) watch(peer *streamer.Peer) {
	p.peer.Store(peer)
	p.wantKeyframe()
}

// wantKeyframe makes the next frame a keyframe, and repeats the last one at once when the screen does not change.
func (p *pipeline) wantKeyframe() {
	p.keyframe.Store(true)
	if wake := p.wake.Load(); wake != nil {
		(*wake)()
	}
}

// run captures, encodes and sends until ctx ends or the display is gone. It owns the encoder, and closes it.
func (p *pipeline) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.encoder.Close()) }()
	becomeRealtime(p.logger)
	for ctx.Err() == nil {
		waiting, wake := context.WithCancel(ctx)
		p.wake.Store(&wake)
		err := p.serve(waiting, p.peer.Load())
		wake()
		if !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return ctx.Err()
}

// serve sends frames to one peer, nil for nobody, until ctx ends.
func (p *pipeline) serve(ctx context.Context, peer *streamer.Peer) error {
	rate := unwatchedRate
	if peer != nil {
		rate = p.governor.rate()
		p.tell("")
	}
	p.source.SetFrameRate(rate)
	for {
		idle := keepAlive
		if peer != nil {
			idle = p.still.idle()
			if p.keyframe.Load() {
				idle = time.Millisecond // somebody waits for a picture: the last one will do
			}
		}
		frame, err := p.source.Next(ctx, idle)
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		if !p.drawnSomething && !frame.Still && showsSomething(frame) {
			p.drawnSomething = true
			p.drawn()
		}
		if peer == nil {
			continue
		}
		if err := p.send(peer, frame); err != nil {
			return err
		}
	}
}

// send encodes one frame and sends its slices as they are ready.
func (p *pipeline) send(peer *streamer.Peer, frame *media.Frame) error {
	if err := p.follow(peer, frame); err != nil {
		return err
	}
	captured := frame.Times.Damaged
	if frame.Still {
		captured = media.Now() // a repeat shows the screen as it is now
		frame.Times = media.StageTimes{Damaged: captured, GrabBegun: captured, Grabbed: captured, Converted: captured}
	}
	var lost error
	result, err := p.encoder.Encode(frame, encoder.Request{Keyframe: p.keyframe.Swap(false)}, func(s media.Slice) error {
		if s.Last {
			frame.Times.Encoded = media.Now()
		}
		p.bytes.Add(uint64(len(s.Data)))
		lost = peer.WriteSlice(s, captured)
		return lost
	})
	switch {
	case lost != nil: // the connection is over, or was never bound: its owner is told by Peer.Run
		p.keyframe.Store(true)
		p.dropped.Add(1)
		if p.peer.CompareAndSwap(peer, nil) {
			p.wantKeyframe() // of whoever comes next
		}
		return nil
	case err != nil:
		return fmt.Errorf("encode: %w", err)
	}
	frame.Times.Sent = media.Now()
	p.frames.Add(1)
	p.still.coded(frame.Still, result.QP)
	if frame.Still {
		return nil
	}
	p.stages.ObserveSent(frame.Times)
	peer.FrameSent(frame.Times)
	if p.trace != nil {
		p.trace(frame.Times)
	}
	if p.governor.observe(frame.Times.Sent, frame.Times.Sent.Sub(frame.Times.GrabBegun)) {
		p.source.SetFrameRate(p.governor.rate())
		if err := p.reconfigure(encoder.Reconfiguration{FrameRate: p.governor.rate()}); err != nil {
			return err
		}
		reason := ""
		if !p.governor.full() {
			reason = fmt.Sprintf("this edge cannot encode %v faster than %d frames per second", frame.Visible, p.governor.rate())
		}
		p.tell(reason)
	}
	return nil
}

// follow keeps the encoder at the screen's size and the connection's rate.
func (p *pipeline) follow(peer *streamer.Peer, frame *media.Frame) error {
	if frame.Visible != p.config.Size {
		if err := p.reconfigure(encoder.Reconfiguration{Size: frame.Visible}); err != nil {
			return err
		}
		p.tell("")
	}
	target := min(peer.TargetBitrate(), p.asked)
	if change := float64(target-p.config.Bitrate) / float64(p.config.Bitrate); change > rateStep || change < -rateStep {
		return p.reconfigure(encoder.Reconfiguration{Bitrate: target})
	}
	return nil
}

func (p *pipeline) reconfigure(r encoder.Reconfiguration) error {
	config, err := p.config.Apply(r)
	if err != nil {
		return fmt.Errorf("reconfigure the encoder: %w", err)
	}
	if err := p.encoder.Reconfigure(r); err != nil {
		return fmt.Errorf("reconfigure the encoder: %w", err)
	}
	p.config = config
	return nil
}

// tell announces what is sent from now on.
func (p *pipeline) tell(reason string) {
	capabilities := p.encoder.Capabilities()
	p.changed(control.VideoNotice{
		Encoder: capabilities.Name, Codec: string(capabilities.Codec),
		Width: p.config.Size.Width, Height: p.config.Size.Height, FrameRate: p.governor.rate(), Reason: reason,
	})
}

// showsSomething reports whether a picture is more than one flat colour, which is what an app's window is before it draws.
func showsSomething(f *media.Frame) bool {
	const samples, contrast = 48, 12
	low, high := byte(255), byte(0)
	for row := range samples {
		line := f.Y.Data[row*f.Visible.Height/samples*f.Y.Stride:]
		for column := range samples {
			value := line[column*f.Visible.Width/samples]
			low, high = min(low, value), max(high, value)
		}
	}
	return high-low > contrast
}
