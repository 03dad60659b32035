package placement

import (
	"context"
	"slices"
	"testing"
)

func quantile(samples []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func TestPlayersGetEdgesNearlyAsGoodAsTheBest(t *testing.T) {
	for _, forget := range []bool{false, true} {
		policy := Balanced
		r, err := Run(context.Background(), Config{Edges: 2000, Players: 50_000, Seed: 2, Policy: policy, Forget: forget})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-10s added p50 %.2f p90 %.2f p95 %.2f p99 %.2f max %.1f ms; trips p50 %.1f p95 %.1f; paid %.2f; %d placed, %d refused, %d declined, busiest %.2f", policy,
			quantile(r.Added, 0.5), quantile(r.Added, 0.9), quantile(r.Added, 0.95), quantile(r.Added, 0.99), quantile(r.Added, 1), quantile(r.Trips, 0.5), quantile(r.Trips, 0.95), r.Paid,
			len(r.Added), r.Refused, r.Declined, r.Busiest)
		if r.Overfull > 0 {
			t.Errorf("%s: an edge was over its slots", policy)
		}
	}
}
