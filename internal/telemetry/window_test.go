package telemetry

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSummaryReadsPercentilesByNearestRank(t *testing.T) {
	samples := make([]time.Duration, 100)
	for i := range samples {
		samples[i] = time.Duration(100 - i)
	}
	want := Summary{N: 100, P50: 50, P90: 90, P95: 95, P99: 99, Max: 100}
	if got := Summarize(samples); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Summarize([]time.Duration{7}); got.P50 != 7 || got.P99 != 7 || got.Max != 7 {
		t.Errorf("of one sample: %+v", got)
	}
	if got := Summarize(nil); got != (Summary{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestWindowKeepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		added := rapid.SliceOfN(rapid.Int64Range(0, 1000), 0, 60).Draw(t, "added")
		w := NewWindow(size)
		var newest []time.Duration
		for _, d := range added {
			w.Add(time.Duration(d))
			newest = append(newest, time.Duration(d))
		}
		newest = newest[max(0, len(newest)-size):]
		if got, want := w.Summary(), Summarize(newest); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestAddingDoesNotAllocate(t *testing.T) {
	w := NewWindow(10)
	if n := testing.AllocsPerRun(100, func() { w.Add(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
