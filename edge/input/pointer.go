package input

import (
	"math"
	"time"

	"nearlight/streamer/control"
)

// pixel is the column or row, of size many, that a fraction of the picture names: 0 the first, 65535 the last.
func pixel(fraction uint16, size int) int16 {
	return int16((int(fraction)*(size-1) + math.MaxUint16/2) / math.MaxUint16)
}

// turned follows one axis of Turn's running totals and gives out whole pixels.
type turned struct {
	total int32 // as last told
	rest  int32 // what is not a whole pixel yet, in 1/16 pixel
}

// advance returns the pixels to move for a new total, or false when it is a jump that no hand makes; the new total
// counts from then on either way.
func (t *turned) advance(total int32) (pixels int16, ok bool) {
	units := int64(total-t.total) + int64(t.rest) // int32 subtraction: totals count modulo 2^32
	t.total = total
	whole := units / control.TurnUnit
	if whole > math.MaxInt16 || whole < math.MinInt16 {
		t.rest = 0
		return 0, false
	}
	t.rest = int32(units - whole*control.TurnUnit)
	return int16(whole), true
}

// wheelPause is how long a wheel rests before its unfinished notch is forgotten: what was scrolled half a minute ago
// must not make the next touch click early.
const wheelPause = time.Second

// maxNotches is how far one message may turn the wheel; a free-spinning wheel makes about 20 in a frame.
const maxNotches = 32

// wheel gathers one axis of smooth scrolling into whole notches.
type wheel struct {
	rest int // in 1/120 notch
	last time.Time
}

// turn returns the notches to click, negative to the left or up, and false when some were cut off.
func (w *wheel) turn(delta int16, now time.Time) (notches int, ok bool) {
	if delta == 0 {
		return 0, true
	}
	if now.Sub(w.last) > wheelPause || w.rest < 0 != (delta < 0) {
		w.rest = 0
	}
	w.last = now
	w.rest += int(delta)
	notches = w.rest / control.WheelNotch
	w.rest -= notches * control.WheelNotch
	if cut := max(-maxNotches, min(notches, maxNotches)); cut != notches {
		return cut, false
	}
	return notches, true
}
