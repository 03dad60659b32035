package congestion

import "time"

// drainPatience is how long a queue may take to go after a cut, and again after half the rate was given up, before it is held to
// be somebody else's.
const drainPatience = 600 * time.Millisecond

func (c *Controller) enter(now Instant, state State) {
	if c.state != state {
		c.state, c.since = state, now
	}
}

// proceed moves on from Braking and Draining.
func (c *Controller) proceed(now Instant) {
	if c.state == Braking && c.heardOfCut() && c.cut.saved == 0 {
		c.enter(now, Draining)
	}
	switch c.state {
	case Draining:
		c.drain(now)
	case Competing:
		// The short minimum is the queue that the other keeps; when it falls to the long one's, the queue is gone.
		short, _ := c.packetDelay.over(now, shortWindow)
		long, known := c.packetDelay.over(now, longWindow)
		if known && short-long < c.limit()/2 && now.Sub(c.since) > shortWindow {
			c.enter(now, Steady)
			c.probe.pastN, c.feedback.ackN = 0, 0
		}
	}
}

// drain waits for the queue to go. When it does not, half the rate is given up for a while: if the queue stays even then, it is
// kept filled by somebody who does not give way.
func (c *Controller) drain(now Instant) {
	standing, known := c.probe.standing(queueFrames, c.cut.at)
	patient := now.Sub(c.cut.episode) < drainPatience
	switch {
	case c.gone(), known && standing <= c.limit() && !patient:
		if c.cut.trial > 0 {
			c.set(c.cut.trial)
		}
		c.enter(now, Steady)
	case !known || patient:
		return
	case c.cut.trial == 0:
		c.cut.trial, c.cut.episode, c.cut.at = c.rate, now, now
		c.set(c.rate / 2)
		return
	default:
		c.set(c.cut.trial)
		c.enter(now, Competing)
		c.probe.pastN, c.feedback.ackN = 0, 0 // their waits were over another base
	}
	c.cut.trial = 0
	c.growth.at = now
}

// crowded reports whether the queue is, or seems to be, somebody else's.
func (c *Controller) crowded() bool {
	return c.state == Competing || c.cut.trial > 0
}

// gone reports whether what was sent since the cut found the queue short.
func (c *Controller) gone() bool {
	low := c.limit() / 2
	if newest := c.probe.back(0); newest != nil && newest.firstAt >= c.cut.at && newest.least <= low {
		return true
	}
	newest := c.feedback.ack(0)
	return newest != nil && newest.sent >= c.cut.at && newest.standing <= low
}
