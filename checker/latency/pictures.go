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

// compare reports whether a frame shows something newer than the one before. The markers' counters say so; where one of them could not be read, the
// pictures' content does; where nobody has looked at that either, it is taken for new.
func (p *pictures) compare(f *Frame) bool {
	if !f.Marked || !p.before.Marked {
		same := f.Content != 0 && f.Content == p.before.Content
		if same {
			p.repeated++
		}
		return !same
	}
	switch steps := int16(f.Stamp.Counter - p.before.Stamp.Counter); {
	case steps == 0:
		p.repeated++
		return false
	case steps < 0:
		p.backwards++
		return false
	default:
		p.unshown += uint64(steps - 1)
		return true
	}
}

// deadlines are how many passed without a fresh frame, where one came so long after another. A frame that is less than half an interval late
// still counts for its own: neither side's clock has the other's phase.
func (p *pictures) deadlines(passed time.Duration) uint64 {
	due := (passed + p.interval/2) / p.interval
	return uint64(max(due-1, 0))
}
