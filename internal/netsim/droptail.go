package netsim

import (
	"fmt"
	"time"
)

// DropTail is a plain queue that refuses what does not fit.
type DropTail struct {
	// Octets bounds what waits, besides the packet that is being carried; 0 means DefaultQueueOctets.
	Octets int
	// Time, where not 0, refuses a packet as well that would leave the bottleneck later than this after it came. The link
	// knows its rate ahead of time, so the bound holds exactly whatever the rate does.
	Time time.Duration
}

func (q DropTail) check() error {
	if q.Time < 0 {
		return fmt.Errorf("a queue of %v: give 0 or more", q.Time)
	}
	return checkOctets(q.Octets)
}

func (q DropTail) queue(rate Rate, _ func(Packet)) queue {
	return &dropTail{fifo: newFIFO(q.Octets), rate: rate, limit: q.Time}
}

type dropTail struct {
	fifo  fifo
	rate  Rate
	limit time.Duration
	// Where the last packet that was taken leaves the bottleneck: nothing is dropped after it was taken, so this is known.
	cursor cursor
	leaves time.Duration
}

func (q *dropTail) push(p Packet) bool {
	if !q.fifo.fits(&p) {
		return false
	}
	if q.limit > 0 {
		cursor, leaves := q.rate.finish(q.cursor, max(p.entered, q.leaves), p.Size)
		if leaves-p.entered > q.limit {
			return false
		}
		q.cursor, q.leaves = cursor, leaves
	}
	q.fifo.push(p)
	return true
}

func (q *dropTail) pop(time.Duration) (Packet, bool) {
	if q.fifo.len() == 0 {
		return Packet{}, false
	}
	return q.fifo.pop(), true
}

func (q *dropTail) len() int { return q.fifo.len() }
