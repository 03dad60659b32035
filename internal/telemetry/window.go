// Package telemetry keeps the figures of the last few seconds: what was the median, what the tail?
package telemetry

import (
	"slices"
	"sync"
	"time"
)

// Window holds the newest durations of one kind. Adding does not allocate. It is safe for concurrent use.
type Window struct {
	mu      sync.Mutex
	samples []time.Duration
	next    int
	full    bool
}

// NewWindow makes a window of the newest size samples.
func NewWindow(size int) *Window { return &Window{samples: make([]time.Duration, size)} }

// Add puts one sample in, over the oldest when the window is full.
func (w *Window) Add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.samples[w.next] = d
	w.next++
	if w.next == len(w.samples) {
		w.next, w.full = 0, true
	}
}

// Summary is a window's distribution. All fields are zero when N is.
type Summary struct {
	N                       int
	P50, P90, P95, P99, Max time.Duration
}

// Summary sorts a copy of the window and reads its percentiles.
func (w *Window) Summary() Summary {
	w.mu.Lock()
	n := w.next
	if w.full {
		n = len(w.samples)
	}
	sorted := slices.Clone(w.samples[:n])
	w.mu.Unlock()
	return Summarize(sorted)
}

// Summarize sorts samples in place and reads their percentiles by the nearest rank.
func Summarize(samples []time.Duration) Summary {
	n := len(samples)
	if n == 0 {
		return Summary{}
	}
	slices.Sort(samples)
	rank := func(percent int) time.Duration { return samples[max((n*percent+99)/100-1, 0)] }
	return Summary{N: n, P50: rank(50), P90: rank(90), P95: rank(95), P99: rank(99), Max: samples[n-1]}
}
