package edge

import (
	"math"
	"slices"
	"time"

	"nearlight/internal/media"
)

// When a picture is too coarse for its size, and when a larger one would not be. Quantisers are H.264's (encoder.Result.QP), where 6
// more are half the bits.
const (
	fitterWindow = 45   // frames that a decision looks at: most of a second
	coarse       = 38.0 // above it blocks are seen, and a smaller picture that is scaled up looks better
	hopeless     = 44.0 // above it one window decides
	coarseAfter  = 2    // windows in a row
	// A step up is taken when it would leave the picture so much finer than coarse, for so long. A step up that did not last
	// makes the next one wait twice as long.
	fineMargin = 4.0
	fineFirst  = 5 * time.Second
	fineMost   = time.Minute
	lasting    = 15 * time.Second
	// detailShare is how much of a larger picture is new to an encoder: the bits for the same quality grow less than the pixels.
	detailShare = 0.8
)

// fit is how much of a picture the link's bits are spread over.
type fit struct {
	scale eighth // of the screen's size, each way
	rate  int    // frames per second
}

// pixels are a fit's per second, relative to the whole screen's at one frame a second.
func (f fit) pixels() float64 {
	side := float64(f.scale) / float64(wholeSize)
	return side * side * float64(f.rate)
}

// fits lists the steps for so many frames per second: first smaller pictures, which keep a game's motion, then fewer.
func fits(rate int) []fit {
	steps := []fit{{wholeSize, rate}, {6, rate}, {4, rate}}
	if rate > 30 {
		steps = append(steps, fit{4, 30})
	}
	return append(steps, fit{3, min(rate, 30)})
}

// fitter finds the size and the frame rate that the bits which the link carries suffice for: pictures that are too coarse get
// smaller, then fewer. It is pure: times are handed to it. One goroutine uses it.
type fitter struct {
	steps  []fit
	step   int
	window []float64
	coarse int           // windows in a row
	fine   media.Instant // since when a step up would do, 0 for not now
	wait   time.Duration
	raised media.Instant // when the last step up was; 0 for never
}

func newFitter(rate int) *fitter {
	return &fitter{steps: fits(rate), window: make([]float64, 0, fitterWindow), wait: fineFirst}
}

// now is the step to work at.
func (f *fitter) now() fit { return f.steps[f.step] }

// observe takes a frame's quantiser, of no keyframe and no repeat, and reports whether the step has changed.
func (f *fitter) observe(now media.Instant, quantiser float64) bool {
	f.window = append(f.window, quantiser)
	if len(f.window) < fitterWindow {
		return false
	}
	slices.Sort(f.window)
	median := f.window[len(f.window)/2]
	f.window = f.window[:0]
	switch {
	case median > hopeless:
		f.coarse = coarseAfter
	case median > coarse:
		f.coarse++
	default:
		f.coarse = 0
	}
	switch {
	case f.step == 0 || f.above(median) > coarse-fineMargin:
		f.fine = 0
	case f.fine == 0:
		f.fine = now
	}
	switch {
	case f.coarse >= coarseAfter && f.step < len(f.steps)-1:
		f.step++
		if f.raised != 0 && now.Sub(f.raised) < lasting {
			f.wait = min(2*f.wait, fineMost)
		}
	case f.fine != 0 && now.Sub(f.fine) >= f.wait:
		f.step--
		f.raised = now
	default:
		if f.raised != 0 && now.Sub(f.raised) >= lasting {
			f.wait, f.raised = fineFirst, 0
		}
		return false
	}
	f.coarse, f.fine = 0, 0
	return true
}

// above is the quantiser that the step above would come to with the same bits.
func (f *fitter) above(quantiser float64) float64 {
	return quantiser + 6*detailShare*math.Log2(f.steps[f.step-1].pixels()/f.now().pixels())
}
