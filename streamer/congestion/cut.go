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
	// sentShare is the share of the target from which frames count as sent at it.
	sentShare = 0.8
	// competingGap is the least time between two cuts beside somebody who keeps the queue filled, and competingShare the most that
	// each takes: giving way at every turn would leave nothing.
	competingGap   = 500 * time.Millisecond
	competingShare = 0.9
	// drainPatience is how long a queue may take to go after a cut before it is held to be somebody else's.
	drainPatience = 600 * time.Millisecond
	// undoWithin is how long a cut that was made for want of news may be taken back.
	undoWithin = 2 * time.Second
	// silencePatience is how long there may be no news at all: several of the receiver's reports.
	silencePatience = 400 * time.Millisecond
	// lossHold is how long the rate does not grow after loss without a queue: a policer's rate does not change by the second.
	lossHold = 5 * time.Second
	// lossStep is the least that loss from a full queue takes: the queue is short, and nearly held the frame.
	lossStep = 0.06
	// lossMemory is how long the target stays below one at which a queue overflowed.
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
	if link < c.rate*0.7 {
		c.probe.forget(0) // another link; what was seen before says nothing of it
	}
	c.set(min(rate, c.rate))
	c.link = max(link, c.floor/2)
	if c.state != Competing {
		c.enter(now, Braking)
	}
}

// heardOfCut reports whether anything that was sent since the last cut was heard of.
func (c *Controller) heardOfCut() bool { return c.feedback.newest >= c.cut.at }

// mayCut is false while the last cut's effect is not known: one answer to one trouble.
func (c *Controller) mayCut() bool { return c.cut.at == 0 || c.heardOfCut() }

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
		c.rate = c.cut.saved
		c.cut.saved = 0
	}
	if rate < c.rate {
		c.lower(now, Queueing, rate, out.rate)
	}
}

// undo takes a cut for want of news back.
func (c *Controller) undo(now Instant) {
	c.set(c.cut.saved)
	c.link = max(c.link, c.rate)
	c.cut.saved = 0
	c.figures.Undone++
	c.enter(now, Steady)
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
		c.lower(now, Loss, c.rate*(1-min(max(queued, lossStep), 0.5)), max(c.rate, c.floor))
	case share > lossHeavy:
		c.loss.settle()
		c.growth.held = now.Add(lossHold)
		c.lower(now, Loss, c.rate*(1-share/2), max(c.rate, c.floor))
	}
}

// marked answers ECN marks as DCTCP does (RFC 8257 section 3.3): by half the share that was marked: of frames
// here, by their first packets.
func (c *Controller) marked(now Instant, share float64) {
	const gain = 0.25
	c.feedback.marked += gain * (share - c.feedback.marked)
	if share == 0 || !c.mayCut() {
		return
	}
	c.lower(now, ECN, c.rate*(1-max(c.feedback.marked, 0.04)/2), max(c.rate, c.floor))
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
	switch {
	case c.gone():
		if c.cut.trial > 0 {
			c.set(c.cut.trial)
		}
		c.enter(now, Steady)
	case !known || standing <= c.limit() || now.Sub(c.cut.episode) < drainPatience:
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

// gone reports whether what was sent since the cut found the queue short.
func (c *Controller) gone() bool {
	low := c.limit() / 2
	if newest := c.probe.back(0); newest != nil && newest.firstAt >= c.cut.at && newest.least <= low {
		return true
	}
	newest := c.feedback.ack(0)
	return newest != nil && newest.sent >= c.cut.at && newest.standing <= low
}

// resume takes a cut back that was made for want of news, when the news is that nothing was wrong but time: the link had
// paused, or the receiver.
func (c *Controller) resume(now Instant) {
	if c.state == Starved {
		c.enter(now, Braking)
	}
	if c.cut.saved == 0 {
		return
	}
	if now.Sub(c.cut.savedAt) > undoWithin {
		c.cut.saved = 0
		return
	}
	if !c.frames.anyMeasure || c.frames.measured < c.cut.frame {
		return // of what was overdue, nothing is known yet
	}
	f := c.frames.find(c.frames.measured)
	if f == nil || f.queue > c.interval {
		return
	}
	c.undo(now)
}

// Tick looks at the clock: for acknowledgements that are overdue, and for silence. Once or more per frame; [Controller.Next] does it too.
func (c *Controller) Tick(now Instant) {
	if now < 0 || now > lastInstant {
		return
	}
	c.watch(now)
	loop, _ := c.overdue.loop(now)
	patience := max(silencePatience, 4*min(loop, longWindow))
	if c.feedback.outstanding && now.Sub(c.feedback.waiting) > patience {
		c.save(now)
		c.cut.frame = min(c.cut.frame, c.frames.newest)
		c.feedback.waiting = now // and again after as long
		c.lower(now, Silence, c.rate/2, c.rate/2)
		c.enter(now, Starved)
	}
}

// save keeps the rate for the case that a cut was for nothing.
func (c *Controller) save(now Instant) {
	if c.cut.saved == 0 {
		c.cut.saved, c.cut.savedAt, c.cut.frame = c.rate, now, c.frames.acked+1
	}
}

// watch cuts when the oldest frame without acknowledgement is overdue. Its bytes, and how long they have taken by now since the
// frame before it, bound what the link can be carrying; the bound falls until there is news.
func (c *Controller) watch(now Instant) {
	if !c.overdue.watching() || c.state == Starved {
		return
	}
	loop, known := c.overdue.loop(now)
	f := c.oldest()
	if !known || f == nil {
		return
	}
	loop += c.own(f)
	if f.arrived {
		// The reports say that it came. Acknowledgements are late by themselves.
		if now.Sub(f.last) > loop+overdueMost {
			c.overdue.quiet = true
		}
		return
	}
	allowance := c.overdue.allowance(c.easy(now) || c.state == Competing)
	if c.feedback.retransmitted >= f.first {
		allowance += loop + overduePatient // it, or one before it, waits for a packet that was lost
	}
	if now.Sub(f.last) < loop+allowance {
		return
	}
	taken := min(now.Sub(f.first)-loop, now.Sub(c.feedback.acked))
	bound := min(rateOf(f.bytes, max(taken, queueGrain)), c.rate)
	if c.cut.saved == 0 {
		if c.state == Braking || c.state == Draining {
			return // the cut that was made for a reason answers this too
		}
		c.save(now)
		c.probe.forget(0)
		c.lower(now, Overdue, cutBlind*bound, bound)
		return
	}
	if seen, ok := c.probe.median(1); ok {
		bound = min(bound, seen) // reports of the frames before it say more
	}
	c.set(min(cutBlind*bound, c.rate))
	c.link = max(min(c.link, bound), c.floor/2)
}

// doubtful reports whether the oldest frame without acknowledgement is later than most, though not overdue yet.
func (c *Controller) doubtful(now Instant) bool {
	if !c.overdue.watching() || c.state == Starved || c.state == Competing || c.easy(now) {
		return false
	}
	loop, known := c.overdue.loop(now)
	f := c.oldest()
	if f != nil {
		loop += c.own(f)
	}
	return known && f != nil && !f.arrived && c.feedback.retransmitted < f.first && now.Sub(f.last) > loop+c.overdue.late+doubtLeast
}

// oldest is the oldest frame that neither was acknowledged nor precedes one that was.
func (c *Controller) oldest() *sentFrame {
	l := &c.frames
	if !l.begun || !l.anyAcked || l.newest-l.acked > frameHistory {
		return nil
	}
	for id := l.acked + 1; id <= l.newest; id++ {
		if f := l.find(id); f != nil {
			return f
		}
	}
	return nil
}
