package server

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/signaling"
)

// metrics counts what happens. The counters work whether or not anything collects them.
type metrics struct {
	received *prometheus.CounterVec // by direction and type
	refused  *prometheus.CounterVec // by code
	matches  *prometheus.CounterVec // by result
	ended    *prometheus.CounterVec // by code
	dropped  *prometheus.CounterVec // by why
	sockets  *prometheus.GaugeVec   // by role
	settled  prometheus.Histogram
	leases   prometheus.Histogram

	measurements *prometheus.CounterVec // by result
	measured     prometheus.Histogram
	queued       prometheus.Histogram
	claims       prometheus.Histogram

	studioRequests, studioRefusals *prometheus.CounterVec // by studio, and code
	studioSessions                 *prometheus.GaugeVec   // by studio

	overtaken, adopted, guests, handovers, relieved, unrecorded, doubled, cutSeconds, swept prometheus.Counter
}

func newMetrics() *metrics {
	const namespace, subsystem = "nearlight", "signaling"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	single := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	m := &metrics{
		received:     counter("messages_received_total", "Messages read, by direction and type.", "direction", "type"),
		refused:      counter("refusals_total", "Requests and connections that were refused or closed for a reason, by code.", "code"),
		matches:      counter("matches_total", "Requests to play, by result: matched, resumed, or why not.", "result"),
		ended:        counter("sessions_ended_total", "Sessions that have ended, by code.", "code"),
		dropped:      counter("messages_dropped_total", "Messages that were read but not relayed, by reason.", "reason"),
		measurements: counter("measurements_total", "Questions to players how far edges are, by whether they were answered in time.", "result"),
		measured: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "measurement_seconds",
			Help:    "Time that players took to say how far some edges are, with the way to them.",
			Buckets: []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1},
		}),
		sockets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "connections", Help: "Open sockets, by role.",
		}, []string{"role"}),
		settled: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "time_to_answer_seconds",
			Help:    "Time from a session's match to the player's answer.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12), // 10 ms to 20 s
		}),
		leases: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "lease_seconds",
			Help:    "Time from a session's match to the lease that its edge has signed.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14), // 0.5 ms to 4 s
		}),
		overtaken: single("leases_overtaken_total", "Proposals of leases that edges refused because others came first."),
		queued: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "queue_seconds",
			Help:    "Time that players have waited in line until they were given an edge.",
			Buckets: prometheus.ExponentialBuckets(0.25, 2, 14), // to an hour
		}),
		claims: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "claim_seconds",
			Help:    "Time until the other nodes have said that a player's token is free.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10), // to 26 s
		}),
		doubled:    single("sessions_doubled_total", "Sessions that were ended because another one ran by the same token: begun while nodes did not hear each other."),
		guests:     single("guests_total", "Requests of other nodes' players that were served at this one."),
		handovers:  single("handovers_total", "Players who were handed to another edge because theirs could not go on."),
		relieved:   single("relieved_total", "Players who were handed to another edge because theirs did not keep up."),
		unrecorded: single("records_lost_total", "Entries about sessions that the store has refused, or could not take for too long."),
		cutSeconds: single("use_cut_seconds_total", "Seconds of use that edges told of and that cannot be: before a session began, or yet to come."),
		swept:      single("sessions_swept_total", "Sessions that were ended in the store since nobody else would have."),
		adopted:    single("sessions_adopted_total", "Sessions that an edge told of and this node did not know."),
	}
	studioMetrics(m)
	return m
}

// collectors are the metrics together with what the registry knows itself.
func (m *metrics) collectors(r *registry) []prometheus.Collector {
	gauge := func(name, help string, labels prometheus.Labels, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "nearlight", Subsystem: "signaling", Name: name, Help: help, ConstLabels: labels,
		}, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		m.received, m.refused, m.matches, m.ended, m.dropped, m.sockets, m.settled, m.leases, m.queued, m.measurements, m.measured, m.overtaken, m.adopted, m.guests, m.handovers, m.relieved, m.unrecorded, m.cutSeconds, m.swept, m.claims, m.doubled, m.studioRequests, m.studioRefusals, m.studioSessions,
		gauge("edges", "Edges that are connected.", nil, func() int { edges, _, _ := r.counts(); return edges }),
		gauge("waiting_players", "Players who wait in line for an edge.", nil, func() int { return r.figure(func() int { return len(r.line) }) }),
		gauge("far_edges", "Edges of other nodes that are known here.", nil, func() int { return r.figure(func() int { return len(r.far) }) }),
		gauge("nodes", "Nodes of the cluster that are heard, this one too.", nil, func() int {
			return r.figure(func() int {
				if r.cluster == nil {
					return 1
				}
				return 1 + len(r.cluster.nodes)
			})
		}),
		gauge("sessions", "Sessions, by whether their player is connected or waited for.", prometheus.Labels{"player": "connected"},
			func() int { _, running, _ := r.counts(); return running }),
		gauge("sessions", "Sessions, by whether their player is connected or waited for.", prometheus.Labels{"player": "waited-for"},
			func() int { _, _, waiting := r.counts(); return waiting }),
	}
}

// figure reads something of the registry's.
func (r *registry) figure(read func() int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return read()
}

// known keeps codes that edges invent out of the labels.
func known(code signaling.Code) string {
	if slices.Contains(signaling.Codes(), code) {
		return string(code)
	}
	return "other"
}
