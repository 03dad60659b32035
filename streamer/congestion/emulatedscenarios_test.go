package congestion

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
)

const (
	emulatedSettle = 2 * time.Second
	// stallGap is the gap between two frames from which it is one that people see as a stop.
	stallGap = 100 * time.Millisecond
	// recovered is the excess below which a frame is in time again, and for how long it must stay so.
	recovered, recoveredFor = 25 * time.Millisecond, time.Second
)

// emulated is what a flow came to, in the figures of `bench net`.
type emulated struct {
	use           float64
	p50, p95, p99 time.Duration // of the excess
	latest        time.Duration // from capture to decodable
	stalls        int
	stalled       time.Duration
	recovery      []time.Duration // after each fall of the rate
	frames, lost  int
	skips         int
	cuts          [Silence + 1]int
	undone        int
}

func (e emulated) String() string {
	return fmt.Sprintf("used %5.1f %%, excess p50 %5.1f p95 %5.1f p99 %5.1f ms, latest %4.0f ms, stalls %2d (%4.0f ms), recovery %4.0f ms, lost %d of %d, skipped %d, cuts %v, undone %d",
		100*e.use, ms(e.p50), ms(e.p95), ms(e.p99), ms(e.latest), e.stalls, ms(e.stalled), ms(e.slowest()), e.lost, e.frames, e.skips, e.cuts[1:], e.undone)
}

func (e emulated) slowest() (d time.Duration) {
	for _, r := range e.recovery {
		d = max(d, r)
	}
	return d
}

// figuresOf does for a flow what cmd/nearlight does for a run.
func figuresOf(f *flow, before, after netsim.Counters, falls []time.Duration, until time.Duration) (e emulated) {
	e.use = float64(after.Carried-before.Carried) / float64(after.Capacity-before.Capacity)
	var excess []time.Duration
	late := slices.Clone(falls)
	var last time.Duration
	for _, frame := range f.log {
		if frame.captured < emulatedSettle || frame.captured >= until-time.Second {
			continue
		}
		e.frames++
		if frame.decodable == 0 {
			e.lost++
			continue
		}
		if gap := frame.decodable - last; last > 0 && gap > stallGap {
			e.stalls++
			e.stalled += gap
		}
		last = frame.decodable
		over := frame.decodable - frame.encoded - f.trip/2
		excess = append(excess, over)
		e.latest = max(e.latest, frame.decodable-frame.captured)
		for i, fall := range falls {
			if over > recovered && frame.decodable > fall && frame.decodable-late[i] < recoveredFor {
				late[i] = frame.decodable
			}
		}
	}
	for i, fall := range falls {
		e.recovery = append(e.recovery, late[i]-fall)
	}
	slices.Sort(excess)
	at := func(share float64) time.Duration { return excess[min(int(share*float64(len(excess))), len(excess)-1)] }
	e.p50, e.p95, e.p99 = at(0.5), at(0.95), at(0.99)
	figures := f.c.Figures(Instant(f.now))
	e.skips, e.cuts, e.undone = figures.Skips, figures.Cuts, figures.Undone
	return e
}

// fallsOf are the instants at which a link's rate falls.
func fallsOf(config netsim.Config) (falls []time.Duration) {
	steps, is := config.Rate.(netsim.Steps)
	if !is {
		return nil
	}
	for i, step := range steps.Steps[1:] {
		if step.Rate < steps.Steps[i].Rate {
			falls = append(falls, step.At)
		}
	}
	return falls
}

func TestEmulatedScenarios(t *testing.T) {
	const seeds, length = 6, 15 * time.Second
	for _, s := range scenario.All() {
		toPlayer, _ := s.Links(1)
		var all []emulated
		for seed := range uint64(seeds) {
			flows, _, before, after := emulate(t, s, seed+1, length)
			for _, f := range flows {
				all = append(all, figuresOf(f, before, after, fallsOf(toPlayer), length))
			}
		}
		t.Logf("%-12s %3.0f ms: %v", s.Name, ms(s.RTT), middle(all))
		t.Logf("%-12s         %v", "  worst", worst(all))
	}
}

// middle takes the median of each figure, worst the worst.
func middle(all []emulated) emulated { return quantileOf(all, 0.5) }
func worst(all []emulated) emulated  { return quantileOf(all, 1) }

func quantileOf(all []emulated, share float64) (e emulated) {
	pick := func(figure func(emulated) float64) float64 {
		var of []float64
		for _, one := range all {
			of = append(of, figure(one))
		}
		slices.Sort(of)
		return of[min(int(math.Ceil(share*float64(len(of)))), len(of)-1)]
	}
	duration := func(figure func(emulated) time.Duration) time.Duration {
		return time.Duration(pick(func(e emulated) float64 { return float64(figure(e)) }))
	}
	count := func(figure func(emulated) int) int {
		return int(pick(func(e emulated) float64 { return float64(figure(e)) }))
	}
	e.use = -pick(func(e emulated) float64 { return -e.use })
	e.p50 = duration(func(e emulated) time.Duration { return e.p50 })
	e.p95 = duration(func(e emulated) time.Duration { return e.p95 })
	e.p99 = duration(func(e emulated) time.Duration { return e.p99 })
	e.latest = duration(func(e emulated) time.Duration { return e.latest })
	e.stalled = duration(func(e emulated) time.Duration { return e.stalled })
	e.stalls = count(func(e emulated) int { return e.stalls })
	e.recovery = []time.Duration{duration(emulated.slowest)}
	e.frames, e.lost = count(func(e emulated) int { return e.frames }), count(func(e emulated) int { return e.lost })
	e.skips, e.undone = count(func(e emulated) int { return e.skips }), count(func(e emulated) int { return e.undone })
	for i := range e.cuts {
		e.cuts[i] = count(func(e emulated) int { return e.cuts[i] })
	}
	return e
}
