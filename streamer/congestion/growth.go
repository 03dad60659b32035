package congestion

import (
	"math"
	"time"
)

const (
	// aim is the share of the seen capacity that is used: a frame's size varies, and what the frames before left over must drain.
	aim = 0.91
	// sight bounds what a frame says of the link, in multiples of the target: it left at twice the target's pace.
	sight = 2.5
	// fullShare is the share of its budget from which a frame says anything.
	fullShare = 0.6

	// slowly, calmly and quickly are the rates, per second, at which the target goes to its aim: soon after a cut, a while after it,
	// and when frames show that there is much more.
	slowly, calmly, quickly = 0.4, 1.5, 2.0
	// evenly is what is added to the aim, times the root of the capacity in bits per second: relatively more for the smaller of two
	// flows, 180 kbit/s at 4 Mbit/s and 360 kbit/s at 16 Mbit/s; at most evenlyMost of the capacity.
	evenly, evenlyMost = 90, 0.05
	// downwards is how long the target takes to follow a link that gets slower before there is a queue.
	downwards = 250 * time.Millisecond
	// headroom is the capacity, in targets, from which there is much more.
	headroom = 1.4
	// easyRoom is the capacity, in targets, at which a link is held to be much faster.
	easyRoom = 1.5
	// freshness is how long a sample of the link counts for that.
	freshness = 2 * time.Second
	// calmness is how long after a cut the target grows slowly whatever is seen.
	calmness = 500 * time.Millisecond
	// lidMemory is how long the target grows slowly from lidLeast to lidMost of one at which a queue stood.
	lidMemory         = 3 * time.Second
	lidLeast, lidMost = 0.8, 1.1
	// growthStep bounds the time that one batch of reports stands for.
	growthStep = 100 * time.Millisecond
	// enoughSamples is how many samples a median needs.
	enoughSamples = 3
	// startEnd is the aim, in targets, from which starting goes on.
	startEnd = 1.25
)

// growth is how the target changes without a cut.
type growth struct {
	at      Instant // when it was looked at
	fulls   int     // frames near their budget since
	newest  Instant // when the newest of them was sent
	fresh   Instant // when the last of them was heard of
	raised  Instant // while starting: when the target was last raised
	calm    Instant // the last cut
	held    Instant // no growth before that
	lossy   float64 // the target at which a queue overflowed
	lossyAt Instant
	lid     float64 // the target at which a queue stood
	lidAt   Instant
}

// nearLid reports whether so many bits per second were too many not long ago: frames may then fit into gaps between another's, and
// show more than there is.
func (g *growth) nearLid(now Instant, rate float64) bool {
	return g.lid > 0 && now.Sub(g.lidAt) < lidMemory && rate > lidLeast*g.lid && rate < lidMost*g.lid
}

func (g *growth) full(now, sent Instant) {
	g.fulls++
	g.newest = max(g.newest, sent)
	g.fresh = now
}

// capacity is what the link was seen to carry, as far as the target's frames can see.
func (c *Controller) capacity(enough int) (float64, bool) {
	seen, ok := c.probe.median(enough)
	return min(seen, sight*c.rate), ok
}

// easy reports whether frames were seen lately to pass the link much faster than the target.
func (c *Controller) easy(now Instant) bool {
	capacity, ok := c.capacity(enoughSamples)
	return ok && capacity >= easyRoom*c.rate && now.Sub(c.growth.fresh) < freshness
}

// grow moves the target towards its aim, for as long as the application fills its budget: a still picture tells nothing,
// and moves nothing.
func (c *Controller) grow(now Instant) {
	elapsed := min(max(now.Sub(c.growth.at), 0), growthStep)
	c.growth.at = now
	if c.growth.fulls == 0 {
		return
	}
	c.growth.fulls = 0
	capacity, ok := c.capacity(enoughSamples)
	if !ok || c.state == Braking || c.state == Draining || c.state == Starved {
		return
	}
	c.link = capacity
	goal := aim * capacity
	if c.growth.lossy > 0 && now.Sub(c.growth.lossyAt) < lossMemory {
		goal = min(goal, max(lossShare*c.growth.lossy, c.rate))
	}
	if c.state == Starting {
		c.start(now, goal)
		return
	}
	roomy := capacity >= headroom*c.rate
	if c.state != Competing {
		if roomy && c.rate < c.ceiling {
			c.enter(now, Probing)
		} else {
			c.enter(now, Steady)
		}
	}
	// Two flows whose frames leave together each see their share of the link, whatever it is, and would stay there.
	goal += min(evenly*math.Sqrt(capacity), evenlyMost*capacity)
	if now < c.growth.held {
		goal = min(goal, c.rate)
	}
	switch {
	case goal > c.rate:
		calm := now.Sub(c.growth.calm)
		speed := min(slowly*(1+calm.Seconds()), calmly)
		if roomy && calm > calmness && !c.growth.nearLid(now, c.rate) {
			speed = quickly
		}
		c.set(c.rate + (goal-c.rate)*speed*elapsed.Seconds())
	case goal < c.rate:
		// Most frames must have been slow, not just half: a receiver's thread that is late makes a frame look slow too.
		if most, _ := c.probe.quantile(enoughSamples, 3, 4); aim*most < c.rate {
			goal = max(goal, aim*most)
			c.set(c.rate + (goal-c.rate)*min(elapsed.Seconds()/downwards.Seconds(), 1))
		}
	}
}

// start doubles the target once per loop, since only frames sent at the new target see further.
func (c *Controller) start(now Instant, goal float64) {
	if c.growth.newest < c.growth.raised {
		return
	}
	if goal < c.rate*startEnd || c.rate >= c.ceiling {
		c.set(min(goal, c.rate*startEnd))
		c.enter(now, Steady)
		return
	}
	c.set(min(goal, 2*c.rate))
	c.growth.raised = now
	c.probe.forget(now)
}
