package store

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// observations is how often a histogram was told something.
func observations(t testing.TB, h prometheus.Histogram) int {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(h); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return int(families[0].GetMetric()[0].GetHistogram().GetSampleCount())
}
