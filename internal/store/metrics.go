package store

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what happens. The counters work whether or not anything collects them.
type metrics struct {
	written *prometheus.CounterVec // by kind
	refused *prometheus.CounterVec // by why
	purged  *prometheus.CounterVec // by what
	commits prometheus.Histogram
	batch   prometheus.Histogram
	waiting prometheus.Collector
}

func newMetrics(waiting func() float64) *metrics {
	const namespace, subsystem = "nearlight", "store"
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, []string{label})
	}
	return &metrics{
		written: counter("entries_total", "Entries that are on disk, by kind.", "kind"),
		refused: counter("refusals_total", "Entries that were not kept, by reason.", "why"),
		purged:  counter("purged_total", "What retention has taken off, by kind of row.", "rows"),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "commit_seconds", Help: "Time to put a batch of entries on disk.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // 0.5 ms to 4 s
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "batch_entries", Help: "Entries that shared a commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "waiting_entries", Help: "Entries that are not on disk yet.",
		}, waiting),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.written, m.refused, m.purged, m.commits, m.batch, m.waiting}
}
