package latency

import (
	"time"

	"nearlight/internal/media"
)

// pictures tells which frames show something new, and which of those came in time.
type pictures struct {
	interval time.Duration // between deadlines; 0 for none

	began  bool
	before Frame
	fresh  media.Instant // when the last fresh frame was presented

	count     uint64 // of fresh frames
	repeated  uint64 // frames with the picture of the one before
	backwards uint64 // frames with an older picture than the one before
	unshown   uint64 // pictures that were drawn between two that were shown, by their counter
	missed    uint64 // deadlines
}

func (p *pictures) add(f *Frame) {
	fresh := true
	if p.began {
		fresh = p.compare(f)
	}
	if fresh {
		p.count++
		if p.began && p.interval > 0 {
			p.missed += p.deadlines(f.Decoded.Sub(p.fresh))
		}
		p.fresh = f.Decoded
	}
	p.before, p.began = *f, true
}

// compare reports whether a frame shows something newer than the one before. Equal content is nothing new, whatever the markers say, which an
// edge may draw over a picture that stands still. Else the markers' counters tell; where one of them was not read, the frame is taken for new.
func (p *pictures) compare(f *Frame) bool {
	steps := int16(1)
	if f.Marked && p.before.Marked {
		steps = int16(f.Stamp.Counter - p.before.Stamp.Counter)
	}
	switch {
	case steps < 0:
		p.backwards++
		return false
	case steps == 0 || f.Content != 0 && f.Content == p.before.Content:
		p.repeated++
		return false
	}
	p.unshown += uint64(steps - 1)
	return true
}

// deadlines are how many passed without a fresh frame, where one came so long after another. A frame that is less than half an interval late
// still counts for its own: neither side's clock has the other's phase.
func (p *pictures) deadlines(passed time.Duration) uint64 {
	due := (passed + p.interval/2) / p.interval
	return uint64(max(due-1, 0))
}
