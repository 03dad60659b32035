package congestion

import "time"

const (
	// overdueLeast is the least allowance for an acknowledgement over the shortest one of late: a frame's time of decoding varies
	// by some milliseconds, and so does a browser's main thread.
	overdueLeast = 8 * time.Millisecond
	// overdueMost bounds it: later than this, silence is a fault whatever was usual.
	overdueMost = 250 * time.Millisecond
	// overdueFirst is the lateness that is assumed before any was seen.
	overdueFirst = 15 * time.Millisecond
	// overduePatient is the allowance while frames pass the link easily: then a busy receiver is likelier than a slow link, and
	// one whose threads are late by 30 ms at times must not be taken for one.
	overduePatient = 60 * time.Millisecond
	// overdueMemory is the time constant by which a late acknowledgement is forgotten.
	overdueMemory = 3 * time.Second
	// undoWithin is how long a cut that was made for want of news may be taken back.
	undoWithin = 2 * time.Second
	// silencePatience is how long there may be no news at all: several of the receiver's reports.
	silencePatience = 400 * time.Millisecond
)

// overdueWatch knows how late acknowledgements usually are, and so when one is missing.
type overdueWatch struct {
	loops minimum       // from a frame's last packet to its acknowledgement, less what the packet waited on the link
	late  time.Duration // a peak of the lateness, which decays
	last  time.Duration // the lateness of the last acknowledgement
	at    Instant
	heard bool
	usual time.Duration // mean lateness
	swing time.Duration // its mean deviation
	quiet bool          // acknowledgements stopped while reports went on: the page is hidden, say
}

// heardAck learns from an acknowledgement that came loop after its frame's last packet, which was expected to wait so long.
// excused means that something else explains its lateness, such as a retransmission.
func (w *overdueWatch) heardAck(now Instant, loop, expected time.Duration, excused bool) {
	w.quiet = false
	if !w.heard {
		w.heard, w.late, w.at = true, overdueFirst, now
	}
	if elapsed := now.Sub(w.at); elapsed > 0 {
		// Linear steps of an exponential: enough for a figure that is itself a guess.
		w.late -= time.Duration(float64(w.late) * min(elapsed.Seconds()/overdueMemory.Seconds(), 1))
		w.at = now
	}
	least, known := w.loops.over(now, longWindow)
	if !known || excused {
		return
	}
	lateness := loop - expected - least
	if lateness <= w.last {
		// It was a moment's, which may happen again. Lateness that grows from frame to frame is a queue, and teaches no patience.
		w.late = min(max(w.late, w.last), overdueMost)
		w.learn(w.last)
	}
	w.last = lateness
}

// loop is the shortest way there and back of late.
func (w *overdueWatch) loop(now Instant) (time.Duration, bool) { return w.loops.over(now, longWindow) }

// allowance is how long after the shortest loop an acknowledgement may still come.
func (w *overdueWatch) allowance(patient bool) time.Duration {
	allowed := overdueLeast + w.late*5/4
	if patient {
		allowed = max(allowed, overduePatient)
	}
	return min(allowed, overdueMost)
}

// watching reports whether the watch can say anything.
func (w *overdueWatch) watching() bool { return w.heard && !w.quiet }

// undo takes a cut for want of news back.
func (c *Controller) undo(now Instant) {
	c.set(c.cut.saved)
	c.link = max(c.link, c.rate)
	c.cut.saved = 0
	c.loss.excuse(now)
	c.figures.Undone++
	c.enter(now, Steady)
}

// resume takes a cut back that was made for want of news, when the news is that nothing was wrong but time: the link had
// paused, or the receiver.
func (c *Controller) resume(now Instant) {
	if c.state == Starved {
		c.loss.excuse(now.Add(lossGrace))
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

// Tick looks at the clock: for acknowledgements that are overdue, and for silence. Once or more per frame; [Controller.Next] does
// it too.
func (c *Controller) Tick(now Instant) {
	now = within(now)
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
	loop += c.expected(f)
	if c.feedback.sequence >= f.sequence {
		// The reports say that what was sent after it came. Acknowledgements are late by themselves, or for a packet that was lost.
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
