package main

import (
	"testing"
	"time"
)

func TestAFrameIsSkippedWhereTwoCameMeanwhile(t *testing.T) {
	const interval = 16 * time.Millisecond
	repeated := func(n int, ms ...time.Duration) (times []time.Duration) {
		for range n {
			times = append(times, ms...)
		}
		return times
	}
	for _, c := range []struct {
		reason string
		totals []time.Duration // ms
		want   int
	}{
		{"half of the time", repeated(60, 8), 0},
		{"all of the time, to the last moment", repeated(60, 16), 0},
		{"one frame takes almost two intervals, and the next ones catch up", []time.Duration{31, 8, 8, 8}, 0},
		{"one frame takes over two intervals: of the two that came meanwhile the older one is skipped", []time.Duration{33, 8, 8, 8}, 1},
		{"one frame takes five intervals: four came meanwhile, and one could wait", []time.Duration{79, 8, 8, 8, 8, 8}, 3},
		{"slow and quick by turns, together two intervals", repeated(30, 24, 8), 0},
		{"twice as long as there is time: every other frame", repeated(60, 32), 29},
	} {
		q := frameQueue{interval: interval}
		for _, total := range c.totals {
			q.arrive(0, total*time.Millisecond)
		}
		if q.skipped != c.want {
			t.Errorf("%s: %d skipped, want %d", c.reason, q.skipped, c.want)
		}
	}
}

func TestWhatIsSkippedIsDecodedAllTheSame(t *testing.T) {
	const interval, decode, total = 16 * time.Millisecond, 8 * time.Millisecond, 32 * time.Millisecond
	q := frameQueue{interval: interval}
	for range 600 {
		q.arrive(decode, total)
	}
	// Of n frames k are looked at: 32 k + 8 (n - k) = 16 n, a third.
	if q.skipped < 390 || q.skipped > 405 {
		t.Errorf("%d of 600 skipped, want two thirds", q.skipped)
	}
}
