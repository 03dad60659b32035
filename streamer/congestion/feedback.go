package congestion

import "time"

const (
	// queueGrain is below what a wait can be told from a clock's grain: transport-wide feedback counts in 250 us.
	queueGrain = time.Millisecond
	// queueLimit is the standing queue that is answered, and queuePackets packets at the target's rate on top of it, queueMost at most:
	// of two flows that see the same queue, the bigger one gives way first. A frame's own packets do not count, and neither do waits
	// that are gone within three frames.
	queueLimit   = 2500 * time.Microsecond
	queuePackets = 4 * 1200
	queueMost    = 20 * time.Millisecond
	// queueLimitCompeting is the same above a queue that somebody else keeps filled, and so moves.
	queueLimitCompeting = 15 * time.Millisecond
	// queueFrames is how many frames in a row must have waited.
	queueFrames = 3

	// ackLimit and ackLimitPatient are the waits that two acknowledged frames in a row must show: less when the link is nearly
	// full, more when it is known to be much faster, since then a busy receiver is likelier.
	ackLimit        = 10 * time.Millisecond
	ackLimitPatient = 40 * time.Millisecond
	ackHistory      = 4
	// usualLeft is the part of a frame's interval that the link may still need for the frame before. More is a queue.
	usualLeft = 3

	// farthest bounds times on other clocks, so that differences of them do not overflow.
	farthest = 1 << 60
)

// feedback is what was heard of late.
type feedback struct {
	outstanding   bool    // something was sent since anything was heard
	waiting       Instant // when it was
	retransmitted Instant // when the last retransmission was sent
	newest        Instant // when the newest packet that was heard of was sent
	sequence      int64   // the newest packet that was reported to have arrived
	acked         Instant // when the last acknowledgement came

	acks  [ackHistory]ackedFrame
	ackN  int
	ackAt int
}

// ackedFrame is one acknowledgement as it is judged.
type ackedFrame struct {
	received time.Duration
	bytes    int // of all frames since the acknowledgement before
	standing time.Duration
	sent     Instant
}

func (f *feedback) heardOf(sent Instant) {
	f.outstanding = false
	f.newest = max(f.newest, sent)
}

func (f *feedback) sent(at Instant) {
	if !f.outstanding {
		f.outstanding, f.waiting = true, at
	}
}

// window is how long ago a wait of nothing may have been seen.
func (c *Controller) window() time.Duration {
	if c.state == Competing {
		return shortWindow
	}
	return longWindow
}

// limit is the standing queue that is answered.
func (c *Controller) limit() time.Duration {
	limit := min(queueLimit+serialise(queuePackets, c.rate), queueMost)
	if c.state == Competing {
		limit = max(limit, queueLimitCompeting)
	}
	return limit
}

// Reported takes what the receiver reports of packets, best in the order of sending. Reports of packets that were never sent, or
// twice of the same, are ignored.
func (c *Controller) Reported(now Instant, reports []Report) {
	now = within(now)
	base, known := c.packetDelay.over(now, c.window())
	var marked, began int
	for i := range reports {
		r := &reports[i]
		p := c.packets.find(r.Sequence)
		if p == nil || p.sent > now || p.arrived || p.reported && !r.Arrived {
			continue
		}
		late := p.reported
		p.reported = true
		c.feedback.heardOf(p.sent)
		if !r.Arrived {
			if p.sent >= c.loss.after {
				c.loss.reported(false, 0)
			}
			if p.kind != Audio && p.kind != Retransmission && c.loss.queued() == 0 {
				c.probe.lost(p)
			}
			continue
		}
		if r.Arrival < -farthest || r.Arrival > farthest {
			continue
		}
		p.arrived = true
		c.feedback.sequence = max(c.feedback.sequence, p.sequence)
		delay := r.Arrival - time.Duration(p.sent)
		if !known || delay < base {
			base, known = delay, true
		}
		wait := delay - base
		if wait > now.Sub(p.sent) {
			// It cannot have waited for longer than the time since it was sent: the receiver's clock jumped.
			c.figures.Jumps++
			c.packetDelay.reset()
			c.probe.pastN = 0
			base, wait = delay, 0
		}
		c.packetDelay.observe(now, delay)
		if late {
			c.loss.found() // and its frame is over
			continue
		}
		c.loss.reported(true, wait)
		if p.kind == Audio || p.kind == Retransmission {
			continue
		}
		done, ok := c.probe.arrived(p, r.Arrival, wait)
		if ok {
			c.frameArrived(now, done)
		}
		if c.probe.packets == 1 {
			// A mark on a frame's first packet is about the queue that was there. The later ones' may be about the frame itself.
			began++
			if r.CE {
				marked++
			}
		}
	}
	if f := c.frames.find(c.probe.frame); f != nil && c.feedback.sequence >= f.sequence {
		if done, ok := c.probe.finish(); ok {
			c.frameArrived(now, done)
		}
	}
	c.marked(now, marked, began)
	c.loss.batch()
	c.judgeReports(now)
}

