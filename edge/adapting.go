package edge

import (
	"errors"
	"fmt"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

// How the pipeline follows what machine, link and decoder can take.

// intervals are the times from frame to frame: now, and where the decoder could take more frames.
type intervals struct{ now, above time.Duration }

// follow keeps the encoder at the screen's size, as far as this machine holds it, and at the connection's rate: while nobody plays,
// at that of the player who left. It returns the picture to encode.
func (p *pipeline) follow(peer *streamer.Peer, screen *media.Frame) (*media.Frame, error) {
	if p.encoding.restore(media.Now()) {
		p.takenOver(peer)
	}
	if peer != nil {
		if err := p.heed(peer, pressure(p.decoder.Swap(int32(asItIs)))); err != nil {
			return nil, err
		}
	}
	var change encoder.Reconfiguration
	size := p.step().scale.of(screen.Visible)
	if size != p.encoding.config.Size {
		change.Size = size
	}
	now := p.encoding.config.Bitrate
	target := now
	if peer != nil {
		target = min(peer.TargetBitrate(), p.asked)
	}
	if off := float64(target-now) / float64(now); off > rateStep || off < -rateStep {
		change.Bitrate = target
	}
	if change != (encoder.Reconfiguration{}) {
		if err := p.reconfigure(peer, change); err != nil {
			return nil, err
		}
		if change.Size != (media.Size{}) {
			p.tell()
		}
	}
	if err := p.reach(screen, size); err != nil {
		return nil, err
	}
	return p.scaler.fit(screen, size)
}

// reach brings a picture to host memory where the encoder at work, or the scaler, cannot read it on its GPU. It is the one
// place that decides so.
func (p *pipeline) reach(frame *media.Frame, size media.Size) error {
	chroma := p.encoding.config.Sampling.Chroma
	switch {
	case frame.Surface == nil:
		return nil
	case frame.Visible != size:
		return p.landing.land(frame, chroma, "a smaller picture")
	case !p.encoding.work.Capabilities().Surfaces:
		return p.landing.land(frame, chroma, p.encoding.chosen.Name)
	}
	return nil
}

// heed does what the player's decoder needs.
func (p *pipeline) heed(peer *streamer.Peer, decoder pressure) error {
	switch {
	case decoder == tooHard && p.encoding.ease():
		p.takenOver(peer)
	case decoder == tooHard && p.decodable.fewer(), decoder == easy && p.decodable.more():
		return p.economise(peer)
	}
	return nil
}

// step is what machine, link and decoder hold together.
func (p *pipeline) step() economy {
	step, fit := p.governor.now(), p.fitter.now()
	step.rate, step.scale = min(step.rate, fit.rate, p.decodable.now()), min(step.scale, fit.scale)
	return step
}

// economise does what governor, fitter and decoder have decided. The size follows with the next frame.
func (p *pipeline) economise(peer *streamer.Peer) error {
	step := p.step()
	p.setFrameRate(peer, step.rate)
	if err := p.reconfigure(peer, encoder.Reconfiguration{FrameRate: step.rate, Speed: &step.speed}); err != nil {
		return err
	}
	p.tell()
	return nil
}

func (p *pipeline) reconfigure(peer *streamer.Peer, r encoder.Reconfiguration) error {
	err := p.encoding.reconfigure(r)
	if errors.Is(err, errReplaced) {
		p.takenOver(peer)
		return nil
	}
	return err
}

// takenOver follows a change of the encoder.
func (p *pipeline) takenOver(peer *streamer.Peer) {
	if peer != nil {
		peer.Use(p.encoding.chosen.Codec)
	}
	p.keyframe.Store(true)
	p.governor = newGovernor(p.encoding.config.Speed, p.governor.steps[0].rate)
	p.setFrameRate(peer, p.step().rate)
	p.tell()
}

// setFrameRate sets how many frames a second come at most.
func (p *pipeline) setFrameRate(peer *streamer.Peer, rate int) {
	p.source.SetFrameRate(rate)
	if peer != nil {
		peer.SetFrameRate(rate)
	}
	p.pace.Store(&intervals{encoder.FrameTime(rate), encoder.FrameTime(max(rate, p.decodable.above()))})
}

// suffers is what this machine holds where it does not keep up, whatever link and decoder would take.
func (p *pipeline) suffers() *hardship {
	if !p.governor.hampered() {
		return nil
	}
	now := p.governor.now()
	return &hardship{size: now.scale.of(p.source.Size()), rate: now.rate, asked: p.governor.steps[0].rate}
}

// tell announces what is sent from now on.
func (p *pipeline) tell() {
	config, step := p.encoding.config, p.step()
	p.hardship.Store(p.suffers())
	reason, limit := p.encoding.why, control.NoLimit
	switch held := fmt.Sprintf("%v at %d frames per second", step.scale.of(p.source.Size()), step.rate); {
	case !p.governor.full():
		reason, limit = "this edge cannot encode more than "+held, control.EdgeLimit
	case p.decodable.step > 0 && p.decodable.now() <= step.rate:
		reason, limit = "your device decodes no more than "+held, control.DeviceLimit
	case p.fitter.step > 0:
		reason, limit = "your connection carries too little for more than "+held, control.LinkLimit
	}
	p.announce(control.VideoNotice{
		Encoder: p.encoding.chosen.Name, Codec: string(p.encoding.chosen.Codec),
		Width: config.Size.Width, Height: config.Size.Height, FrameRate: step.rate, Reason: reason, Instead: p.encoding.instead, Limit: limit,
	})
}
