package congestion

import "time"

const (
	// spreadShare is the part of a frame's interval over which it leaves: twice the target's pace. What takes longer is latency;
	// what takes less overflows short queues.
	spreadShare = 2
	// trains is in how many bursts: each costs a system call and a timer.
	trains = 4
	// skipIntervals is the backlog from which a frame is skipped, in frame intervals: it would arrive more than that late, and make
	// the next one late too.
	skipIntervals = 1.25
	// skipCompeting is the same where most of the backlog is somebody else's.
	skipCompeting = 3.0
	// skipLongest is how long frames are skipped before one is sent to learn anything.
	skipLongest = 250 * time.Millisecond
	// skipBlind is the same while nothing is heard: if what was lost is what the player says, only another frame makes it say more.
	skipBlind = 100 * time.Millisecond
	// repay is how much of the backlog is taken off a frame's budget. All of it would swing.
	repay = 0.5
	// budgetLeast is the least share of its budget that a frame gets, whatever is owed.
	budgetLeast = 0.25
	// agedAfter is how long no full frame was heard of until the target is only remembered, and agedShare what the first frames then
	// get of it, until they are heard of.
	agedAfter = 5 * time.Second
	agedShare = 0.75

	// leadMost bounds what is believed to lie between a grant and the frame's first packet.
	leadMost = 20 * time.Millisecond

	// fillActive and fillStill are how often a limited application's frame is filled up to see whether the link still carries
	// the target: while it sends pictures, and while it only repeats one.
	fillActive, fillStill = 500 * time.Millisecond, 4 * time.Second
	// stillGap is the time between frames from which a picture is still.
	stillGap = 100 * time.Millisecond

	// limitedShare is the share of the target below which the application is called limited.
	limitedShare = 0.6
	// limitedHalf is half of the time over which that is counted.
	limitedHalf = 250 * time.Millisecond
)

// sending is what was sent of late.
type sending struct {
	last    Instant // when the last packet of a frame was sent
	begun   bool
	other   int           // bytes of retransmissions and audio that no frame has made room for yet
	filled  Instant       // when the last probe was asked for
	gap     time.Duration // between the last two frames
	made    Instant       // when the last frame was
	granted Instant       // when the last frame was granted
	pending bool          // and nothing of it was sent yet
	lead    time.Duration // from the grant to the first packet, smoothed
	halves  [2]int        // bytes produced in this half of the window and the one before
	halfAt  Instant
	halfNow bool
}

func (s *sending) reset(now Instant) { s.halfAt, s.made, s.filled = now, now, now }

func (s *sending) sent(p *SentPacket) {
	switch p.Kind {
	case Retransmission, Audio:
		s.other = min(s.other+p.Size, 1<<20)
	default:
		s.last, s.begun = max(s.last, p.Sent), true
		if lead := p.Sent.Sub(s.granted); s.pending && lead >= 0 {
			s.pending = false
			s.lead += (min(lead, leadMost) - s.lead) / 8
		}
	}
}

// repay takes off what one frame can make room for of other packets. Many that were sent again at once, after a queue that overflowed,
// take the time of several frames.
func (s *sending) repay(most int) (bytes int) {
	bytes = min(s.other, most)
	s.other -= bytes
	return bytes
}

func (s *sending) produced(now Instant, bytes int) {
	s.roll(now)
	s.halves[0] = min(s.halves[0]+min(bytes, 1<<26), 1<<30)
	s.gap, s.made = now.Sub(s.made), now
}

// roll moves the window on.
func (s *sending) roll(now Instant) {
	switch elapsed := now.Sub(s.halfAt); {
	case elapsed < limitedHalf:
	case elapsed < 2*limitedHalf:
		s.halves[1], s.halves[0] = s.halves[0], 0
		s.halfAt = s.halfAt.Add(limitedHalf)
		s.halfNow = true
	default:
		s.halves = [2]int{}
		s.halfAt = now
		s.halfNow = true
	}
}

// limited reports whether the application sends much less than so many bits per second.
func (s *sending) limited(now Instant, rate float64) bool {
	s.roll(now)
	span := limitedHalf + max(now.Sub(s.halfAt), 0)
	return s.halfNow && float64(s.halves[0]+s.halves[1])*8 < limitedShare*rate*span.Seconds()
}

// Next says what the frame that would be made now may be. Call it once for each frame that could be, also for those that
// are then skipped.
func (c *Controller) Next(now Instant) Grant {
	now = within(now)
	c.Tick(now)
	share := c.rate * c.interval.Seconds() / 8
	// What matters is what is left when the frame leaves.
	leaves := now.Add(c.sending.lead)
	backlog := c.frames.backlog(leaves, c.link)
	left := repay * backlog.Seconds() * c.link
	if suspected := c.suspected(now); suspected < c.link {
		backlog = c.frames.backlog(leaves, suspected)
		left = backlog.Seconds() * suspected
	}
	grant := Grant{
		Pacing: Bitrate(spreadShare * c.rate),
		Spread: c.interval / spreadShare,
		Trains: trains,
	}
	most := share
	longest := skipIntervals
	if c.state == Competing {
		longest = skipCompeting
	}
	// How much the link holds is not known then, but that it holds something.
	waiting := c.cut.saved > 0 && c.cause == Overdue || c.state == Starved && c.feedback.newest > 0
	inFront := backlog + serialise(c.sending.other, c.link)
	if c.sending.begun && (waiting || float64(inFront) > longest*float64(c.interval)) {
		patience := skipLongest
		if waiting {
			patience = skipBlind
		}
		if now.Sub(c.sending.last) < patience {
			c.figures.Skips++
			grant.Skip = true
		}
		most = share * budgetLeast
	}
	owed := left / 8
	owed += float64(c.sending.repay(int(share)))
	if now.Sub(c.growth.fresh) > agedAfter {
		most = min(most, share*agedShare)
	}
	grant.Budget = int(min(max(share-owed, share*budgetLeast), most))
	if !grant.Skip {
		c.sending.granted, c.sending.pending = now, true
		grant.Fill = c.fill(now, share, backlog)
	}
	return grant
}

// fill is the size of a full frame when a probe is due: the target is not the ceiling, the application does
// not fill it, and no full frame was heard of for a while.
func (c *Controller) fill(now Instant, share float64, backlog time.Duration) int {
	if c.rate >= c.ceiling || c.state != Steady && c.state != Probing && c.state != Starting || backlog > 0 ||
		!c.sending.limited(now, c.rate) {
		return 0
	}
	every := fillActive
	if c.sending.gap > stillGap {
		every = fillStill
	}
	if now.Sub(c.growth.fresh) < every || now.Sub(c.sending.filled) < every {
		return 0
	}
	c.sending.filled = now
	return int(share)
}
