package congestion

// What is made of ECN marks, the scalable way (RFC 9331 section 4.3): as DCTCP does (RFC 8257 section 3.3), the rate is cut once a loop by
// half the share of packets that were marked, so that marks keep coming about as often whatever the rate. Marks are news of a
// queue of a millisecond and no trouble: they change no state but Starting.

const (
	// markGain is by how much the newest loop's share counts in the smoothed one.
	markGain = 1.0 / 8
	// markCut is how much of the share is cut.
	markCut = 0.5
)

// marks is what ECN says of late. Of a frame only the first packet counts: its mark is about the queue that was there, those of the
// later ones may be about the frame itself. Where it leaves some time ahead of the others, its mark is not about them either.
type marks struct {
	share         float64 // that was marked, smoothed over loops
	marked, began int     // in this loop, of so many frames
	until         Instant // the loop is over when something that was sent by then or later is heard of
}

// marked takes how many of the frames that a batch of reports tells of began with a mark.
func (c *Controller) marked(now Instant, marked, began int) {
	m := &c.marks
	m.marked += marked
	m.began += began
	if m.began == 0 || c.feedback.newest < m.until {
		return
	}
	share := float64(m.marked) / float64(m.began)
	m.marked, m.began, m.until = 0, 0, now
	m.share += markGain * (share - m.share)
	if share == 0 || c.cut.trial > 0 {
		return
	}
	c.figures.Cuts[ECN]++
	c.cause = ECN
	c.growth.calm = now
	c.set(c.rate * (1 - markCut*m.share))
	if c.state == Starting {
		c.enter(now, Steady)
	}
}
