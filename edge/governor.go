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
	relaxedShare   = 0.70 // of the frame's time on the step above: it would fit with room to spare
	stepDownAfter  = 2    // windows in a row
	stepUpAfter    = 10 * time.Second
)

// slowerPreset is how much longer an encoder's next slower preset is taken to be, before it was tried.
const slowerPreset = 1.6

// economy is how much a session asks of its machine: less and less from step to step.
type economy struct {
	speed int    // Config.Speed of the encoder
	rate  int    // frames per second
	scale eighth // of the screen's size, each way
}

// eighth counts eighths.
type eighth int

const wholeSize eighth = 8

// of scales a picture's size; the sides stay even.
func (e eighth) of(size media.Size) media.Size {
	if e == wholeSize {
		return size
	}
	side := func(pixels int) int { return max(pixels*int(e)/int(wholeSize)&^1, 16) }
	return media.Size{Width: side(size.Width), Height: side(size.Height)}
}

// cost is the step's work for one frame, relative to the fastest preset at the whole size.
func (e economy) cost() float64 {
	side := float64(e.scale) / float64(wholeSize)
	cost := side * side
	for range e.speed {
		cost *= slowerPreset
	}
	return cost
}

func (e economy) interval() time.Duration { return time.Second / time.Duration(e.rate) }

// economies lists the steps for an encoder that begins with preset speed, at so many frames per second: first its presets
// get faster, which nearly nobody sees, then frames get fewer, then smaller.
func economies(speed, rate int) []economy {
	last := economy{speed: speed, rate: rate, scale: wholeSize}
	steps := []economy{last}
	add := func(change func(*economy)) {
		next := last
		if change(&next); next != last {
			last = next
			steps = append(steps, next)
		}
	}
	for s := speed - 1; s >= 0; s-- {
		add(func(e *economy) { e.speed = s })
	}
	for _, fewer := range []int{45, 30} {
		add(func(e *economy) { e.rate = min(e.rate, fewer) })
	}
	for _, smaller := range []eighth{6, 4} {
		add(func(e *economy) { e.scale = smaller })
	}
	add(func(e *economy) { e.rate = min(e.rate, 24) })
	return steps
}

// governor finds what this machine holds: work that takes longer than a frame's time makes every frame late, fewer or
// smaller frames on time do not. It is pure: times are handed to it. One goroutine uses it.
type governor struct {
	steps      []economy // the first is what was asked for
	step       int
	window     []time.Duration
	overloaded int           // windows in a row
	relaxed    media.Instant // since when every window has been, 0 for not now
}

func newGovernor(speed, rate int) *governor {
	return &governor{steps: economies(speed, rate), window: make([]time.Duration, 0, governorWindow)}
}

// now is the step to work at.
func (g *governor) now() economy { return g.steps[g.step] }

// full reports whether rate and size are what was asked for.
func (g *governor) full() bool {
	return g.now().rate == g.steps[0].rate && g.now().scale == wholeSize
}

// observe takes the time that one frame's work took, from grab to sent, and reports whether the step has changed.
func (g *governor) observe(now media.Instant, work time.Duration) bool {
	g.window = append(g.window, work)
	if len(g.window) < governorWindow {
		return false
	}
	slices.Sort(g.window)
	median := g.window[len(g.window)/2]
	ninth := g.window[len(g.window)*9/10]
	g.window = g.window[:0]
	if float64(median) > overloadShare*float64(g.now().interval()) {
		g.overloaded++
	} else {
		g.overloaded = 0
	}
	switch {
	case g.step == 0 || !g.fitsAbove(ninth):
		g.relaxed = 0
	case g.relaxed == 0:
		g.relaxed = now
	}
	switch {
	case g.overloaded >= stepDownAfter && g.step < len(g.steps)-1:
		g.step++
	case g.relaxed != 0 && now.Sub(g.relaxed) > stepUpAfter:
		g.step--
	default:
		return false
	}
	g.overloaded, g.relaxed = 0, 0
	return true
}

// fitsAbove reports whether work that takes so long now would fit the step above with room to spare.
func (g *governor) fitsAbove(work time.Duration) bool {
	above := g.steps[g.step-1]
	expected := float64(work) * above.cost() / g.now().cost()
	return expected < relaxedShare*float64(above.interval())
}
