package congestion

import "time"

const (
	// doubtLeast is how much later than its usual an acknowledgement may be before the link is suspected, at least.
	doubtLeast = 2 * time.Millisecond
	// doubtSwings is how many mean deviations of what is usual it may be later.
	doubtSwings = 4
	// usualGain is the weight of one acknowledgement in what is usual.
	usualGain = 1.0 / 16
)

// suspected is the rate that the link would have if what is late now were late on the link: the newest acknowledged frame, and the
// oldest that is not acknowledged. It is a guess from one frame, good enough to size or skip the next one; the next acknowledgement
// makes a new one. It is at most the rate that the link is known by.
func (c *Controller) suspected(now Instant) float64 {
	if !c.overdue.watching() || c.state == Starved || c.state == Competing || c.easy(now) {
		return c.link
	}
	suspected := c.link
	if newest, before := c.feedback.ack(0), c.feedback.ack(1); before != nil {
		if grown := newest.standing - before.standing; grown > c.limit() {
			suspected = min(suspected, c.stretched(newest.bytes, grown))
		}
	}
	if rate, longer := c.probe.underway(c.link); longer > c.limit() && c.probe.firstAt > c.feedback.newestAck() {
		suspected = min(suspected, rate)
	}
	loop, known := c.overdue.loop(now)
	f := c.oldest()
	if !known || f == nil || c.feedback.sequence >= f.sequence || c.feedback.retransmitted >= f.first {
		return suspected
	}
	if late := now.Sub(f.last) - loop - c.expected(f); late > c.overdue.unusual() {
		suspected = min(suspected, c.stretched(f.bytes, late))
	}
	return suspected
}

// stretched is the rate at which so many bytes take so much longer than at the link's.
func (c *Controller) stretched(bytes int, longer time.Duration) float64 {
	return rateOf(bytes, serialise(bytes, c.link)+longer)
}

// unusual is how late an acknowledgement must be to tell something.
func (w *overdueWatch) unusual() time.Duration {
	return w.usual + doubtSwings*w.swing + doubtLeast
}

// learn takes how late an acknowledgement was.
func (w *overdueWatch) learn(late time.Duration) {
	late = min(max(late, 0), overduePatient)
	off := late - w.usual
	w.usual += time.Duration(usualGain * float64(off))
	w.swing += time.Duration(usualGain * float64(max(off, -off)-w.swing))
}
