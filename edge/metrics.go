package edge

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/streamer"
)

// metrics are the node's figures at /metrics.
type metrics struct {
	stages           *prometheus.HistogramVec
	sessions         prometheus.Gauge
	malformed        *prometheus.CounterVec
	keyframeRequests prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		stages:   streamer.NewStageHistogram(),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{Name: "nearlight_edge_sessions", Help: "Sessions that run now."}),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_malformed_messages_total", Help: "Data-channel messages that were dropped because they do not parse.",
		}, []string{"channel"}),
		keyframeRequests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_keyframe_requests_total", Help: "Requests for a keyframe that were answered.",
		}),
	}
	for _, collector := range []prometheus.Collector{m.stages, m.sessions, m.malformed, m.keyframeRequests} {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("register the edge's metrics: %w", err)
		}
	}
	return m, nil
}
