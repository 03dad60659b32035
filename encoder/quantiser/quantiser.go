// Package quantiser chooses the quantiser of each frame so that the frame takes its share of the rate: it is the rate
// control of the drivers whose libraries control the average over many frames, where a live stream has room for one.
//
// # Vocabulary
//
// A quantiser here is on H.264's scale whatever the codec: the step between coded values doubles every six, and is one
// pixel value at 4. [Levels] translates it to the steps that another codec has. A frame's share is the bitrate divided by
// the frame rate. What a frame took beyond its share is debt, which the following frames pay back.
//
// # How
//
// A change of scene is seen before it is coded, by sampling luma; all else is learned from what the last frames took. So
// averages over a second hold, but a single frame may take several shares: above all the first keyframe, and noise that
// comes to rest.
//
// A Control belongs to one stream and is used by one goroutine at a time.
package quantiser

import (
	"math"

	"nearlight/internal/media"
)

// Nobody sees a moving picture get better below FinestMoving, but each bit still takes its time to code, to send and to
// decode. A picture that stands still is looked at: its repeats get finer step by step, down to Finest.
const (
	FinestMoving = 18
	Finest       = 10
)

// start is the quantiser of the first inter frame, before anything is known.
const start = 30

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

// Control chooses the quantisers of one stream.
type Control struct {
	coarsest float64
	finest   float64 // for the frame that is planned
	qp       float64 // for the next inter frame, fractional
	movingQP float64 // as it was before a still picture was sharpened
	still    bool    // the last frame was a repeat
	debt     float64 // bits taken beyond the shares, negative for bits left

	keyframeCost float64 // log2 of a keyframe's bits per sample at quantiser 0 and activity 1
	sampler      sampler
}

// Plan is what was decided for one frame. A driver that cannot code with exactly QP sets it to what it codes with.
type Plan struct {
	QP       float64
	target   float64
	budget   bool
	keyframe bool
	still    bool
	activity float64
}

// firstKeyframeCost is what noisy pictures cost, so that smooth ones come out too small rather than too large.
const firstKeyframeCost = 2.8

// New makes a control for an encoder with quantisers from Finest to coarsest.
func New(coarsest float64) Control {
	return Control{coarsest: coarsest, finest: FinestMoving, qp: start, movingQP: start, keyframeCost: firstKeyframeCost}
}

// Plan chooses for a frame whose share is so many bits. budget, where positive, is a bound that replaces the share.
func (c *Control) Plan(f *media.Frame, keyframe bool, share, budget int) Plan {
	p := Plan{keyframe: keyframe, still: f.Still, budget: budget > 0}
	usual := c.sampler.usual
	c.sampler.look(f)
	p.activity = c.sampler.activity

	c.finest = FinestMoving
	if f.Still {
		c.finest = Finest
	}
	target := float64(share)*aim - c.debt/debtWindow
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
		p.QP = c.bound(6 * (c.keyframeCost + math.Log2(p.activity) - math.Log2(bitsPerSample)))
		return p
	case f.Still && !c.still:
		c.movingQP = c.qp
	case !f.Still && c.still:
		c.qp = max(c.qp, c.movingQP)
	case !f.Still && usual > 0 && c.sampler.change > newScene*usual:
		c.qp += min(stepScene*math.Log2(c.sampler.change/usual), mostScene)
	}
	c.qp = c.bound(c.qp)
	if p.budget {
		p.QP = c.bound(c.qp + stepScene*math.Log2(max(1, aim*float64(share)/p.target)))
		return p
	}
	p.QP = c.qp
	return p
}

// Coded learns from what the planned frame took.
func (c *Control) Coded(p Plan, f *media.Frame, share, bits int) {
	c.still = p.still
	// A credit is worth one frame at the most: bits not used in a quiet second are no reason to burst in the next.
	c.debt = min(max(c.debt+float64(bits)-aim*float64(share), -float64(share)), 12*float64(share))
	off := math.Log2(float64(max(bits, 1)) / p.target)
	if p.keyframe {
		bitsPerSample := float64(bits) / float64(f.Coded.Width*f.Coded.Height)
		c.keyframeCost = math.Log2(bitsPerSample) + p.QP/6 - math.Log2(p.activity)
		c.qp = max(c.qp, p.QP-4)
		return
	}
	if off > 0 {
		c.qp += min(stepUp*off, mostUp)
	} else {
		c.qp -= min(-stepDown*off, mostDown)
	}
	c.qp = c.bound(c.qp)
}

func (c *Control) bound(qp float64) float64 { return min(max(qp, c.finest), c.coarsest) }

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
