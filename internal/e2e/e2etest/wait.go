package e2etest

import (
	"testing"
	"time"
)

// Patience bounds every wait of a test for what must happen, on a machine that is busy with other tests.
const Patience = 20 * time.Second

// pollInterval is how often the machine is looked at for what nobody reports.
const pollInterval = 10 * time.Millisecond

// Eventually looks until the condition holds, and fails the test when it does not within the given time. It returns how
// long it took.
func Eventually(t testing.TB, within time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	if !poll(within, holds) {
		t.Fatalf("not within %v: %s", within, what)
	}
	return time.Since(began)
}

func poll(within time.Duration, holds func() bool) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			return holds()
		}
	}
	return true
}
