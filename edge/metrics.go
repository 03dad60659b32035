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
	mending          *prometheus.CounterVec
	tooLate          *prometheus.CounterVec
	voice            *prometheus.CounterVec
	unspoken         prometheus.Counter
	uninvited        prometheus.Counter

	degraded prometheus.Gauge

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
		mending: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_mending_packets_total", Help: "Packets of the picture that were sent to make up for lost ones, by kind.",
		}, []string{"kind"}),
		tooLate: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_mending_too_late_total", Help: "Packets that were not sent to make up for lost ones, since their frame could not be shown in time any more or was not needed, by kind.",
		}, []string{"kind"}),
		voice: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "nearlight_edge_microphone_events_total", Help: "What became of packets from players' microphones, and what was done for want of them or for too many.",
		}, []string{"event"}),
		unspoken: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_microphone_pieces_lost_total", Help: "Pieces of 10 ms of players' microphones that a session's sound server did not take.",
		}),
		uninvited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "nearlight_edge_media_packets_refused_total", Help: "Media packets from players that were none of what was offered to them.",
		}),
		degraded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "nearlight_edge_degraded_sessions", Help: "Sessions that this machine does not keep up with; while there are any, it takes no others.",
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
		m.stages, m.sessions, m.malformed, m.injected, m.dropped, m.keyframeRequests, m.missed, m.unheard, m.mending, m.tooLate, m.voice, m.unspoken, m.uninvited, m.degraded,
		m.leases, m.leasesStale, m.leasesExpired,
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

// The kinds of packets that make up for lost ones.
const (
	kindRepeat = "repeat"
	kindRepair = "repair"
)

// mended adds what has been done about losses.
func (m *metrics) mended(done streamer.Mended) {
	m.mending.WithLabelValues(kindRepeat).Add(float64(done.Repeats))
	m.mending.WithLabelValues(kindRepair).Add(float64(done.Repairs))
	m.tooLate.WithLabelValues(kindRepeat).Add(float64(done.RepeatsTooLate))
	m.tooLate.WithLabelValues(kindRepair).Add(float64(done.RepairsTooLate))
}

// mendedCount is what was counted of a session's connection so far. A player who comes back may have another.
type mendedCount struct {
	peer *streamer.Peer
	done streamer.Mended
}

// since returns what has been done since the last call.
func (c *mendedCount) since(peer *streamer.Peer) streamer.Mended {
	if peer == nil {
		return streamer.Mended{}
	}
	if peer != c.peer {
		*c = mendedCount{peer: peer}
	}
	before := c.done
	c.done = peer.Mended()
	return streamer.Mended{
		Repeats: c.done.Repeats - before.Repeats, Repairs: c.done.Repairs - before.Repairs,
		RepeatsTooLate: c.done.RepeatsTooLate - before.RepeatsTooLate, RepairsTooLate: c.done.RepairsTooLate - before.RepairsTooLate,
	}
}
