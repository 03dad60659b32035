package netsim

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Jitter is what the delay has on top of Config.Delay: a value that wanders between 0 and Peak over time. Every Period a
// new one is drawn, and between two of them it moves in a straight line. It is a function of time, not of the packet:
// packets of one burst meet the same delay, as on real paths, and order is kept however dense they are.
type Jitter struct {
	Peak   time.Duration
	Period time.Duration // 0 means DefaultJitterPeriod
}

// DefaultJitterPeriod is about a video frame's time: the delay that a frame meets tells little of the next one's.
const DefaultJitterPeriod = 20 * time.Millisecond

func (j Jitter) check() error {
	if j.Peak < 0 || j.Period < 0 {
		return fmt.Errorf("jitter of %v, drawn every %v: neither may be negative", j.Peak, j.Period)
	}
	return nil
}

// jitter draws the values of a Jitter. Any instant can be asked for, in any order.
type jitter struct {
	Jitter
	seed   uint64
	source rand.PCG
	random *rand.Rand
}

func newJitter(config Jitter, seed uint64) *jitter {
	if config.Period == 0 {
		config.Period = DefaultJitterPeriod
	}
	j := &jitter{Jitter: config, seed: seed}
	j.random = rand.New(&j.source)
	return j
}

func (j *jitter) at(t time.Duration) time.Duration {
	if j.Peak == 0 {
		return 0
	}
	step := t / j.Period
	from, to := j.drawn(step), j.drawn(step+1)
	return from + time.Duration(float64(to-from)*float64(t%j.Period)/float64(j.Period))
}

func (j *jitter) drawn(step time.Duration) time.Duration {
	j.source.Seed(j.seed, uint64(step))
	return time.Duration(j.random.Float64() * float64(j.Peak))
}

// Reorder holds back a share of the packets at the bottleneck's exit, until Distance later ones have overtaken them.
type Reorder struct {
	Share    float64 // of all packets, 0 to 1
	Distance int     // later packets that overtake (the reordering extent of RFC 4737 section 4.2.1); 0 means 1
}

// reorderPatience is how long a packet is held back when too few others come: a little longer than a video frame lasts, so
// that the last packet of a frame can be overtaken by the next one's, and the last of a stream is not held for ever.
const reorderPatience = 50 * time.Millisecond

// maxReorderDistance bounds what is held back.
const maxReorderDistance = 1000

func (r Reorder) check() error {
	if r.Distance < 0 || r.Distance > maxReorderDistance {
		return fmt.Errorf("reordering by %d packets: give 0 to %d", r.Distance, maxReorderDistance)
	}
	return checkShare("reordering", r.Share)
}

// held is a packet that waits for others to overtake it.
type held struct {
	packet  Packet
	missing int           // that have yet to overtake it
	until   time.Duration // when it goes on anyway
}
