package x264

import "nearlight/internal/media"

// remembered is how many pictures a report of loss may reach back; an older one costs a keyframe.
const remembered = 256

// history mirrors which pictures the encoder may still refer to, so that a report of loss becomes the one thing that
// x264 understands: "forget this picture and all after it".
type history struct {
	depth   int64 // pictures the encoder keeps
	count   int64
	idr     int64 // the newest keyframe's number
	entries [remembered]entry
}

type entry struct {
	captured media.Instant
	lost     bool
}

func (h *history) at(number int64) *entry { return &h.entries[number%remembered] }

// next is the number of the picture to be coded next, which is its pts for x264.
func (h *history) next() int64 { return h.count }

// add notes that the next picture has been coded.
func (h *history) add(captured media.Instant, keyframe bool) {
	if keyframe {
		h.idr = h.count
	}
	*h.at(h.count) = entry{captured: captured}
	h.count++
}

// lose marks the pictures captured from first to last, and all after them, as lost. from is the first of them, or
// negative when nothing that matters was lost: it came before the last keyframe, or was told before. good is false
// when the encoder keeps no picture that can be referred to.
func (h *history) lose(first, last media.Instant) (from int64, good bool) {
	oldest := max(h.idr, h.count-remembered)
	from = -1
	for number := oldest; number < h.count; number++ {
		e := h.at(number)
		inside := e.captured >= first && e.captured <= last
		forgotten := number == oldest && oldest > h.idr && first < e.captured
		if from < 0 && !e.lost && (inside || forgotten) {
			from = number
		}
		if from >= 0 {
			e.lost = true
		}
	}
	for number := max(oldest, h.count-h.depth); number < h.count; number++ {
		good = good || !h.at(number).lost
	}
	return from, good
}
