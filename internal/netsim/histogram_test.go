package netsim_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nearlight/internal/netsim"
)

func TestAHistogramIsRightToAnEighth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var h netsim.Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 {
		t.Error("an empty one is not 0")
	}
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.Observe(d)
	}
	slices.Sort(all)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		exact := all[min(int(q*float64(len(all))), len(all)-1)]
		if got := h.Quantile(q); got < exact || got > exact+exact/8+1 {
			t.Errorf("quantile %v: got %v, want %v or up to an eighth more", q, got, exact)
		}
	}
	if h.Max != all[len(all)-1] || h.Count != 10_000 {
		t.Errorf("max %v, count %d", h.Max, h.Count)
	}
	h.Observe(-time.Second)
	h.Observe(1<<63 - 1) // the longest that there is
	if h.Quantile(0) != 0 || h.Quantile(1) != 1<<63-1 {
		t.Errorf("from %v to %v", h.Quantile(0), h.Quantile(1))
	}
}
