package edge

import (
	"time"

	"nearlight/internal/opus"
)

// When nothing is sent for lack of sound.
const (
	// quietest is what counts as sound, of 32768: what lies below is the rounding of somebody's mixer.
	quietest = 8
	// quietAfter lets what a decoder has of the sound before fade out.
	quietAfter = 200 * time.Millisecond
	// reminder is how often a pause is told to last, so that a player can tell it from a connection that is lost (RFC 7587 section
	// 3.1.3 has the same interval).
	reminder = 400 * time.Millisecond
)

// quiet decides what is sent of sound that may be silent. It is pure.
type quiet struct {
	silent int // frames in a row without sound
	told   int // frames since a pause was told
}

// The ways to treat a frame.
type treatment int

const (
	sendFrame treatment = iota
	sendPause           // in place of the frame
	sendNothing
)

// next is how to treat the next frame.
func (q *quiet) next(samples []int16) treatment {
	if audible(samples) {
		q.silent = 0
		return sendFrame
	}
	q.silent++
	const after, every = int(quietAfter / opus.FrameTime), int(reminder / opus.FrameTime)
	switch {
	case q.silent <= after:
		return sendFrame
	case q.silent == after+1:
		q.told = 0
		return sendPause
	}
	if q.told++; q.told == every {
		q.told = 0
		return sendPause
	}
	return sendNothing
}

// paused reports whether the frame that was asked for last is part of a pause.
func (q *quiet) paused() bool { return q.silent > int(quietAfter/opus.FrameTime) }

func audible(samples []int16) bool {
	for _, s := range samples {
		if s > quietest || s < -quietest {
			return true
		}
	}
	return false
}
