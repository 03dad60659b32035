package openh264

import (
	"math"
	"testing"

	"nearlight/internal/media"
)

// codec is what the rate control steers: the bits double with every slope quantisers, times how hard the scene is.
type codec struct{ slope, hardness float64 }

func (c codec) bits(qp int) int { return int(c.hardness * math.Exp2(-float64(qp)/c.slope)) }

func TestRateSettlesAtItsShareOnSmoothAndNoisyScenes(t *testing.T) {
	const share = 130_000
	for _, slope := range []float64{2.5, 4, 6} {
		c := codec{slope: slope, hardness: share * math.Exp2(32/slope)} // the right quantiser is 32
		r, frame := newRate(), media.NewFrame(media.Size{Width: 64, Height: 64})
		total := 0
		for n := range 300 {
			p := r.plan(frame, n == 0, share, 0)
			bits := c.bits(p.qp)
			r.coded(p, frame, share, bits)
			if n >= 180 {
				total += bits
			}
		}
		if used := float64(total) / 120 / share; used < 0.85 || used > 1.02 {
			t.Errorf("a scene of slope %v: used %.2f of the rate", slope, used)
		}
	}
}

func TestANewSceneIsSeenBeforeItIsCoded(t *testing.T) {
	r, frame := newRate(), media.NewFrame(media.Size{Width: 64, Height: 64})
	const share, aimed = 130_000, 126_100
	fill := func(value byte) {
		for i := range frame.Y.Data {
			frame.Y.Data[i] = value
		}
	}
	var before plan
	for n := range 60 {
		fill(byte(100 + n%2))
		before = r.plan(frame, n == 0, share, 0)
		r.coded(before, frame, share, aimed)
	}
	fill(200)
	if after := r.plan(frame, false, share, 0); after.qp < before.qp+8 {
		t.Errorf("quantiser %d after %d", after.qp, before.qp)
	}
}

func TestMotionAfterAPauseStartsAtItsOwnQuality(t *testing.T) {
	r, frame := newRate(), media.NewFrame(media.Size{Width: 64, Height: 64})
	const share, aimed = 130_000, 126_100
	moving := 0
	for n := range 30 {
		p := r.plan(frame, n == 0, share, 0)
		r.coded(p, frame, share, aimed)
		moving = p.qp
	}
	frame.Still = true
	for range 60 {
		r.coded(r.plan(frame, false, share, 0), frame, share, 10)
	}
	if sharp := quantiser(r.qp); sharp > minQP {
		t.Errorf("60 repeats that cost nothing left the quantiser at %d", sharp)
	}
	frame.Still = false
	if p := r.plan(frame, false, share, 0); p.qp < moving-1 {
		t.Errorf("quantiser %d after the pause, %d before", p.qp, moving)
	}
}