// frameArrived looks at a frame of which all was reported.
func (c *Controller) frameArrived(now Instant, done arrivedFrame) {
	if f := c.frames.find(done.id); f != nil && !f.measured {
		c.frames.measure(f, done.last)
	}
	if float64(done.all)*8 >= fullShare*c.rate*c.interval.Seconds() {
		c.growth.full(now, done.firstAt)
	}
}

// Acknowledged takes what the player says of a frame. Acknowledgements of frames that were never sent, that are older than one
// already taken, or that came before the frame was sent are ignored.
func (c *Controller) Acknowledged(now Instant, ack Ack) {
	now = within(now)
	f := c.frames.find(ack.Frame)
	if f == nil || f.last > now || f.acked || c.frames.anyAcked && ack.Frame <= c.frames.acked ||
		ack.Received < -farthest || ack.Received > farthest {
		return
	}
	f.acked = true
	// The browser tells of a frame when it shows it, and shows only the newest of those that came since: the oldest of them waited
	// longest for this.
	oldest, expected := f, c.expected(f)
	if g := c.oldest(); g != nil && g.id < f.id {
		oldest, expected = g, c.expected(g)
	}
	bytes := f.bytes
	if c.frames.anyAcked {
		for id := max(c.frames.acked+1, f.id-ackHistory*4); id < f.id; id++ {
			if g := c.frames.find(id); g != nil {
				bytes += g.bytes
			}
		}
	}
	c.frames.acked, c.frames.anyAcked = f.id, true
	c.feedback.heardOf(f.last)
	c.feedback.acked = now

	loop := now.Sub(f.last)
	if !f.retransmitted {
		own := c.expected(f)
		if wait, ok := c.measureAck(now, f, ack.Received, bytes, loop); ok && !c.crowded() {
			expected += max(wait-own, 0) // the link's doing, and no reason to wait for longer the next time
		}
	}
	c.overdue.heardAck(now, now.Sub(oldest.last), expected, c.feedback.retransmitted >= oldest.first)
	c.judgeAcks(now)
}

// measureAck finds how long a frame waited, from the player's time of its last packet. ok is false when that cannot be.
func (c *Controller) measureAck(now Instant, f *sentFrame, received time.Duration, bytes int, loop time.Duration) (wait time.Duration, ok bool) {
	delay := received - time.Duration(f.last)
	c.ackDelay.observe(now, delay)
	base, _ := c.ackDelay.over(now, c.window())
	wait, ok = delay-base, true
	if wait > loop {
		c.figures.Jumps++
		c.ackDelay.reset()
		c.ackDelay.observe(now, delay)
		c.feedback.ackN = 0
		wait, ok = 0, false
	}
	c.frames.measure(f, wait)
	c.overdue.loops.observe(now, loop-wait)
	own := c.own(f)
	c.feedback.acks[c.feedback.ackAt] = ackedFrame{received: received, bytes: bytes, standing: max(wait-own, 0), sent: f.first}
	c.feedback.ackAt = (c.feedback.ackAt + 1) % ackHistory
	c.feedback.ackN = min(c.feedback.ackN+1, ackHistory)
	return wait, ok
}

// own is how long a frame's last packet waits behind its first ones on an empty link.
func (c *Controller) own(f *sentFrame) time.Duration {
	return max(serialise(f.bytes, max(c.link, c.rate))-f.last.Sub(f.first), 0)
}

// expected is how long a frame's last packet should wait: for its own first ones, and for what the frames before it left, as far
// as that is usual.
func (c *Controller) expected(f *sentFrame) time.Duration {
	return min(c.frames.expected(f, max(c.link, c.rate)), c.own(f)+c.interval/usualLeft)
}

// ack returns the acknowledgement n before the newest.
func (f *feedback) ack(n int) *ackedFrame {
	if n >= f.ackN {
		return nil
	}
	return &f.acks[(f.ackAt-1-n+2*ackHistory)%ackHistory]
}

// newestAck is when the newest frame that was acknowledged was sent.
func (f *feedback) newestAck() Instant {
	if newest := f.ack(0); newest != nil {
		return newest.sent
	}
	return 0
}

// queued does for acknowledgements what probe.busy does for reports. It takes at least two.
func (f *feedback) queued(limit time.Duration) (out outflow, ok bool) {
	newest := f.ack(0)
	var oldest *ackedFrame
	var bytes, sum int
	for i := 0; i < f.ackN; i++ {
		a := f.ack(i)
		if a.standing <= limit {
			break
		}
		oldest, bytes = a, sum // the oldest one's bytes came before the span begins
		sum += a.bytes
	}
	if oldest == nil || oldest == newest {
		return outflow{}, false
	}
	return outflow{
		rateOf(bytes, newest.received-oldest.received), rateOf(bytes, newest.sent.Sub(oldest.sent)),
		newest.standing > oldest.standing+queueGrain,
	}, true
}
