package telemetry

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestADistributionTellsQuantilesWithinSixPercent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		added := rapid.SliceOfN(rapid.Int64Range(0, 1<<31), 1, 200).Draw(t, "added")
		var d Distribution
		samples := make([]time.Duration, len(added))
		for i, us := range added {
			samples[i] = time.Duration(us) * time.Microsecond
			d.Add(samples[i])
		}
		exact := Summarize(samples)
		for _, q := range []struct {
			share float64
			want  time.Duration
		}{{0.5, exact.P50}, {0.95, exact.P95}, {1, exact.Max}} {
			if got := d.Quantile(q.share); math.Abs(float64(got-q.want)) > 0.0626*float64(q.want)+float64(time.Microsecond) {
				t.Fatalf("%v is told as %v, exactly it is %v", q.share, got, q.want)
			}
		}
	})
}

func TestADistributionOfWhatIsOutOfItsBoundsStaysWithinThem(t *testing.T) {
	var d Distribution
	if d.Quantile(0.5) != 0 {
		t.Error("an empty one has a median")
	}
	d.Add(-time.Second)
	if got := d.Quantile(0.5); got != 0 {
		t.Errorf("less than nothing is told as %v", got)
	}
	d.Add(1000 * time.Hour)
	if got := d.Quantile(1); got < time.Hour || got > 2*time.Hour {
		t.Errorf("more than there is room for is told as %v", got)
	}
}

func TestAddingToADistributionDoesNotAllocate(t *testing.T) {
	var d Distribution
	if n := testing.AllocsPerRun(100, func() { d.Add(17 * time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
