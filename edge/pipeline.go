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

// unwatchedRate is how many frames a second are captured while nobody plays or looks on: enough to notice that the display is
// gone and what the app draws first.
const unwatchedRate = 5

// rateStep is the smallest change of the bitrate that is passed on to the encoder, as a share: rate control that is
// told a new target each frame never settles.
const rateStep = 0.03

// pipeline does each frame's work, from damage to last packet, on one goroutine: at most one frame is under way, and a
// change of the screen that comes meanwhile is shown by the next one.
type pipeline struct {
	source   capture.Source
	encoding *encoding
	landing  landing
	scaler   scaler
	coarse   subsampler
	asked    media.Bitrate // the session's upper bound
	logger   *slog.Logger

	peer     atomic.Pointer[streamer.Peer] // who plays; nil for nobody, and while the player is away
	audience audience                      // who looks on
	keyframe atomic.Bool
	losses   losses
	decoder  atomic.Int32                       // what the player's decoder can take, a pressure
	pace     atomic.Pointer[intervals]          // from frame to frame
	hardship atomic.Pointer[hardship]           // nil: the machine keeps up
	wake     atomic.Pointer[context.CancelFunc] // makes a waiting capture look at the two above

	drawn   func()                    // called once, when the app has drawn something
	began   func()                    // called once, when the first frame was sent to a player; nil: nobody asks
	changed func(control.VideoNotice) // called when size or rate change

	frames, bytes, dropped atomic.Uint64
	freezes                atomic.Uint64 // times for which the link took nothing of a screen that changed

	served         *streamer.Peer // by the goroutine last
	taken          media.Frame    // the frame under way: the source's, or what became of it
	governor       *governor      // what this machine holds
	fitter         *fitter        // what the link's bits suffice for
	decodable      decodable      // what the player's decoder keeps up with
	still          still
	drawnSomething bool
	playedOnce     bool // began was called
	told           announced
	prepared       bool          // the frame before a keyframe has been made
	stalled        media.Instant // since when the link takes nothing; 0: it does
	skipped        bool          // the newest picture, for the link's sake: it is sent when the link has caught up
}

// newPipeline makes a pipeline whose encoder was opened with config; run closes it.
func newPipeline(source capture.Source, choice *encoder.Choice, config encoder.Config, logger *slog.Logger) *pipeline {
	return &pipeline{
		source: source, encoding: newEncoding(choice, config, logger), landing: landing{logger: logger}, asked: config.Bitrate, logger: logger,
		governor: newGovernor(config.Speed, config.FrameRate), fitter: newFitter(config.FrameRate), decodable: newDecodable(config.FrameRate),
	}
}

// watch makes peer the one to send to, from a keyframe on; with nil nobody plays, and frames are made for who looks on alone.
func (p *pipeline) watch(peer *streamer.Peer) {
	p.peer.Store(peer)
	p.stir()
}

// wantKeyframe makes the next frame a keyframe, and repeats the last one at once when the screen does not change.
func (p *pipeline) wantKeyframe() {
	p.keyframe.Store(true)
	p.stir()
}

// admit shows a spectator what the player gets, from a keyframe on. The caller runs the spectator's write until dismiss.
func (p *pipeline) admit(to onlooker) *spectator {
	s := p.audience.add(to)
	p.stir()
	return s
}

// dismiss shows a spectator no more.
func (p *pipeline) dismiss(s *spectator) {
	p.audience.remove(s)
	p.stir()
}

// stir makes a waiting capture look again at what is wanted.
func (p *pipeline) stir() {
	if wake := p.wake.Load(); wake != nil {
		(*wake)()
	}
}

// run captures, encodes and sends until ctx ends or the display is gone. It owns the encoders, and closes them.
func (p *pipeline) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.encoding.close(), p.landing.close()) }()
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

// serve sends frames to one peer and who looks on until ctx ends. peer is nil while nobody plays: then frames are made for
// spectators alone, in the codec at work, since which one that is belongs to the player.
func (p *pipeline) serve(ctx context.Context, peer *streamer.Peer) error {
	watched, rate := true, p.step().rate
	switch {
	case peer != nil:
		if err := p.encoding.serve(peer.Accepts); err != nil {
			return err
		}
		peer.Use(p.encoding.chosen.Codec)
		if peer != p.served {
			p.keyframe.Store(true) // here, so that no frame for others takes it
			p.prepared = true      // it waits for no frame that it could not decode
		}
	case p.audience.accepts(p.encoding.chosen.Codec):
		p.encoding.accepts = p.audience.accepts
	default:
		p.encoding.accepts = nil
		watched, rate = false, unwatchedRate
	}
	p.served = peer
	if watched {
		p.tell()
	}
	p.setFrameRate(peer, rate)
	for {
		idle := keepAlive
		if watched {
			idle = p.still.idle()
			if p.keyframe.Load() || p.losses.waiting() || p.audience.due(media.Now()) {
				idle = time.Millisecond // somebody waits for a picture: the last one will do
			} else if p.skipped {
				idle = encoder.FrameTime(p.step().rate)
			}
		}
		frame, err := p.source.Next(ctx, idle)
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		if !p.drawnSomething && !frame.Still {
			if err := p.look(frame); err != nil {
				return err
			}
		}
		if !watched {
			continue
		}
		if err := p.send(peer, frame); err != nil {
			return err
		}
	}
}

