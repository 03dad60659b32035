package latency

import (
	"time"

	"nearlight/internal/media"
)

// keptInputs is how many of the checker's inputs are remembered, a power of two: at 60 a second, those of four seconds.
const keptInputs = 256

// input is one that was sent.
type input struct {
	sequence uint32
	at       media.Instant
}

// inputs finds, for each input, the first frame whose marker answers it.
type inputs struct {
	patience time.Duration
	ring     [keptInputs]input
	count    uint64 // that were sent
	oldest   uint64 // that waits for its answer, counted like count: all after it do

	times      Spread
	unanswered uint64
	impossible uint64 // frames that answer what was not sent, or not yet when they were on their way
	disordered uint64 // inputs whose sequence was not above the one before
}

func (i *inputs) at(n uint64) *input { return &i.ring[n%keptInputs] }

func (i *inputs) sent(sequence uint32, at media.Instant) {
	if sequence == 0 || i.count > 0 && int32(sequence-i.at(i.count-1).sequence) <= 0 {
		i.disordered++ // an answer to it could be one to another, and 0 is none
		return
	}
	if i.count-i.oldest == keptInputs {
		i.giveUp()
	}
	*i.at(i.count) = input{sequence, at}
	i.count++
}

// giveUp has the oldest input wait no longer.
func (i *inputs) giveUp() {
	i.unanswered++
	i.oldest++
}

// expire gives up what has waited for too long.
func (i *inputs) expire(now media.Instant) {
	for i.oldest < i.count && now.Sub(i.at(i.oldest).at) > i.patience {
		i.giveUp()
	}
}

func (i *inputs) answered(f *Frame) {
	answer := f.Stamp.Input
	if answer == 0 {
		return
	}
	sent, known := i.find(answer)
	if !known {
		return
	}
	if sent == nil || f.FirstPacket != 0 && f.FirstPacket < sent.at {
		i.impossible++
		return
	}
	for i.oldest < i.count && int32(answer-i.at(i.oldest).sequence) >= 0 {
		i.times.Observe(f.Decoded.Sub(i.at(i.oldest).at))
		i.oldest++
	}
}

// find looks for the input of a sequence: nil where none was sent. What is older than all that are remembered is not known.
func (i *inputs) find(sequence uint32) (_ *input, known bool) {
	from := i.count - min(i.count, keptInputs)
	if i.count == 0 || int32(sequence-i.at(i.count-1).sequence) > 0 {
		return nil, true
	}
	if int32(sequence-i.at(from).sequence) < 0 {
		return nil, from == 0 // all that was ever sent is remembered
	}
	low, high := from, i.count // the sequences rise
	for low < high {
		middle := (low + high) / 2
		if int32(i.at(middle).sequence-sequence) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if found := i.at(low); found.sequence == sequence {
		return found, true
	}
	return nil, true
}
