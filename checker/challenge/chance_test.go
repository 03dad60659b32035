package challenge

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

func TestMoreThanMostIsAsSeldomAsItSays(t *testing.T) {
	for _, c := range []struct {
		n        int
		p, alarm float64
	}{{10, 0.5, 0.01}, {480, 0.02, 1e-4}, {3600, 0.02, 1e-4}, {30, 0.02, 1e-4}, {1000, 0.3, 1e-3}} {
		most := mostOf(c.n, c.p, c.alarm)
		// The tail by a sum from the far end, which loses nothing.
		beyond := func(k int) (sum float64) {
			for i := c.n; i > k; i-- {
				a, _ := math.Lgamma(float64(c.n + 1))
				b, _ := math.Lgamma(float64(i + 1))
				d, _ := math.Lgamma(float64(c.n - i + 1))
				sum += math.Exp(a - b - d + float64(i)*math.Log(c.p) + float64(c.n-i)*math.Log1p(-c.p))
			}
			return sum
		}
		if beyond(most) > c.alarm || most > 0 && beyond(most-1) < c.alarm {
			t.Errorf("%+v: %d, beyond it %g, beyond one less %g", c, most, beyond(most), beyond(most-1))
		}
	}
	if mostOf(100, 0, 1e-4) != 0 || mostOf(0, 0.5, 1e-4) != 0 {
		t.Error("where none may be, or there are none, one may be")
	}
	if d := deviations(1e-4); math.Abs(d-3.719) > 0.001 {
		t.Errorf("%v deviations", d)
	}
}

// TestABarelyHonestEdgeIsSeldomAccused runs challenges without pictures: samples are as they are found of an edge that is as bad as the limits suppose.
func TestABarelyHonestEdgeIsSeldomAccused(t *testing.T) {
	const runs, nonces, frames = 4000, 32, 480
	limits := DefaultLimits
	limits.Alarm = 0.01 // so that there is something to count
	plan := Plan{Size: media.Size{Width: 640, Height: 360}, FrameRate: 30, Length: 16 * time.Second, Every: 500 * time.Millisecond}
	random := rand.New(rand.NewPCG(4, 4))
	alarms := map[string]int{}
	for range runs {
		w, err := NewWatch(plan, random)
		if err != nil {
			t.Fatal(err)
		}
		barely(w, random, limits)
		v, err := w.Judge(nil, limits, media.Instant(plan.Length))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range v.Failed() {
			alarms[name]++
		}
	}
	for _, name := range []string{Unanswered, Delay, Early, Missed, Repeated, Wrong} {
		share := float64(alarms[name]) / runs
		t.Logf("%s: %.4f of the runs, %v is what is asked for", name, share, limits.Alarm)
		if share > limits.Alarm*1.5 { // a normal quantile is a little short for a skewed mean of thirty
			t.Errorf("%s accuses %.4f of honest edges", name, share)
		}
	}
}

// barely notes a run of an edge that is exactly as bad as it may be.
func barely(w *Watch, random *rand.Rand, limits Limits) {
	const trip = 24 * time.Millisecond
	frame := w.plan.frame()
	jitter := func() time.Duration { return time.Duration(random.ExpFloat64() * float64(time.Millisecond)) }
	for range 80 {
		w.RoundTrip(trip + jitter() + jitter())
	}
	phase := time.Duration(random.Float64() * float64(frame))
	begins := random.Float64()
	for i := range int(w.plan.Length / w.plan.Every) {
		at := time.Duration(i)*w.plan.Every + w.plan.Wait(i, begins)
		w.Sent(arena.Nonce(i+1), media.Instant(at))
	}
	taken, coming := -1, 0
	for due := phase; due < w.plan.Length; due += frame {
		for coming < len(w.sent) && time.Duration(w.sent[coming].at)+trip/2 <= due {
			if random.Float64() >= limits.Unanswered { // else the app has missed a key, and goes on with the nonce before
				taken = coming
			}
			coming++
		}
		if taken < 0 || random.Float64() < limits.Missed-limits.Repeated/2 {
			continue
		}
		next := time.Duration(w.sent[taken].at) + trip/2
		s := seen{arrived: media.Instant(due + limits.Overhead + trip/2 + jitter()), nonce: taken, legible: true, ordinal: w.sent[taken].pictures}
		w.sent[taken].pictures++
		s.said.Claim = arena.Claim{Nonce: arena.Nonce(taken + 1), Index: uint16(taken + 1), Since: due - next}
		if random.Float64() < limits.Repeated/2 {
			s.same = perfect
		}
		if s.ordinal < firsts || random.Float64() < 0.15 {
			s.sample = &sample{known: true, like: likeness{psnr: 30, tiles: 25, detail: 0.7}, fresh: 8}
			if random.Float64() < limits.Wrong {
				s.sample.fresh = -1
			}
		}
		w.seen = append(w.seen, s)
	}
}

func TestWaitsAreSpreadOverAFrame(t *testing.T) {
	plan := Plan{FrameRate: 60}
	frame := plan.frame()
	for _, begins := range []float64{0, 0.3, 0.999999} {
		for _, count := range []int{9, 20, 60} {
			sum := time.Duration(0)
			for i := range count {
				wait := plan.Wait(i, begins)
				if wait < 0 || wait >= frame {
					t.Fatalf("wait %d is %v of %v", i, wait, frame)
				}
				sum += wait
			}
			// Of as many by chance the mean would be off by 0.29 frames over the root of their number: 0.1, 0.06 and 0.04.
			if off := (sum/time.Duration(count) - frame/2).Abs(); off > frame/time.Duration(count) {
				t.Errorf("%d from %v on: their mean is off by %v", count, begins, off)
			}
		}
	}
}