// look tells, once, that the app has drawn something.
func (p *pipeline) look(screen *media.Frame) error {
	p.taken = *screen
	if err := p.landing.land(&p.taken, p.encoding.config.Sampling.Chroma, "a first look"); err != nil {
		return err
	}
	if showsSomething(&p.taken) {
		p.drawnSomething = true
		p.drawn()
	}
	return nil
}

// send encodes one frame and sends its slices as they are ready. peer is nil while nobody plays.
func (p *pipeline) send(peer *streamer.Peer, screen *media.Frame) error {
	var grant streamer.Grant
	if peer != nil {
		grant = peer.Grant()
	}
	if p.skipped = grant.Skip && !p.keyframe.Load(); p.skipped {
		p.dropped.Add(1)
		if p.stalled == 0 {
			p.stalled = media.Now()
		}
		return nil
	}
	if p.stalled != 0 && media.Now().Sub(p.stalled) >= streamer.FreezeTime {
		p.freezes.Add(1)
	}
	p.stalled = 0
	p.taken = *screen // the source's own stays as it is: it may be repeated
	frame, err := p.follow(peer, &p.taken)
	if err != nil {
		return err
	}
	if frame.Still {
		now := media.Now() // a repeat shows the screen as it is now
		frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	}
	result, err := p.code(peer, frame, grant)
	switch {
	case errors.Is(err, errPlayerGone):
		p.dropped.Add(1)
		if p.peer.CompareAndSwap(peer, nil) {
			p.stir()
		}
		return nil
	case err != nil:
		return err
	}
	p.frames.Add(1)
	if peer != nil && !p.playedOnce {
		p.playedOnce = true
		if p.began != nil {
			p.began()
		}
	}
	p.still.coded(frame.Still, result.QP)
	if frame.Still {
		return nil
	}
	if peer != nil { // the stages are those of the way to the player
		peer.FrameCoded(frame.Times)
	}
	now := media.Now()
	changed := p.governor.observe(now, now.Sub(frame.Times.GrabBegun))
	if peer != nil && !result.Keyframe && result.QP > 0 && p.fitter.observe(now, result.QP) {
		p.logger.Info("what the link carries is spread over another size", "quantiser", result.QP, "size", p.step().scale.of(screen.Visible), "fps", p.step().rate)
		changed = true
	}
	if changed {
		return p.economise(peer)
	}
	return nil
}

// errPlayerGone reports a connection that is over, or was never bound: its owner is told by Peer.Run.
var errPlayerGone = errors.New("the player is gone")

// code encodes a frame and sends its slices, to the player first; where an encoder fails, the one that takes over codes the same
// frame again.
func (p *pipeline) code(peer *streamer.Peer, frame *media.Frame, grant streamer.Grant) (encoder.Result, error) {
	keyframe, more := p.plan(grant)
	if p.mend() {
		keyframe, p.prepared = true, false
		p.keyframe.Store(false)
	}
	for {
		if err := p.reach(frame, p.encoding.config.Size); err != nil {
			return encoder.Result{}, err
		}
		request := encoder.Request{Keyframe: keyframe}
		if p.encoding.work.Capabilities().FrameBudget {
			request.Budget = budget(p.encoding.config.Bitrate, p.encoding.config.FrameBits()/8, grant, more)
		}
		coded, err := p.coarse.fit(frame, p.encoding.config.Sampling.Chroma)
		if err != nil {
			return encoder.Result{}, err
		}
		p.audience.begin(p.encoding.chosen.Codec, frame.Times.Damaged)
		var gone error
		result, err := p.encoding.encode(coded, request, func(s media.Slice) error {
			if s.Last {
				frame.Times.Encoded = media.Now()
			}
			p.bytes.Add(uint64(len(s.Data)))
			if peer != nil && gone == nil {
				gone = peer.WriteSlice(s, frame.Times.Damaged)
			}
			if taken := p.audience.send(s); taken {
				return nil
			}
			return gone // nobody needs the rest
		})
		p.audience.end(err == nil, result.Keyframe, media.Now())
		if gone != nil && !errors.Is(err, errReplaced) {
			return result, fmt.Errorf("%w: %w", errPlayerGone, gone)
		}
		if !errors.Is(err, errReplaced) {
			return result, err
		}
		p.takenOver(peer)
		keyframe = p.keyframe.Swap(false)
		// What was sent of the broken access unit must not be taken for part of this one.
		frame.Times.Damaged = frame.Times.Damaged.Add(streamer.RTPTick)
	}
}

// budget is what a frame may have, in octets, where it differs from an encoder's share for each frame; else 0. While the link is
// behind a frame gets less. more is for the sake of a keyframe.
func budget(rate media.Bitrate, share int, grant streamer.Grant, more bool) int {
	const notable = 0.9
	switch {
	case grant.Octets > 0 && float64(grant.Octets) < notable*float64(share):
		return grant.Octets
	case more:
		return keyframeShare(rate, share)
	}
	return 0
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
