package viewer

import (
	"time"

	"nearlight/internal/media"
)

// As libwebrtc asks for what is missing: at once, and again each round trip, ten times at the most.
const (
	mostRequests  = 10
	firstLoop     = 100 * time.Millisecond // the round trip before any was seen
	requestMargin = 10 * time.Millisecond  // a repeat that takes a little longer than usual is not asked for again
	loopSmoothing = 8                      // as RFC 6298 section 2 smooths a round trip
	loopDeviation = 2                      // how many of its mean deviations a loop may be longer
)

// requests knows which missing packets were asked for. It is pure, and belongs to the assembler's owner.
type requests struct {
	asked [reorderWindow]request
	loop  time.Duration // from asking for a packet to its repeat, smoothed; 0 before the first
	off   time.Duration // its mean deviation
}

type request struct {
	sequence uint16
	count    int
	at       media.Instant
}

// missing appends those packets before the newest that are to be asked for now.
func (r *requests) missing(a *assembler, now media.Instant, to []uint16) []uint16 {
	if !a.started {
		return to
	}
	for sequence := a.next; int16(a.newest-sequence) > 0; sequence++ {
		if a.packets[sequence%reorderWindow].packet != nil {
			continue
		}
		slot := &r.asked[sequence%reorderWindow]
		if slot.sequence != sequence || slot.count == 0 {
			*slot = request{sequence: sequence}
		}
		if slot.count == mostRequests || slot.count > 0 && now.Sub(slot.at) < r.again() {
			continue
		}
		slot.count++
		slot.at = now
		to = append(to, sequence)
	}
	return to
}

func (r *requests) again() time.Duration {
	if r.loop == 0 {
		return firstLoop
	}
	return r.loop + max(requestMargin, loopDeviation*r.off)
}

// arrived learns from a packet that was asked for once how long that takes.
func (r *requests) arrived(sequence uint16, at media.Instant) {
	slot := &r.asked[sequence%reorderWindow]
	if slot.sequence != sequence || slot.count == 0 {
		return
	}
	took := at.Sub(slot.at)
	first := slot.count == 1 && took > 0
	slot.count = 0
	switch {
	case !first:
	case r.loop == 0:
		r.loop = took
	default:
		r.off += ((took - r.loop).Abs() - r.off) / loopSmoothing
		r.loop += (took - r.loop) / loopSmoothing
	}
}
