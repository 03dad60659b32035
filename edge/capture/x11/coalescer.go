package x11

import (
	"math"
	"time"

	"nearlight/internal/media"
)

const (
	quietTime = time.Millisecond     // no damage for this long ends a burst
	burstTime = 4 * time.Millisecond // no burst lasts longer than this

	// singleTime is how far apart the damage of one drawing request may be read: a wake-up, with margin.
	singleTime = 300 * time.Microsecond
	// lateTime is how soon after a grab new damage means that the grab came too early: the next frame of an app that
	// draws at 240 Hz or less comes later, even though a grab takes half a millisecond.
	lateTime = 3500 * time.Microsecond
)

// Bounds of the number of single-burst frames in a row that make the next one be grabbed at once.
const (
	fewestSingles = 3
	mostSingles   = 192 // about three seconds at 60 Hz
)

// burst is the damage that led to one frame.
type burst struct {
	first, last media.Instant // when its first and last damage were read
	grabbed     media.Instant
	area        int  // pixels in its bounding box
	found       bool // it was there before it was waited for, so first is later than the damage
	capped      bool // the frame rate held the grab back beyond the burst's end
}

// plan says when a burst is over.
type plan struct {
	enough int           // pixels of damage after which it is complete and grabbed at once
	quiet  time.Duration // else it is over when no damage came for this long,
	limit  time.Duration // or this long after its first damage
}

// deadline is when a burst that goes as described so far is to be grabbed.
func (p plan) deadline(first, last media.Instant, area int) media.Instant {
	if area >= p.enough {
		return last
	}
	return min(first.Add(p.limit), last.Add(p.quiet))
}

// coalescer learns how an app draws from its bursts, and says when the next one is over. It has two states:
//
//	waiting    every burst is followed until it is quiet
//	at once    a burst as large as the app's usual frame is grabbed when it is seen, a smaller one is followed
//
//	waiting -> at once    after enough bursts in a row that were single: all damage read together, none soon after the grab
//	at once -> waiting    when one was not: the picture just grabbed was unfinished. The number asked for then doubles, so an
//	                      app that keeps misleading us does so ever more rarely; it falls again while things go well
//
// Following costs a millisecond in each frame, an unfinished picture a torn frame: both are worth avoiding, and nearly
// every full-screen game draws a frame by one request. Not safe for concurrent use; its zero value is waiting.
type coalescer struct {
	singles int // single bursts in a row
	asked   int // singles needed for at once; zero means fewestSingles
	typical int // area of the app's usual frame: a maximum that fades
	last    burst
}

// plan says how to follow the next burst.
func (c *coalescer) plan() plan {
	p := plan{enough: math.MaxInt, quiet: quietTime, limit: burstTime}
	if c.atOnce() {
		p.enough = c.typical - c.typical/4
	}
	return p
}

func (c *coalescer) atOnce() bool { return c.singles >= max(c.asked, fewestSingles) }

// observe learns from a burst after its grab.
func (c *coalescer) observe(b burst) {
	if c.followed(b) {
		c.mistaken()
	}
	if b.last.Sub(b.first) > singleTime {
		c.mistaken()
	} else {
		c.singles++
		c.relent()
	}
	c.typical = max(b.area, c.typical-c.typical/8)
	c.last = b
}

// followed reports whether b looks like the rest of the last burst. A grab that the frame rate held back comes at a
// time of its own, after which anything may follow.
func (c *coalescer) followed(b burst) bool {
	if c.last.grabbed == 0 || c.last.capped {
		return false
	}
	late := lateTime
	if b.found {
		late *= 2 // it came at any time since the last grab, half of it on average
	}
	return b.first.Sub(c.last.grabbed) < late
}

func (c *coalescer) mistaken() {
	if c.atOnce() {
		c.asked = min(2*max(c.asked, fewestSingles), mostSingles)
	}
	c.singles = 0
}

// relent forgets half of what was asked after eight times as many singles.
func (c *coalescer) relent() {
	if c.asked > fewestSingles && c.singles >= 8*c.asked {
		c.asked = max(c.asked/2, fewestSingles)
		c.singles = c.asked
	}
}
