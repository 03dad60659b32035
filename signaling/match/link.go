package match

import (
	"math"
	"slices"
	"time"
)

// Bounds of what a player reports of one candidate; the rest is left out.
const (
	// MaxSamples is how many round trips count.
	MaxSamples = 16
	// longestTrip is the longest that counts as one: by then a player has gone elsewhere.
	longestTrip = 10 * time.Second
	// maxFailed bounds the failures that count.
	maxFailed = 1000
)

// Link is what a player's measurement of one candidate came to. The zero value is of one that was not measured.
type Link struct {
	RoundTrip time.Duration // the shortest one: what is longer was delayed by something that passes
	Jitter    time.Duration // how much longer the median is
	Samples   int
	Failed    int // tries that nothing came of
}

// Measure makes a Link of round trips in milliseconds, as a browser reports them, and the number of tries that failed. It takes any
// input: round trips that are not positive, not numbers or longer than ten seconds count as failed, those after MaxSamples not at all.
func Measure(milliseconds []float64, failed int) Link {
	milliseconds = milliseconds[:min(len(milliseconds), MaxSamples)]
	trips := make([]time.Duration, 0, MaxSamples)
	link := Link{Failed: min(max(failed, 0), maxFailed)}
	for _, ms := range milliseconds {
		if !(ms > 0) || ms > float64(longestTrip/time.Millisecond) {
			link.Failed = min(link.Failed+1, maxFailed)
			continue
		}
		// A browser's clock may be as coarse as a millisecond; less than a microsecond is no round trip to another machine.
		trips = append(trips, max(time.Duration(math.Round(ms*1e6)), time.Microsecond))
	}
	if link.Samples = len(trips); link.Samples == 0 {
		return link
	}
	slices.Sort(trips)
	link.RoundTrip = trips[0]
	link.Jitter = trips[len(trips)/2] - trips[0]
	return link
}

// Loss is the part of the tries that failed, from 0 to 1.
func (l Link) Loss() float64 {
	if l.Failed == 0 {
		return 0
	}
	return float64(l.Failed) / float64(l.Failed+l.Samples)
}

// Measured reports whether there is a round trip.
func (l Link) Measured() bool { return l.Samples > 0 }

// Measured is a candidate and what the player measured of it.
type Measured struct {
	Candidate
	Link Link
}

// Unmeasured are candidates of which nothing was measured.
func Unmeasured(candidates []Candidate) []Measured {
	list := make([]Measured, len(candidates))
	for i, c := range candidates {
		list[i].Candidate = c
	}
	return list
}
