package encoder

import "nearlight/internal/media"

// remembered is how many pictures a report of loss may reach back; an older one costs a keyframe.
const remembered = 256

// History mirrors which pictures an encoder may still refer to, so that a report of loss in capture times becomes what
// encoders understand: the numbers of pictures. It holds for encoders in which each picture refers to the newest good
// one before it: a lost picture then spoils all that came after it.
type History struct {
	Depth int // pictures the encoder keeps

	count   int64
	idr     int64 // the newest keyframe's number
	entries [remembered]entry
}

type entry struct {
	captured media.Instant
	lost     bool
}

func (h *History) at(number int64) *entry { return &h.entries[number%remembered] }

// Next is the number of the picture to be coded next.
func (h *History) Next() int64 { return h.count }

// Add notes that the next picture has been coded.
func (h *History) Add(captured media.Instant, keyframe bool) {
	if keyframe {
		h.idr = h.count
	}
	*h.at(h.count) = entry{captured: captured}
	h.count++
}

// Lose marks the pictures captured from first to last, and all after them, as lost. from is the first of them, or
// negative when nothing that matters was lost: it came before the last keyframe, or was told before. good is false
// when the encoder keeps no picture that can be referred to.
func (h *History) Lose(first, last media.Instant) (from int64, good bool) {
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
	for number := h.oldestKept(oldest); number < h.count; number++ {
		good = good || !h.at(number).lost
	}
	return from, good
}

// Skips is how many pictures right before the next one it does without, as a delta picture: it refers to the newest that is not lost.
// It is 0 where none is left, since that takes a keyframe.
func (h *History) Skips() int {
	for number := h.count - 1; number >= h.Kept(); number-- {
		if !h.at(number).lost {
			return int(h.count - 1 - number)
		}
	}
	return 0
}

// Kept bounds the pictures that the encoder still keeps: from oldest up to, and without, Next.
func (h *History) Kept() (oldest int64) { return h.oldestKept(h.idr) }

func (h *History) oldestKept(bound int64) int64 { return max(bound, h.count-int64(h.Depth)) }
