package netsim

import (
	"fmt"
	"math"
	"time"
)

// CoDel is the queue of RFC 8289: once packets have waited for longer than Target throughout an Interval, it drops, ever
// more often, until they no longer do.
type CoDel struct {
	Target   time.Duration // 0 means DefaultCoDelTarget
	Interval time.Duration // 0 means DefaultCoDelInterval
	Octets   int           // bound of what waits; 0 means DefaultQueueOctets
	ECN      bool          // mark packets that may be marked in place of dropping them
}

// Defaults of CoDel.
const (
	DefaultCoDelTarget   = 5 * time.Millisecond   // RFC 8289 section 4.3
	DefaultCoDelInterval = 100 * time.Millisecond // RFC 8289 section 4.2: longer than most round trips
)

func (q CoDel) check() error {
	if q.Target < 0 || q.Interval < 0 {
		return fmt.Errorf("CoDel with a target of %v and an interval of %v: neither may be negative", q.Target, q.Interval)
	}
	return checkOctets(q.Octets)
}

func (q CoDel) queue(_ Rate, dropped func(Packet)) queue {
	if q.Target == 0 {
		q.Target = DefaultCoDelTarget
	}
	if q.Interval == 0 {
		q.Interval = DefaultCoDelInterval
	}
	return &coDel{CoDel: q, fifo: newFIFO(q.Octets), dropped: dropped}
}

// coDel has the state of RFC 8289 section 5.3.
type coDel struct {
	CoDel
	fifo    fifo
	dropped func(Packet)

	firstAbove time.Duration // when it may begin to drop, if packets still wait too long then; 0: they do not
	dropping   bool
	dropNext   time.Duration
	count      int // drops since it began to
	lastCount  int // count when it last began to
}

func (q *coDel) push(p Packet) bool {
	if !q.fifo.fits(&p) {
		return false
	}
	q.fifo.push(p)
	return true
}

func (q *coDel) len() int { return q.fifo.len() }

// oldest takes the oldest packet, and says whether it may be dropped (dodequeue of section 5.6).
func (q *coDel) oldest(now time.Duration) (p Packet, found, droppable bool) {
	if q.fifo.len() == 0 {
		q.firstAbove = 0
		return p, false, false
	}
	p = q.fifo.pop()
	switch {
	case now-p.entered < q.Target || q.fifo.octets <= mtu:
		q.firstAbove = 0
	case q.firstAbove == 0:
		q.firstAbove = now + q.Interval
	case now >= q.firstAbove:
		return p, true, true
	}
	return p, true, false
}

// pop is dequeue of section 5.5. A mark counts as a drop after which nothing need be taken in the packet's place.
func (q *coDel) pop(now time.Duration) (Packet, bool) {
	p, found, droppable := q.oldest(now)
	switch {
	case q.dropping && !droppable:
		q.dropping = false
	case q.dropping:
		for q.dropping && now >= q.dropNext {
			q.count++
			if q.mark(&p) {
				q.dropNext = q.next(q.dropNext)
				break
			}
			q.dropped(p)
			if p, found, droppable = q.oldest(now); droppable {
				q.dropNext = q.next(q.dropNext)
			} else {
				q.dropping = false
			}
		}
	case droppable:
		if !q.mark(&p) {
			q.dropped(p)
			p, found, _ = q.oldest(now)
		}
		q.dropping = true
		// When it dropped a short while ago, the rate of drops that controlled the queue then is a good start.
		since := q.count - q.lastCount
		q.count = 1
		if since > 1 && now-q.dropNext < 16*q.Interval {
			q.count = since
		}
		q.dropNext = q.next(now)
		q.lastCount = q.count
	}
	return p, found
}

func (q *coDel) mark(p *Packet) bool { return q.ECN && p.mark() }

// next is the control law: the more drops there were, the sooner the next.
func (q *coDel) next(t time.Duration) time.Duration {
	return t + time.Duration(float64(q.Interval)/math.Sqrt(float64(q.count)))
}

// mark sets CE if the packet may be marked.
func (p *Packet) mark() bool {
	if p.ECN == NotECT {
		return false
	}
	p.marked = p.marked || p.ECN != CE
	p.ECN = CE
	return true
}
