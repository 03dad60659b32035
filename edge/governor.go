package edge

import (
	"slices"
	"time"

	"nearlight/internal/media"
)

// The governor's patience. Stepping down is quick, since an overloaded edge shows every frame late; stepping up is slow, since a
// rate that swings is worse than a low one.
const (
	governorWindow = 60   // frames that a decision looks at
	overloadShare  = 0.92 // of a frame's time: more, and the next change waits
	relaxedShare   = 0.70 // of the higher rate's frame time: it would fit with room to spare
	stepDownAfter  = 2    // windows in a row
	stepUpAfter    = 10 * time.Second
)

// governor finds the frame rate that this machine holds: work that takes longer than a frame's time makes every
// frame late, fewer frames on time do not. It is pure: times are handed to it. One goroutine uses it.
type governor struct {
	rates      []int // descending; the first is what was asked for
	step       int
	window     []time.Duration
	overloaded int           // windows in a row
	relaxed    media.Instant // since when every window has been, 0 for not now
}

func newGovernor(asked int) *governor {
	rates := []int{asked}
	for _, rate := range []int{45, 30, 24} {
		if rate < asked {
			rates = append(rates, rate)
		}
	}
	return &governor{rates: rates, window: make([]time.Duration, 0, governorWindow)}
}

// rate is the frame rate to capture at.
func (g *governor) rate() int { return g.rates[g.step] }

// full reports whether the rate is what was asked for.
func (g *governor) full() bool { return g.step == 0 }

// observe takes the time that one frame's work took, from grab to sent, and reports whether the rate has changed.
func (g *governor) observe(now media.Instant, work time.Duration) bool {
	g.window = append(g.window, work)
	if len(g.window) < governorWindow {
		return false
	}
	slices.Sort(g.window)
	median := g.window[len(g.window)/2]
	ninth := g.window[len(g.window)*9/10]
	g.window = g.window[:0]
	interval := func(step int) time.Duration { return time.Second / time.Duration(g.rates[step]) }
	if float64(median) > overloadShare*float64(interval(g.step)) {
		g.overloaded++
	} else {
		g.overloaded = 0
	}
	switch {
	case g.step == 0 || float64(ninth) >= relaxedShare*float64(interval(g.step-1)):
		g.relaxed = 0
	case g.relaxed == 0:
		g.relaxed = now
	}
	switch {
	case g.overloaded >= stepDownAfter && g.step < len(g.rates)-1:
		g.step++
	case g.relaxed != 0 && now.Sub(g.relaxed) > stepUpAfter:
		g.step--
	default:
		return false
	}
	g.overloaded, g.relaxed = 0, 0
	return true
}
