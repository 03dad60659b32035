// Package tone answers one question: is this the tone that was played? The test app plays tones and clicks, and tests find them in
// what is heard. Samples are signed 16-bit at 48 kHz in stereo, left and right in turn. Everything here is pure.
package tone

import (
	"math"
	"time"
)

// Rate is in samples of each channel per second, and Channels how many there are.
const (
	Rate     = 48000
	Channels = 2
)

const amplitude = 0.5 * math.MaxInt16

// Fill writes a tone that has gone on for so many samples before.
func Fill(samples []int16, hertz float64, before int) {
	for i := range len(samples) / Channels {
		value := int16(amplitude * math.Sin(2*math.Pi*hertz*float64(before+i)/Rate))
		samples[i*Channels], samples[i*Channels+1] = value, value
	}
}

// Share is how much of what is heard is a tone of that frequency: 1 for a pure one, 0 for silence. It takes the left channel, and at
// least a few periods of it (Goertzel's algorithm).
func Share(samples []int16, hertz float64) float64 {
	n := len(samples) / Channels
	if n == 0 {
		return 0
	}
	turn := 2 * math.Pi * hertz / Rate
	coefficient := 2 * math.Cos(turn)
	var now, before, energy float64
	for i := range n {
		s := float64(samples[i*Channels])
		energy += s * s
		now, before = s+coefficient*now-before, now
	}
	if energy == 0 {
		return 0
	}
	power := now*now + before*before - coefficient*now*before
	return power / (energy * float64(n) / 2)
}

// Clicks come each time that the machine's monotonic clock passes a multiple of ClickEvery, and are ClickLength long: so who hears
// one knows how old it is, up to that.
const (
	ClickEvery  = 500 * time.Millisecond
	ClickLength = 5 * time.Millisecond
	clickHertz  = 2000
)

// FillClick writes the part of a click that begins so many samples after its beginning; what is beyond its end is silence.
func FillClick(samples []int16, from int) {
	Fill(samples, clickHertz, from)
	if end := (int(ClickLength*Rate/time.Second) - from) * Channels; end < len(samples) {
		clear(samples[max(end, 0):])
	}
}

// Onset is the first sample, of each channel, that is loud enough for a click; -1 for none.
func Onset(samples []int16) int {
	const loud = amplitude / 4
	for i := range len(samples) / Channels {
		if s := float64(samples[i*Channels]); s > loud || s < -loud {
			return i
		}
	}
	return -1
}
