package netsim

import (
	"fmt"
	"time"
)

// DualPI2 is the pair of queues of RFC 9332, appendix A: one for packets that say ECT1 or CE, which marks early and often,
// and a classic one, which drops or marks rarely; the chance of the one follows that of the other. The names are the
// RFC's. Two things that it leaves open: of two busy queues the classic one gets a tenth of the rate, and under overload
// (section 4.2.2, appendix A.2) ECN is switched off where the chances have reached their ends.
type DualPI2 struct {
	Target   time.Duration // wait that the classic queue aims at; 0 means DefaultDualPI2Target
	MaxRTT   time.Duration // the longest round trip to expect, from which the controller's gains follow; 0 means DefaultDualPI2MaxRTT
	MinTh    time.Duration // wait at which the low-latency queue begins to mark; 0 means DefaultDualPI2MinTh
	Range    time.Duration // on top of MinTh, the wait at which it marks all; 0 means DefaultDualPI2Range
	Coupling float64       // k; 0 means DefaultDualPI2Coupling
	Octets   int           // bound of what waits in both; 0 means DefaultQueueOctets
}

// Defaults of DualPI2: RFC 9332 appendix A.1, figure 2.
const (
	DefaultDualPI2Target   = 15 * time.Millisecond
	DefaultDualPI2MaxRTT   = 100 * time.Millisecond
	DefaultDualPI2MinTh    = 800 * time.Microsecond
	DefaultDualPI2Range    = 400 * time.Microsecond
	DefaultDualPI2Coupling = 2
)

// classicWeight is the share of the rate, in percent, that the classic queue has when both are busy: enough that it is never
// starved, little enough that the other is short.
const classicWeight = 10

func (q DualPI2) check() error {
	for _, d := range []time.Duration{q.Target, q.MaxRTT, q.MinTh, q.Range} {
		if d < 0 {
			return fmt.Errorf("DualPI2 with a time of %v: none may be negative", d)
		}
	}
	if q.Coupling != 0 && !(q.Coupling >= 1 && q.Coupling <= 100) {
		return fmt.Errorf("DualPI2 with a coupling of %v: give 1 to 100", q.Coupling)
	}
	return checkOctets(q.Octets)
}

func (q DualPI2) queue(_ Rate, dropped func(Packet)) queue {
	fill := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	fill(&q.Target, DefaultDualPI2Target)
	fill(&q.MaxRTT, DefaultDualPI2MaxRTT)
	fill(&q.MinTh, DefaultDualPI2MinTh)
	fill(&q.Range, DefaultDualPI2Range)
	if q.Coupling == 0 {
		q.Coupling = DefaultDualPI2Coupling
	}
	d := &dualPI2{DualPI2: q, low: newFIFO(q.Octets), classic: newFIFO(q.Octets), dropped: dropped}
	d.interval = min(q.Target, q.MaxRTT/3)
	d.alpha = 0.1 * d.interval.Seconds() / (q.MaxRTT.Seconds() * q.MaxRTT.Seconds())
	d.beta = 0.3 / q.MaxRTT.Seconds()
	d.updated = d.interval
	return d
}

type dualPI2 struct {
	DualPI2
	low, classic fifo
	dropped      func(Packet)

	interval    time.Duration // Tupdate
	alpha, beta float64       // gains, per second

	base           float64       // p'
	updated        time.Duration // when base is next updated
	waited         time.Duration // prevq
	lowSum, cSum   float64       // of the chances since the last mark or drop: the RFC's recur
	lowDropSum     float64
	classicCredits int // octets times 100 that the classic queue is owed
}

func (q *dualPI2) len() int { return q.low.len() + q.classic.len() }

func (q *dualPI2) push(p Packet) bool {
	q.update(p.entered)
	if q.low.octets+q.classic.octets+p.Size > q.low.limit {
		return false
	}
	if p.ECN == ECT1 || p.ECN == CE {
		q.low.push(p)
	} else {
		q.classic.push(p)
	}
	return true
}

// update runs the controller for each interval that has gone by. Nothing happened in between, or it would have been
// called before: only the oldest packets have waited for longer.
func (q *dualPI2) update(now time.Duration) {
	for ; q.updated <= now; q.updated += q.interval {
		wait := max(q.classic.waited(q.updated), q.low.waited(q.updated), 0)
		if wait == 0 && q.waited == 0 && q.base == 0 { // at rest, for however long
			q.updated += (now - q.updated) / q.interval * q.interval
			continue
		}
		change := q.alpha*(wait-q.Target).Seconds() + q.beta*(wait-q.waited).Seconds()
		q.base = min(max(q.base+change, 0), 1/q.Coupling)
		q.waited = wait
	}
}

func (q *dualPI2) pop(now time.Duration) (Packet, bool) {
	q.update(now)
	classicChance := q.base * q.base
	coupledChance := q.base * q.Coupling
	overload := q.base >= 1/q.Coupling
	for q.len() > 0 {
		if q.lowIsNext() {
			wait := q.low.waited(now)
			p := q.low.pop()
			if overload && recur(&q.lowDropSum, classicChance) {
				q.dropped(p)
				continue
			}
			if recur(&q.lowSum, max(q.native(wait), coupledChance)) {
				p.mark()
			}
			return p, true
		}
		p := q.classic.pop()
		if recur(&q.cSum, classicChance) && (overload || !p.mark()) {
			q.dropped(p)
			continue
		}
		return p, true
	}
	return Packet{}, false
}

// native is the low-latency queue's own chance: a ramp over the wait. A packet that nothing waits behind is not marked, or
// slow links would mark all (the RFC's Th_len of one packet).
func (q *dualPI2) native(wait time.Duration) float64 {
	if q.low.len() == 0 {
		return 0
	}
	return min(max(float64(wait-q.MinTh)/float64(q.Range), 0), 1)
}

// lowIsNext is the scheduler: weighted by octets while both queues are busy.
func (q *dualPI2) lowIsNext() bool {
	if q.low.len() == 0 || q.classic.len() == 0 {
		q.classicCredits = 0
		return q.low.len() > 0
	}
	if q.classicCredits > 0 {
		q.classicCredits -= q.classic.packets.at(0).Size * (100 - classicWeight)
		return false
	}
	q.classicCredits += q.low.packets.at(0).Size * classicWeight
	return true
}

// recur is true for the given share of its calls, evenly spread.
func recur(sum *float64, chance float64) bool {
	if *sum += chance; *sum < 1 {
		return false
	}
	*sum--
	return true
}
