package placement

import (
	"time"

	"nearlight/signaling/match"
)

// Hosts are machines of the simulated world as they are, whatever is known of them: what is found of where they are is compared with it. They are where
// edges are, in data centres and at homes.
type Hosts struct {
	w *world
}

// NewHosts makes n of them.
func NewHosts(n int, seed uint64) *Hosts { return &Hosts{newWorld(Config{Edges: n, Seed: seed})} }

// Place is where a host is.
func (h *Hosts) Place(host int) match.Place { return h.w.edges[host].at }

// RoundTrip is the least of some samples between two hosts, each longer than the way by what is in it just then.
func (h *Hosts) RoundTrip(from, to, samples int) time.Duration {
	a, b := &h.w.edges[from], &h.w.edges[to]
	p := player{city: a.city, network: a.network, lastMile: float64(a.lastMile), away: a.away}
	const jitter = 1 // ms, on average
	least := h.w.random.ExpFloat64()
	for range samples - 1 {
		least = min(least, h.w.random.ExpFloat64())
	}
	return time.Duration((h.w.trip(&p, b) + jitter*least) * float64(time.Millisecond))
}
