package latency

import (
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
)

// clockDrift is by how much two clocks part in a second: 100 parts in a million, twice what quartz is sold for.
const clockDrift = 100 * time.Microsecond

// edgeClock is what is known of the edge's clock. The edge has read it between question and answer, nobody knows when: the error is half of the round trip, and
// grows from then on. (F. Cristian: Probabilistic clock synchronization, 1989.)
type edgeClock struct {
	known bool
	ahead time.Duration // of ours
	offBy time.Duration // at the most, when it was asked
	asked media.Instant
	worst time.Duration // what any frame's instant may have been off by
}

// errorAt is by how much the offset may be off.
func (c *edgeClock) errorAt(now media.Instant) time.Duration {
	return c.offBy + max(now.Sub(c.asked), 0)/(time.Second/clockDrift)
}

func (c *edgeClock) exchange(asked, edge, answered media.Instant) {
	half := answered.Sub(asked) / 2
	if half < 0 || c.known && half > c.errorAt(answered) {
		return
	}
	c.known, c.asked, c.offBy = true, asked.Add(half), half
	c.ahead = edge.Sub(c.asked)
}

// age is how long before now a marker's instant was, by our clock, and by how much that may be off.
func (c *edgeClock) age(s marker.Stamp, now media.Instant) (age, offBy time.Duration) {
	offBy = c.errorAt(now)
	c.worst = max(c.worst, offBy)
	there := now.Add(c.ahead)
	return there.Sub(s.Instant(there)), offBy
}
