package main

import "time"

// frameQueue plays frames at a fixed rate, in virtual time, to one who takes his time for each: while one is being looked at the next may
// wait, and where another comes meanwhile the one that waits is skipped. Skipped frames are decoded all the same, since others refer to them.
type frameQueue struct {
	interval time.Duration

	arrived int
	free    time.Duration // when the frame that is being looked at will be done
	waiting bool
	waits   struct{ decode, total time.Duration }
	skipped int
}

// arrive is for the next frame, which takes total to be looked at and decode where it is skipped.
func (q *frameQueue) arrive(decode, total time.Duration) {
	now := time.Duration(q.arrived) * q.interval
	q.arrived++
	if q.waiting && q.free <= now {
		q.free += q.waits.total
		q.waiting = false
	}
	if q.waiting {
		q.skipped++
		q.free += q.waits.decode
	}
	if !q.waiting && q.free <= now {
		q.free = now + total
		return
	}
	q.waiting = true
	q.waits.decode, q.waits.total = decode, total
}
