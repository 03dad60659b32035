package latency

import (
	"math"
	"time"
)

// What a freeze is, by W3C's webrtc-stats (RTCInboundRtpStreamStats.freezeCount): a frame time of at least three times the average, and at least
// the average and 150 ms. The average is that of the last 30 frame times, this one among them. That there have to be five of them is
// libwebrtc's rule (video_quality_observer2.cc), without which the first frame time could never be judged, nor the second rightly.
const (
	freezeWindow   = 30
	freezeTimes    = 3
	freezeIncrease = 150 * time.Millisecond
	freezeLeast    = 5
	// pauseLength is what a pause exceeds (pauseCount); in webrtc-stats, as here, it is a freeze as well.
	pauseLength = 5 * time.Second
)

// cadence is how steadily frames come.
type cadence struct {
	times   Spread
	squares float64 // sum of the squared frame times, in s² (totalSquaredInterFrameDelay)

	window [freezeWindow]time.Duration // of the last frame times
	next   int                         // where in the window the next one goes
	within time.Duration               // sum of the window

	freezes, pauses      uint64
	frozen, pausedLength time.Duration
}

func (c *cadence) add(frameTime time.Duration) {
	c.times.Observe(frameTime)
	c.squares += frameTime.Seconds() * frameTime.Seconds()
	c.within += frameTime - c.window[c.next]
	c.window[c.next] = frameTime
	c.next = (c.next + 1) % freezeWindow
	if c.times.n >= freezeLeast {
		average := c.within / time.Duration(min(c.times.n, freezeWindow))
		if frameTime >= max(freezeTimes*average, average+freezeIncrease) {
			c.freezes++
			c.frozen += frameTime
		}
	}
	if frameTime > pauseLength {
		c.pauses++
		c.pausedLength += frameTime
	}
}

// harmonic is the frame rate that weighs each frame time by its length: 60 where frames come evenly, half of that or less where a
// second of them stands still.
func (c *cadence) harmonic() float64 {
	if c.squares == 0 {
		return 0
	}
	return c.times.sum.Seconds() / c.squares
}

// jitter is the standard deviation of the frame times, from the same sums as in webrtc-stats; but over as many as there are frame times, not
// frames, so that an even stream has none.
func (c *cadence) jitter() time.Duration {
	if c.times.n == 0 {
		return 0
	}
	n, sum := float64(c.times.n), c.times.sum.Seconds()
	variance := max((c.squares-sum*sum/n)/n, 0)
	return time.Duration(math.Sqrt(variance) * float64(time.Second))
}
