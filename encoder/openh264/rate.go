package openh264

import (
	"math"

	"nearlight/internal/media"
)

// Quantisers that are used: below, nobody sees a difference; 51 is H.264's last.
const minQP, maxQP = 12, 51

const (
	// keyframeShares is how many frames' worth of bits a keyframe aims at. The frames after it pay it back.
	keyframeShares = 1.5
	// aim leaves room for what the next frame brings, so that the average stays below the rate.
	aim = 0.97
	// debtWindow is over how many frames a debt is paid back.
	debtWindow = 6

	// How far the quantiser moves when a frame took twice, or half, what it should. A quantiser coarser than the
	// reference's costs next to nothing until the picture has decayed to it, so that large steps swing; these settle.
	stepUp, stepDown = 2.0, 0.8
	mostUp, mostDown = 4.0, 1.0
	// A change of scene is seen before it is coded and may step further.
	stepScene, mostScene = 4.0, 12.0
	// newScene is how much more than usual a picture changes when it shows something else.
	newScene = 1.6
)

// rate chooses each frame's quantiser so that the frame takes its share of the rate. The library's own control averages
// over many frames; a live stream has room for one. It sees a change of scene before it is coded, by sampling luma.
type rate struct {
	qp       float64 // for the next inter frame, fractional
	movingQP float64 // as it was before a still picture was sharpened
	still    bool    // the last frame was a repeat
	debt     float64 // bits taken beyond the shares, negative for bits left

	keyframeCost float64 // log2 of a keyframe's bits per sample at quantiser 0 and activity 1
	sampler      sampler
}

// plan is what was decided for one frame.
type plan struct {
	qp       int
	target   float64
	budget   bool
	keyframe bool
	still    bool
	activity float64
}

// firstKeyframeCost is what noisy pictures cost, so that smooth ones come out too small rather than too large.
const firstKeyframeCost = 2.8

func newRate() rate {
	return rate{qp: 30, movingQP: 30, keyframeCost: firstKeyframeCost}
}

// plan chooses for a frame whose share is so many bits. budget, where positive, is a bound that replaces the share.
func (r *rate) plan(f *media.Frame, keyframe bool, share, budget int) plan {
	p := plan{keyframe: keyframe, still: f.Still, budget: budget > 0}
	usual := r.sampler.usual
	r.sampler.look(f)
	p.activity = r.sampler.activity

	target := float64(share)*aim - r.debt/debtWindow
	p.target = min(max(target, 0.4*float64(share)), 1.1*float64(share))
	if keyframe {
		p.target *= keyframeShares
	}
	if p.budget {
		p.target = aim * float64(budget)
	}

	switch {
	case keyframe:
		bitsPerSample := p.target / float64(f.Coded.Width*f.Coded.Height)
		p.qp = quantiser(6 * (r.keyframeCost + math.Log2(p.activity) - math.Log2(bitsPerSample)))
		return p
	case f.Still && !r.still:
		r.movingQP = r.qp
	case !f.Still && r.still:
		r.qp = max(r.qp, r.movingQP)
	case !f.Still && usual > 0 && r.sampler.change > newScene*usual:
		r.qp += min(stepScene*math.Log2(r.sampler.change/usual), mostScene)
	}
	r.qp = min(max(r.qp, minQP), maxQP)
	if p.budget {
		p.qp = quantiser(r.qp + stepScene*math.Log2(max(1, aim*float64(share)/p.target)))
		return p
	}
	p.qp = quantiser(r.qp)
	return p
}

// coded learns from what the planned frame took.
func (r *rate) coded(p plan, f *media.Frame, share, bits int) {
	r.still = p.still
	// A credit is worth one frame at the most: bits not used in a quiet second are no reason to burst in the next.
	r.debt = min(max(r.debt+float64(bits)-aim*float64(share), -float64(share)), 12*float64(share))
	off := math.Log2(float64(max(bits, 1)) / p.target)
	if p.keyframe {
		bitsPerSample := float64(bits) / float64(f.Coded.Width*f.Coded.Height)
		r.keyframeCost = math.Log2(bitsPerSample) + float64(p.qp)/6 - math.Log2(p.activity)
		r.qp = max(r.qp, float64(p.qp)-4)
		return
	}
	if off > 0 {
		r.qp += min(stepUp*off, mostUp)
	} else {
		r.qp -= min(-stepDown*off, mostDown)
	}
	r.qp = min(max(r.qp, minQP), maxQP)
}

func quantiser(qp float64) int { return int(math.Round(min(max(qp, minQP), maxQP))) }

// sampler measures a picture coarsely: on every eighth row, how much neighbours differ and how much the row has changed.
type sampler struct {
	size     media.Size
	previous []byte
	activity float64 // mean difference of horizontal neighbours, at least 0.5
	change   float64 // mean difference to the picture before, at least 0.5; 0 for the first
	usual    float64 // what change has lately been at the most
}

const sampledRows = 8

// forget is how fast a busy picture is forgotten: half of it in about a quarter of a second.
const forget = 0.95

func (s *sampler) look(f *media.Frame) {
	width, rows := f.Visible.Width, f.Visible.Height/sampledRows
	known := s.size == f.Visible
	if !known {
		*s = sampler{size: f.Visible, previous: make([]byte, width*rows)}
	}
	var activity, change int
	for row := range rows {
		line, before := f.Y.Data[row*sampledRows*f.Y.Stride:][:width], s.previous[row*width:][:width]
		for x := 1; x < width; x += 2 {
			now := int(line[x])
			activity += abs(now - int(line[x-1]))
			change += abs(now - int(before[x]))
		}
		copy(before, line)
	}
	samples := float64(rows * (width / 2))
	s.activity = max(float64(activity)/samples, 0.5)
	if known {
		s.change = max(float64(change)/samples, 0.5)
		s.usual = max(s.change, forget*s.usual)
	}
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
