package capture

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/media"
)

// offer runs a source of the given rate against the cap and returns the longest and the last delay, and how many
// frames came out.
func offer(l *Limiter, hertz float64, jitter time.Duration, frames int) (longest, last time.Duration, shown int) {
	random := rand.New(rand.NewPCG(1, 1))
	var free media.Instant // when the last grab was made: what came before it is part of it
	for n := range frames {
		came := media.Instant(time.Hour).Add(time.Duration(float64(n)/hertz*1e9) + time.Duration(random.Int64N(int64(jitter)+1)))
		if came <= free {
			continue
		}
		grabbed := max(came, l.Earliest())
		l.Took(grabbed)
		free, last, shown = grabbed, grabbed.Sub(came), shown+1
		longest = max(longest, last)
	}
	return longest, last, shown
}

func TestASourceOfTheCapsRateIsNeverDelayed(t *testing.T) {
	for _, row := range []struct {
		hertz  float64
		jitter time.Duration
		reason string
	}{
		{59.7, 0, "the benchmarks' clock"},
		{60, 0, "exactly the cap"},
		{60.06, 0, "a display's 60 Hz on another crystal"},
		{60, 6 * time.Millisecond, "a game whose frames take 11 to 22 ms"},
		{30, 0, "half the cap"},
	} {
		var l Limiter
		l.SetFrameRate(60)
		const frames = 20 * 60 * 60
		if longest, _, shown := offer(&l, row.hertz, row.jitter, frames); longest > 0 || shown != frames {
			t.Errorf("%v Hz (%s): delayed by up to %v, %d of %d shown", row.hertz, row.reason, longest, shown, frames)
		}
	}
}

func TestAFasterSourceIsCutToTheCap(t *testing.T) {
	for _, hertz := range []float64{75, 90, 144, 1000} {
		var l Limiter
		l.SetFrameRate(60)
		longest, _, shown := offer(&l, hertz, 0, int(10*hertz))
		if rate := float64(shown) / 10; rate > 60*1.025 || rate < 58 {
			t.Errorf("%v Hz in, %.1f Hz out", hertz, rate)
		}
		if longest > time.Second/60 {
			t.Errorf("%v Hz: a frame waited %v, longer than an interval", hertz, longest)
		}
	}
}

func TestTheAverageNeverExceedsTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 240).Draw(t, "rate")
		var l Limiter
		l.SetFrameRate(rate)
		at, start := media.Instant(time.Hour), media.Instant(time.Hour)
		gaps := rapid.SliceOfN(rapid.Int64Range(0, int64(100*time.Millisecond)), 1, 200).Draw(t, "gaps")
		for n, gap := range gaps {
			at = max(at.Add(time.Duration(gap)), l.Earliest())
			l.Took(at)
			// n intervals, each rounded to nanoseconds, lie between n+1 frames; one frame may come half an interval early.
			most := math.Floor(at.Sub(start).Seconds()*float64(rate)*(1+1.0/(limiterSlack-1)) + 0.5 + 1e-6*float64(n+1))
			if float64(n) > most {
				t.Fatalf("frame %d after %v at a cap of %d", n, at.Sub(start), rate)
			}
		}
	})
}
