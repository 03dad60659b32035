package recovery

import (
	"testing"
	"time"
)

// after is a protection that has seen a loss for long.
func after(loss float64) (p Protection) {
	for range 10 * lossMemory {
		p.Observe(loss)
	}
	return p
}

func TestRepairPacketsAreSentWhereARepeatComesLate(t *testing.T) {
	for _, row := range []struct {
		loss      float64
		packets   int
		roundTrip time.Duration
		repairs   int
		reason    string
	}{
		{0, 15, 200 * ms, 0, "a clean link"},
		{0.003, 15, 200 * ms, 0, "hardly any loss"},
		{0.02, 15, 10 * ms, 0, "a repeat is there at once"},
		{0.02, 15, 0, 0, "the round trip is not known"},
		{0.02, 15, 40 * ms, 1, "some loss"},
		{0.02, 15, 80 * ms, 2, "the same on a long way"},
		{0.05, 20, 40 * ms, 3, "much loss"},
		{0.05, 20, 80 * ms, 4, "the same on a long way"},
		{0.4, 20, 150 * ms, 4, "no more than a fifth"},
		{0.05, 1, 80 * ms, 1, "a small frame gets a copy"},
		{0.05, 0, 80 * ms, 0, "nothing to protect"},
	} {
		p := after(row.loss)
		if got := p.Repairs(row.packets, row.roundTrip); got != row.repairs {
			t.Errorf("%v lost, %d packets, %v (%s): %d, want %d", row.loss, row.packets, row.roundTrip, row.reason, got, row.repairs)
		}
	}
}

func TestProtectionDoesNotFlap(t *testing.T) {
	p := after(0.006)
	for range lossMemory {
		p.Observe(0.003)
	}
	if p.Repairs(10, 80*ms) == 0 {
		t.Error("it ends as soon as loss is a little less")
	}
	for range 10 * lossMemory {
		p.Observe(0)
	}
	if p.Repairs(10, 80*ms) != 0 {
		t.Error("it goes on without loss")
	}
}
