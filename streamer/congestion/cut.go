package congestion

import "time"

const (
	// cutShare is what the rate becomes of what came through a full link: the rest lets the queue drain, and lets two flows that
	// share the link and are cut together come nearer to each other.
	cutShare = 0.88
	// cutBlind is the share for a cut whose depth nothing measured.
	cutBlind = 0.85
	// cutAgain is the share of the target below which what comes through asks for another cut while the queue drains.
	cutAgain = 0.75
	// anotherLink is the share of the target below which a link is held to be another one than before.
	anotherLink = 0.7
	// sentShare is the share of the target from which frames count as sent at it.
	sentShare = 0.8
	// competingGap is the least time between two cuts beside somebody who keeps the queue filled, and competingShare what each
	// leaves at least: giving way at every turn would leave nothing.
	competingGap   = 500 * time.Millisecond
	competingShare = 0.9
	// lossHold is how long the rate does not grow after loss without a queue: a policer's rate does not change by the second.
	lossHold = 5 * time.Second
	// lossStep is the least that loss from a full queue takes: the queue is short, and nearly held the frame.
	lossStep = 0.06
	// lossMemory is how long the target stays at lossShare of one at which a queue overflowed.
	lossMemory = 8 * time.Second
	lossShare  = 0.95
)

// cut is the last time the rate was lowered at once.
type cut struct {
	at      Instant // of the cut
	episode Instant // when the first cut of this row of cuts was
	frame   int64   // the frame that was overdue
	saved   float64 // the rate before a cut for want of news; zero when it cannot be taken back
	savedAt Instant
	trial   float64 // the rate before half of it was given up to see whose the queue is; zero when it was not
}

// lower cuts the rate.
func (c *Controller) lower(now Instant, cause Cause, rate, link float64) {
	if c.state != Braking && c.state != Draining {
		c.cut.episode = now
	}
	c.cut.trial = 0
	c.cause = cause
	c.figures.Cuts[cause]++
	if c.state != Braking {
		c.cut.at = now
	}
	c.growth.calm = now
	if link < anotherLink*c.rate {
		c.probe.forget(0) // what was seen before says nothing of it
	}
	c.set(min(rate, c.rate))
	c.link = max(link, c.floor/2)
	if c.state != Competing {
		c.enter(now, Braking)
	}
}

// heardOfCut reports whether anything that was sent since the last cut was heard of.
func (c *Controller) heardOfCut() bool { return c.feedback.newest >= c.cut.at }

// mayCut is false while the last cut's effect is not known, one answer to one trouble, and while half the rate is given up anyway.
func (c *Controller) mayCut() bool { return c.cut.trial == 0 && (c.cut.at == 0 || c.heardOfCut()) }

// queueing answers a standing queue.
func (c *Controller) queueing(now Instant, out outflow) {
	rate := cutShare * out.rate
	switch c.state {
	case Braking, Draining:
		// It is being answered. Only what was sent at the target says more: between frames that were skipped, others' packets
		// come out.
		if c.cut.saved == 0 && (!out.growing || out.sent < sentShare*c.rate) {
			return
		}
		// If it grows although less is sent than came through, it is somebody else's; unless the link lost much more of its rate.
		if c.state == Draining && (!c.heardOfCut() || out.rate > cutAgain*c.rate) {
			return
		}
	case Competing:
		if !out.growing || now.Sub(c.cut.at) < competingGap {
			return
		}
		rate = max(rate, competingShare*c.rate)
	}
	if c.cut.saved > 0 {
		// The cut for want of news was a guess, and here is the figure.
		if rate >= c.cut.saved {
			c.undo(now)
			return
		}
		c.set(c.cut.saved)
		c.cut.saved = 0
	}
	if rate < c.rate {
		c.growth.lid, c.growth.lidAt = c.rate, now
		c.lower(now, Queueing, rate, out.rate)
	}
}

// judgeReports acts on a batch of reports.
func (c *Controller) judgeReports(now Instant) {
	c.resume(now)
	limit := c.limit()
	if newest, ok := c.probe.standing(1, 0); ok {
		c.figures.Queue = newest
	}
	standing, known := c.probe.standing(queueFrames, 0)
	congested := known && standing > limit
	if congested {
		if out, ok := c.probe.busy(limit); ok {
			c.queueing(now, out)
		}
	}
	c.judgeLoss(now)
	c.proceed(now)
	if !congested {
		c.grow(now)
	}
}

// judgeAcks acts on an acknowledgement.
func (c *Controller) judgeAcks(now Instant) {
	c.resume(now)
	limit := max(ackLimit, c.limit())
	if c.easy(now) {
		limit = ackLimitPatient
	}
	if c.state == Competing {
		limit = max(limit, 2*queueLimitCompeting)
	}
	if out, ok := c.feedback.queued(limit); ok {
		c.queueing(now, out)
	}
	c.proceed(now)
}

// judgeLoss answers loss from full queues, and loss that is too much wherever it comes from.
func (c *Controller) judgeLoss(now Instant) {
	if !c.mayCut() {
		return
	}
	share, queued := c.loss.share(), c.loss.queued()
	switch {
	case queued > lossQueued:
		c.loss.settle()
		c.growth.lossy, c.growth.lossyAt = c.rate, now
		c.lower(now, Loss, c.rate*(1-min(max(queued, lossStep), 0.5)), c.rate)
	case share > lossHeavy:
		c.loss.settle()
		c.growth.held = now.Add(lossHold)
		c.lower(now, Loss, c.rate*(1-share/2), c.rate)
	}
}
