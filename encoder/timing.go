package encoder

import (
	"fmt"
	"slices"
	"time"

	"nearlight/internal/media"
)

// Timings says how long candidates take for a picture on this machine, by name and then by speed, from the fastest on, at the size
// that sessions have. A candidate that is missing is not known, and taken to be fast enough; so are speeds beyond the last
// taken to be too slow.
type Timings map[string][]time.Duration

const (
	// encodeShare is the part of a frame's time that encoding may take: the rest is for drawing, sending and showing it.
	encodeShare = 0.5
	// spareShare is the part that a better preset than the fastest may take: so little that nobody feels it.
	spareShare = 0.125
)

// FastEnough reports whether a picture that takes so long leaves time for the rest of its frame's way.
func FastEnough(took time.Duration, frameRate int) bool { return took <= share(encodeShare, frameRate) }

// share is part of a frame's time.
func share(part float64, frameRate int) time.Duration {
	if frameRate == 0 {
		frameRate = DefaultFrameRate
	}
	return time.Duration(part * float64(FrameTime(frameRate)))
}

// sort puts the candidates that are too slow behind the others, and says of each why.
func (t Timings) sort(l Ladder, frameRate int) (Ladder, []Refusal) {
	limit := share(encodeShare, frameRate)
	var fast, slow Ladder
	var refused []Refusal
	for _, candidate := range l {
		if speeds := t[candidate.Name]; len(speeds) > 0 && speeds[0] > limit {
			slow = append(slow, candidate)
			refused = append(refused, Refusal{candidate.Name, fmt.Errorf("it takes %.1f ms for a picture here, and %.1f are half of a frame's time",
				speeds[0].Seconds()*1000, limit.Seconds()*1000)})
			continue
		}
		fast = append(fast, candidate)
	}
	return append(fast, slow...), refused
}

// speed is the best preset of a candidate that costs next to no time.
func (t Timings) speed(name string, frameRate int) int {
	best := 0
	for speed, took := range t[name] {
		if took > share(spareShare, frameRate) {
			break
		}
		best = speed
	}
	return best
}

// The pictures of a measurement: after the first ones, which wait for memory and clocks, enough for a quartile.
const (
	timingSettle = 4
	timingCount  = 9
)

// Time measures how long the candidate takes for a picture at each of its speeds, from the fastest on, as far as they are of any
// use; pictures are shown in turn, and again. It is the lower quartile: what else the machine does meanwhile is no fault of
// the candidate's.
func (c Candidate) Time(config Config, pictures []*media.Frame) ([]time.Duration, error) {
	var speeds []time.Duration
	for count := 1; len(speeds) < count; {
		config.Speed = len(speeds)
		took, presets, err := c.time(config, pictures)
		if err != nil {
			return nil, err
		}
		speeds, count = append(speeds, took), presets
		if took > share(spareShare, config.FrameRate) {
			break // a slower one is never chosen
		}
	}
	return speeds, nil
}

// time measures one speed, and says how many there are.
func (c Candidate) time(config Config, pictures []*media.Frame) (took time.Duration, speeds int, err error) {
	opened, err := c.Open(config)
	if err != nil {
		return 0, 0, err
	}
	defer func() {
		if closed := opened.Close(); err == nil {
			err = closed
		}
	}()
	var times []time.Duration
	for n := range timingSettle + timingCount {
		began := time.Now()
		if _, err := opened.Encode(pictures[n%len(pictures)], Request{}, func(media.Slice) error { return nil }); err != nil {
			return 0, 0, err
		}
		if n >= timingSettle {
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return times[len(times)/4], opened.Capabilities().Speeds, nil
}
