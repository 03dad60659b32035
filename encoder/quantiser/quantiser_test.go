package quantiser

import (
	"math"
	"testing"

	"nearlight/internal/media"
)

// codec is what the rate control steers: the bits double with every slope quantisers, times how hard the scene is.
type codec struct{ slope, hardness float64 }

func (c codec) bits(qp float64) int { return int(c.hardness * math.Exp2(-qp/c.slope)) }

func TestRateSettlesAtItsShareOnSmoothAndNoisyScenes(t *testing.T) {
	const share = 130_000
	for _, slope := range []float64{2.5, 4, 6} {
		c := codec{slope: slope, hardness: share * math.Exp2(32/slope)} // the right quantiser is 32
		r, frame := New(51), media.NewFrame(media.Size{Width: 64, Height: 64})
		total := 0
		for n := range 300 {
			p := r.Plan(frame, n == 0, share, 0)
			bits := c.bits(p.QP)
			r.Coded(p, frame, share, bits)
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
	r, frame := New(51), media.NewFrame(media.Size{Width: 64, Height: 64})
	const share, aimed = 130_000, 126_100
	fill := func(value byte) {
		for i := range frame.Y.Data {
			frame.Y.Data[i] = value
		}
	}
	var before Plan
	for n := range 60 {
		fill(byte(100 + n%2))
		before = r.Plan(frame, n == 0, share, 0)
		r.Coded(before, frame, share, aimed)
	}
	fill(200)
	if after := r.Plan(frame, false, share, 0); after.QP < before.QP+8 {
		t.Errorf("quantiser %v after %v", after.QP, before.QP)
	}
}

func TestMotionAfterAPauseStartsAtItsOwnQuality(t *testing.T) {
	r, frame := New(51), media.NewFrame(media.Size{Width: 64, Height: 64})
	const share, aimed = 130_000, 126_100
	moving := 0.0
	for n := range 30 {
		p := r.Plan(frame, n == 0, share, 0)
		r.Coded(p, frame, share, aimed)
		moving = p.QP
	}
	frame.Still = true
	for range 60 {
		r.Coded(r.Plan(frame, false, share, 0), frame, share, 10)
	}
	if r.qp > Finest {
		t.Errorf("60 repeats that cost nothing left the quantiser at %v", r.qp)
	}
	frame.Still = false
	if p := r.Plan(frame, false, share, 0); p.QP < moving-1 {
		t.Errorf("quantiser %v after the pause, %v before", p.QP, moving)
	}
}

func TestTheNearestLevelOfEachCodecIsFound(t *testing.T) {
	for _, c := range []struct {
		reason string
		levels Levels
		qp     float64
		level  int
	}{
		{"VP8's finest step is two pixel values", VP8, 10, 0},
		{"finer than any", VP8, -3, 0},
		{"coarser than any", VP8, 60, 63},
		{"a step of 4 pixel values, VP8", VP8, 16, 4},
		{"a step of 2 pixel values, VP9", VP9, 10, 2},
		{"a step of 16 pixel values, VP9", VP9, 28, 27},
		{"VP9's coarsest is H.264's", VP9, 51, 63},
	} {
		level, actual := c.levels.Nearest(c.qp)
		if level != c.level || actual != c.levels[level] {
			t.Errorf("%s: level %d (%.1f), want %d", c.reason, level, actual, c.level)
		}
	}
	for _, levels := range []Levels{VP8, VP9} {
		for i := range levels[1:] {
			if levels[i+1] <= levels[i] {
				t.Errorf("level %d is not coarser than the one before", i+1)
			}
		}
		if coarsest := levels.Coarsest(); coarsest < 46 || coarsest > 51 {
			t.Errorf("the coarsest level is %v", coarsest)
		}
	}
}
