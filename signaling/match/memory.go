package match

import (
	"cmp"
	"math"
	"slices"
	"time"

	"nearlight/signaling"
)

// NetworkKey names a player's network, so that nobody can tell which it is: a keyed hash, for example, of the address's first 24 or 48 bits and
// the number of the autonomous system. Its maker keeps the key.
type NetworkKey [16]byte

// The defaults of MemoryConfig.
const (
	// DefaultNetworks is some 100 MB.
	DefaultNetworks = 100_000
	// DefaultEdgesPerNetwork is twice what a shortlist takes from memory.
	DefaultEdgesPerNetwork = 2 * maxRecalled
	// DefaultHalfLife: routes change within weeks rather than days.
	DefaultHalfLife = 7 * 24 * time.Hour
	// DefaultExpiry is four half-lives: what counts a sixteenth is noise.
	DefaultExpiry = 4 * DefaultHalfLife
)

// MemoryConfig bounds a Memory. Zero values are the defaults above.
type MemoryConfig struct {
	Networks int           // at most; the one that was not asked for or added to for the longest time makes room
	Edges    int           // of one network, at most; the worst makes room
	HalfLife time.Duration // after which what was measured counts half
	Expiry   time.Duration // after which it is forgotten
}

// Memory remembers which edges were good from which network. It knows no players, and networks by keys alone. Since players
// report what they like, it says whom to measure again, never more. One owner calls one method at a time.
type Memory struct {
	config MemoryConfig
	byKey  map[NetworkKey]*network
	// A ring of networks, the one used last first.
	ring network
}

type network struct {
	key            NetworkKey
	edges          []remembered
	newer, earlier *network
}

// remembered is one edge from one network. What was measured is summed up with weights that halve with each half-life, as of the time at.
type remembered struct {
	id     signaling.EdgeID
	at     time.Time
	weight float64 // of all measurements
	worse  float64 // than the best one measured along with it, in milliseconds times weight
}

// NewMemory returns an empty memory.
func NewMemory(config MemoryConfig) *Memory {
	config.Networks = cmp.Or(max(config.Networks, 0), DefaultNetworks)
	config.Edges = cmp.Or(max(config.Edges, 0), DefaultEdgesPerNetwork)
	config.HalfLife = cmp.Or(max(config.HalfLife, 0), DefaultHalfLife)
	config.Expiry = cmp.Or(max(config.Expiry, 0), DefaultExpiry)
	m := &Memory{config: config, byKey: make(map[NetworkKey]*network)}
	m.ring.newer, m.ring.earlier = &m.ring, &m.ring
	return m
}

// Len is the number of networks that are remembered.
func (m *Memory) Len() int { return len(m.byKey) }

// Note remembers what one player measured from a network. Each edge is compared with the best one of the list, so that it does not matter by
// what kind of wireless link the player was there. One that did not answer is forgotten.
func (m *Memory) Note(now time.Time, key NetworkKey, list []Measured) {
	best := math.Inf(1)
	for i := range list {
		if list[i].Link.Measured() {
			best = min(best, list[i].Link.cost())
		}
	}
	n := m.byKey[key]
	if n == nil {
		if math.IsInf(best, 1) {
			return
		}
		if len(m.byKey) == m.config.Networks {
			m.drop(m.ring.newer)
		}
		n = &network{key: key}
		m.byKey[key] = n
		m.link(n)
	}
	m.touch(n)
	m.expire(now, n)
	for i := range list {
		switch link := list[i].Link; {
		case link.Measured():
			m.note(now, n, list[i].Edge, link.cost()-best)
		case link.Failed > 0:
			n.edges = slices.DeleteFunc(n.edges, func(r remembered) bool { return r.id == list[i].Edge })
		}
	}
	if len(n.edges) == 0 {
		m.drop(n)
	}
}

// note adds one measurement of an edge.
func (m *Memory) note(now time.Time, n *network, id signaling.EdgeID, worse float64) {
	at := slices.IndexFunc(n.edges, func(r remembered) bool { return r.id == id })
	fresh := remembered{id, now, 1, worse}
	switch {
	case at >= 0:
		r := &n.edges[at]
		fade := m.fade(now, r.at)
		*r = remembered{id, later(now, r.at), r.weight*fade + 1, r.worse*fade + worse}
	case len(n.edges) < m.config.Edges:
		n.edges = append(n.edges, fresh)
	default:
		worst := &n.edges[0]
		for i := range n.edges {
			if n.edges[i].order(worst) > 0 {
				worst = &n.edges[i]
			}
		}
		if fresh.order(worst) < 0 {
			*worst = fresh
		}
	}
}

// cost is what Memory compares of links, in milliseconds.
func (l Link) cost() float64 { return float64(milliseconds(l.RoundTrip + jitterWeight*l.Jitter)) }

// Good appends the edges that were good from a network to the list, the best first: Request.Remembered takes them.
func (m *Memory) Good(now time.Time, key NetworkKey, list []signaling.EdgeID) []signaling.EdgeID {
	n := m.byKey[key]
	if n == nil {
		return list
	}
	m.touch(n)
	if m.expire(now, n); len(n.edges) == 0 {
		m.drop(n)
		return list
	}
	slices.SortFunc(n.edges, func(a, b remembered) int { return a.order(&b) })
	for i := range n.edges {
		list = append(list, n.edges[i].id)
	}
	return list
}

// order puts the better one first.
func (r *remembered) order(other *remembered) int {
	return cmp.Or(cmp.Compare(r.worse/r.weight, other.worse/other.weight), cmp.Compare(other.weight, r.weight), cmp.Compare(r.id, other.id))
}

// fade is what is left of a weight after the time between the two; a clock that goes back leaves it.
func (m *Memory) fade(now, then time.Time) float64 {
	return math.Exp2(-float64(max(now.Sub(then), 0)) / float64(m.config.HalfLife))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (m *Memory) expire(now time.Time, n *network) {
	n.edges = slices.DeleteFunc(n.edges, func(r remembered) bool { return now.Sub(r.at) >= m.config.Expiry })
}

func (m *Memory) touch(n *network) {
	m.unlink(n)
	m.link(n)
}

// link makes n the one used last. The ring's anchor has the last one as its earlier one.
func (m *Memory) link(n *network) {
	n.newer, n.earlier = &m.ring, m.ring.earlier
	n.newer.earlier, n.earlier.newer = n, n
}

func (m *Memory) unlink(n *network) { n.newer.earlier, n.earlier.newer = n.earlier, n.newer }

func (m *Memory) drop(n *network) {
	m.unlink(n)
	delete(m.byKey, n.key)
}
