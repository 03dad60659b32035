package congestion

import (
	"fmt"
	"math"
	"os"
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
func figuresOf(f *flow, before, after netsim.Counters, falls []time.Duration, settle, until time.Duration) (e emulated) {
	e.use = float64(after.Carried-before.Carried) / float64(after.Capacity-before.Capacity)
	var excess []time.Duration
	late := slices.Clone(falls)
	var last time.Duration
	for _, frame := range f.log {
		if frame.captured < settle || frame.captured >= until-time.Second {
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

// fallsOf are the instants at which a link's rate falls, from one to another.
func fallsOf(config netsim.Config, from, to time.Duration) (falls []time.Duration) {
	steps, is := config.Rate.(netsim.Steps)
	if !is {
		return nil
	}
	for begin := time.Duration(0); begin < to; begin += steps.Period {
		for i, step := range steps.Steps[1:] {
			if at := begin + step.At; step.Rate < steps.Steps[i].Rate && at >= from && at < to {
				falls = append(falls, at)
			}
		}
		if steps.Period == 0 {
			break
		}
	}
	return falls
}

// emulatedBounds are what the scenarios must not get worse than: the use, p95 and stalls of the median of the seeds, the rest of the
// worst. They are a little wider than what was measured.
var emulatedBounds = []struct {
	name     string
	trip     time.Duration
	use      float64
	p95      time.Duration
	stalled  time.Duration
	latest   time.Duration
	recovery time.Duration
	reason   string
}{
	{name: "constant", use: 0.86, p95: 16 * milli, latest: 50 * milli, reason: "a frame of 88 % of its interval takes 14.7 ms, and sizes scatter"},
	{name: "steps", use: 0.85, p95: 17 * milli, latest: 250 * milli, recovery: 400 * milli, reason: "three to four frames of 36 kB leave before the first can be missed"},
	{name: "cliff", use: 0.85, p95: 17 * milli, stalled: 800 * milli, latest: 800 * milli, recovery: 900 * milli, reason: "the same frames take 500 ms and more"},
	{name: "loss-1", trip: 20 * milli, use: 0.83, p95: 50 * milli, latest: 150 * milli, reason: "one round trip for what is sent again"},
	{name: "loss-1", trip: 80 * milli, use: 0.83, p95: 120 * milli, stalled: 4 * second, latest: 400 * milli, reason: "one round trip for what is sent again"},
	{name: "loss-2", trip: 20 * milli, use: 0.83, p95: 55 * milli, stalled: 200 * milli, latest: 200 * milli, reason: "one round trip for what is sent again"},
	{name: "loss-2", trip: 80 * milli, use: 0.8, p95: 170 * milli, stalled: 4 * second, latest: 400 * milli, reason: "at times two"},
	{name: "loss-5", trip: 20 * milli, use: 0.8, p95: 75 * milli, stalled: 400 * milli, latest: 250 * milli, reason: "at times two"},
	{name: "loss-5", trip: 80 * milli, use: 0.75, p95: 230 * milli, stalled: 6 * second, latest: 500 * milli, reason: "here nothing protects a frame but repeats"},
	{name: "burst", use: 0.72, p95: 75 * milli, stalled: second, latest: 400 * milli, reason: "what the player says is lost in bursts too"},
	{name: "wifi-stall", use: 0.42, p95: 60 * milli, stalled: 900 * milli, latest: 600 * milli, reason: "20 Mbit/s of 35, and the link's own stops"},
	{name: "lte", use: 0.42, p95: 70 * milli, stalled: 500 * milli, latest: 700 * milli, reason: "the rate changes tenfold within seconds"},
	{name: "cable", use: 0.74, p95: 25 * milli, latest: 100 * milli, reason: "the rate falls to a third within a second"},
	{name: "bufferbloat", use: 0.86, p95: 16 * milli, latest: 50 * milli, reason: "a deep queue stays empty"},
	{name: "two-flows", use: 0.95, p95: 40 * milli, latest: 100 * milli, reason: "two frames of 8 ms in each other's way, and a queue at times"},
	{name: "bulk", use: 0.93, p95: 260 * milli, stalled: 1200 * milli, latest: 550 * milli, reason: "the queue is the download's"},
	{name: "l4s", use: 0.9, p95: 40 * milli, stalled: 500 * milli, latest: 350 * milli, reason: "without marks, in the queue that the download fills to 15 ms"},
}

// seedsOr is how many runs the environment variable SEEDS wants.
func seedsOr(t *testing.T, usual uint64) uint64 {
	t.Helper()
	if wanted := os.Getenv("SEEDS"); wanted != "" {
		if _, err := fmt.Sscan(wanted, &usual); err != nil {
			t.Fatalf("SEEDS=%s: %v", wanted, err)
		}
	}
	return usual
}

func TestScenarioEmulatedNetworks(t *testing.T) {
	const length = 15 * time.Second
	seeds := seedsOr(t, 3)
	all := scenario.All()
	if len(all) != len(emulatedBounds) {
		t.Fatalf("there are %d scenarios, and bounds for %d", len(all), len(emulatedBounds))
	}
	for i, s := range all {
		bounds := emulatedBounds[i]
		if s.Name != bounds.name || bounds.trip != 0 && bounds.trip != s.RTT {
			t.Fatalf("there are no bounds for %s with %v", s.Name, s.RTT)
		}
		toPlayer, _ := s.Links(1)
		var runs []emulated
		for seed := range seeds {
			flows, before, after := emulateOurs(t, s, seed+1, length)
			for _, f := range flows {
				runs = append(runs, figuresOf(f, before, after, fallsOf(toPlayer, emulatedSettle, length), emulatedSettle, length))
			}
		}
		middle, worst := quantileOf(runs, 0.5), quantileOf(runs, 1)
		t.Logf("%-12s %3.0f ms: %v", s.Name, ms(s.RTT), middle)
		t.Logf("%12s the worst: %v", "", worst)
		switch {
		case middle.use < bounds.use, middle.p95 > bounds.p95, middle.stalled > bounds.stalled:
			t.Errorf("%s with %v: in the middle %v; want %+v", s.Name, s.RTT, middle, bounds)
		case worst.latest > bounds.latest, worst.slowest() > bounds.recovery:
			t.Errorf("%s with %v: at the worst %v; want %+v", s.Name, s.RTT, worst, bounds)
		}
	}
}

// quantileOf takes a quantile of each figure, from the best to the worst.
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
