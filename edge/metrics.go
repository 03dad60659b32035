package edge

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/edge/input"
	"nearlight/streamer"
)

// metrics are the node's figures at /metrics.
type metrics struct {
	stages           *prometheus.HistogramVec
	sessions         prometheus.Gauge
	malformed        *prometheus.CounterVec
	injected         prometheus.Counter
	dropped          *prometheus.CounterVec
	keyframeRequests prometheus.Counter
	missed           prometheus.Counter
	unheard          prometheus.Counter

	leases, leasesStale, leasesExpired prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		stages:   streamer.NewStageHistogram(),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{Name: "nearlight_edge_sessions", Help: "Sessions that run now."}),
		malformed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_malformed_messages_total", Help: "Data-channel messages that were dropped because they do not parse.",
		}, []string{"channel"}),
		injected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_inputs_total", Help: "Inputs of players that reached their display.",
		}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_inputs_dropped_total", Help: "Inputs of players that did not reach their display, by reason.",
		}, []string{"reason"}),
		keyframeRequests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_keyframe_requests_total", Help: "Requests for a keyframe that were answered.",
		}),
		missed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_spectator_frames_missed_total", Help: "Frames that spectators were not sent because their way did not keep up.",
		}),
		unheard: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_sound_frames_missed_total", Help: "Frames of sound that were not sent to somebody whose way did not keep up.",
		}),
		leases: prometheus.NewCounter(prometheus.CounterOpts{Name: "nearlight_edge_leases_total", Help: "Leases of slots that were given."}),
		leasesStale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_leases_stale_total", Help: "Proposals of leases that were refused because others came first.",
		}),
		leasesExpired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_leases_expired_total", Help: "Leases that ended because nobody renewed them.",
		}),
	}
	for _, collector := range []prometheus.Collector{
		m.stages, m.sessions, m.malformed, m.injected, m.dropped, m.keyframeRequests, m.missed, m.unheard, m.leases, m.leasesStale, m.leasesExpired,
	} {
		if err := registerer.Register(collector); err != nil {
			return nil, fmt.Errorf("register the edge's metrics: %w", err)
		}
	}
	return m, nil
}

// input adds what has happened to a display's inputs between two readings.
func (m *metrics) input(before, now input.Stats) {
	m.injected.Add(float64(now.Injected - before.Injected))
	for reason, n := range now.Dropped {
		m.dropped.WithLabelValues(string(reason)).Add(float64(n - before.Dropped[reason]))
	}
}
