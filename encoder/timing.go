package encoder

import (
	"fmt"
	"slices"
	"time"

	"nearlight/internal/media"
)

// Timings says how long candidates take for a picture on this machine, by name, at the fastest preset and the size that
// sessions have. One that is missing is not known, and taken to be fast enough.
type Timings map[string]time.Duration

// encodeShare is the part of a frame's time that encoding may take: the rest is for drawing, sending and showing it.
const encodeShare = 0.5

// FastEnough reports whether a picture that takes so long leaves time for the rest of its frame's way.
func FastEnough(took time.Duration, frameRate int) bool { return took <= timeLimit(frameRate) }

func timeLimit(frameRate int) time.Duration {
	if frameRate == 0 {
		frameRate = DefaultFrameRate
	}
	return time.Duration(encodeShare * float64(FrameTime(frameRate)))
}

// sort puts the candidates that are too slow behind the others, and says of each why.
func (t Timings) sort(l Ladder, frameRate int) (Ladder, []Refusal) {
	limit := timeLimit(frameRate)
	var fast, slow Ladder
	var refused []Refusal
	for _, candidate := range l {
		if took := t[candidate.Name]; took > limit {
			slow = append(slow, candidate)
			refused = append(refused, Refusal{candidate.Name, fmt.Errorf("it takes %.1f ms for a picture here, and %.1f are half of a frame's time",
				took.Seconds()*1000, limit.Seconds()*1000)})
			continue
		}
		fast = append(fast, candidate)
	}
	return append(fast, slow...), refused
}

// The pictures of a measurement: after the first ones, which wait for memory and clocks, enough for a quartile.
const (
	timingSettle = 4
	timingCount  = 9
)

// Time opens the candidate and measures how long it takes for a picture; pictures are shown in turn, and again. It is the
// lower quartile: what else the machine does meanwhile is no fault of the candidate's.
func (c Candidate) Time(config Config, pictures []*media.Frame) (_ time.Duration, err error) {
	opened, err := c.Open(config)
	if err != nil {
		return 0, err
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
			return 0, err
		}
		if n >= timingSettle {
			times = append(times, time.Since(began))
		}
	}
	slices.Sort(times)
	return times[len(times)/4], nil
}
