package turn

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what happens. The counters work whether or not anything collects them.
type metrics struct {
	allocated          prometheus.Counter
	relayed            *prometheus.CounterVec // by direction
	toPeers, fromPeers prometheus.Counter
	refused            *prometheus.CounterVec // by why
	dropped            *prometheus.CounterVec // by why
}

func newMetrics() *metrics {
	options := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "nearlight", Subsystem: "turn", Name: name, Help: help}
	}
	relayed := prometheus.NewCounterVec(options("relayed_bytes_total", "Octets relayed, by direction."), []string{"direction"})
	return &metrics{
		allocated: prometheus.NewCounter(options("allocations_total", "Allocations that were made.")),
		relayed:   relayed, toPeers: relayed.WithLabelValues("to-edge"), fromPeers: relayed.WithLabelValues("to-player"),
		refused: prometheus.NewCounterVec(options("refusals_total", "Requests and connections that were refused, by reason."), []string{"why"}),
		dropped: prometheus.NewCounterVec(options("dropped_packets_total", "Packets that were not relayed, by reason."), []string{"why"}),
	}
}

func (m *metrics) collectors(l *ledger) []prometheus.Collector {
	return []prometheus.Collector{m.allocated, m.refused, m.dropped, m.relayed, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "nearlight", Subsystem: "turn", Name: "allocations", Help: "Allocations there are.",
	}, l.allocations)}
}
