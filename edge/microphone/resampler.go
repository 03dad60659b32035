package microphone

import (
	"math"

	"nearlight/internal/opus"
)

const (
	// fastest is how much faster or slower than it was said anything is played: a voice is off by half a semitone then. For a step,
	// as clocks ask for every now and then, it is a sixth of one.
	fastest = 0.03
	// slowest is how much at the least, so that an end is reached.
	slowest = 0.005
	// indifferent is how much may be too much, in samples, without anything being done.
	indifferent = 2 * millisecond
	// within is how long it takes to make up for a difference, in samples, or longer.
	within = 1000 * millisecond
	// around is how many samples beyond the last place that is read are needed for its value.
	around = 3
)

// resampler holds what is decoded and gives it out a little faster or slower, between samples by a cubic through the four around
// (Catmull-Rom). At its own speed it hands samples on as they are.
type resampler struct {
	held  [2*opus.MaxPacketSamples + 4*StepSamples]int16
	count int
	place float64 // of what is read next, in held
	speed float64 // less 1
}

// length is how much there is, in whole samples.
func (r *resampler) length() int { return max(r.count-int(r.place), 0) }

// missing is how much has to be added until so many can be taken; not above 0 where they can.
func (r *resampler) missing(samples int) int {
	if r.exact() {
		return int(r.place) + samples - r.count
	}
	return int(r.place+float64(samples)*(1+r.speed)) + around - r.count
}

// exact reports whether samples are handed on as they are.
func (r *resampler) exact() bool { return r.speed == 0 && r.place == float64(int(r.place)) }

// hurry sets the speed, where there are so many samples too much, or too few.
func (r *resampler) hurry(tooMuch float64) {
	if tooMuch >= 0 && tooMuch <= indifferent {
		r.steady()
		return
	}
	amount := min(max(math.Abs(tooMuch)/within, slowest), fastest)
	r.speed = math.Copysign(amount, tooMuch)
}

// clear throws away what is held.
func (r *resampler) clear() { r.count, r.place, r.speed = 0, 0, 0 }

// steady plays at the speed at which it was said.
func (r *resampler) steady() {
	if r.speed != 0 {
		r.speed, r.place = 0, float64(int(r.place+0.5)) // half a sample is not heard
	}
}

// add appends samples, which there is room for as long as nobody adds without need.
func (r *resampler) add(samples []int16) {
	r.count += copy(r.held[r.count:], samples)
}

// take fills samples, of which none is missing.
func (r *resampler) take(samples []int16) {
	if r.exact() {
		r.place += float64(copy(samples, r.held[int(r.place):r.count]))
	} else {
		for i := range samples {
			samples[i] = r.at(r.place)
			r.place += 1 + r.speed
		}
	}
	// One sample before the place is kept, for the cubic.
	if gone := int(r.place) - 1; gone > 0 {
		copy(r.held[:], r.held[gone:r.count])
		r.count -= gone
		r.place -= float64(gone)
	}
}

func (r *resampler) at(place float64) int16 {
	i := int(place)
	f := place - float64(i)
	before := float64(r.held[max(i-1, 0)])
	a, b, after := float64(r.held[i]), float64(r.held[i+1]), float64(r.held[i+2])
	value := a + f/2*(b-before+f*(2*before-5*a+4*b-after+f*(3*(a-b)+after-before)))
	return int16(min(max(value, -32768), 32767))
}
