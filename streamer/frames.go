package streamer

import (
	"sync"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// frameHistory is how many sent frames wait for their acknowledgement: four seconds at 60 frames per second.
const frameHistory = 256

// Presented is one frame's way from damage to screen, as the edge and the player saw it.
type Presented struct {
	Times   media.StageTimes
	Network time.Duration // last packet sent to last packet received; needs the clocks' difference, so it errs by half the round trip's asymmetry
	Decode  time.Duration
	Present time.Duration // decoded to shown
}

// frameLog joins what the edge knows of a frame with what the player says of it, by RTP timestamp.
type frameLog struct {
	mu     sync.Mutex
	frames [frameHistory]sentFrame
	next   int
	clock  clockDifference
}

type sentFrame struct {
	timestamp uint32
	times     media.StageTimes
}

func (l *frameLog) add(timestamp uint32, times media.StageTimes) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frames[l.next] = sentFrame{timestamp, times}
	l.next = (l.next + 1) % frameHistory
}

func (l *frameLog) observePing(sent, received, roundTrip time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clock.observe(received-sent, roundTrip)
}

// acknowledge finds the frame of an Ack. ok is false when it is not known (any more), or the clocks are not yet.
func (l *frameLog) acknowledge(ack *control.Ack) (p Presented, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.clock.known {
		return Presented{}, false
	}
	for i := range l.frames {
		f := &l.frames[i]
		if f.timestamp != ack.RTP || f.times.Sent == 0 {
			continue
		}
		p = Presented{Times: f.times, Decode: ack.Decode}
		f.times.Sent = 0 // each frame is presented once
		received := media.Instant(ack.Received + l.clock.difference)
		p.Network = max(received.Sub(p.Times.Sent), 0)
		p.Present = max(ack.Presented-ack.Received-ack.Decode, 0)
		return p, true
	}
	return Presented{}, false
}

// clockDifference is the edge's clock less the player's: the smallest (received - sent) of a ping, less half a round
// trip. The smallest of a window, since waiting only ever adds.
type clockDifference struct {
	known      bool
	difference time.Duration
	smallest   time.Duration
	age        int // pings since the smallest
}

// clockWindow is how many pings (four a second) a smallest value is trusted, so that drifting clocks are followed.
const clockWindow = 240

func (c *clockDifference) observe(difference, roundTrip time.Duration) {
	c.age++
	if !c.known || difference <= c.smallest || c.age > clockWindow {
		c.known, c.smallest, c.age = true, difference, 0
		c.difference = difference - roundTrip/2
	}
}
