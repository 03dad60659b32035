package congestion

import "time"

const (
	// packetHistory covers 1.5 s of 1200-byte packets at 50 Mbit/s; what is reported later than that is of no use. A power of two.
	packetHistory = 8192
	// frameHistory is four seconds at 60 frames per second. A power of two.
	frameHistory = 256
)

type sentPacket struct {
	SentPacket
	known    bool
	arrived  bool
	reported bool
}

// packetLog remembers packets until they are reported.
type packetLog struct {
	packets [packetHistory]sentPacket
	newest  int64
	begun   bool
}

func (l *packetLog) add(p SentPacket) {
	l.packets[p.Sequence&(packetHistory-1)] = sentPacket{SentPacket: p, known: true}
	if !l.begun || p.Sequence > l.newest {
		l.newest, l.begun = p.Sequence, true
	}
}

// find returns nil for a packet that was never sent, or is forgotten.
func (l *packetLog) find(sequence int64) *sentPacket {
	p := &l.packets[sequence&(packetHistory-1)]
	if !p.known || p.Sequence != sequence {
		return nil
	}
	return p
}

// sentFrame is what is known of a frame.
type sentFrame struct {
	id            int64
	known         bool
	bytes         int
	packets       int
	first, last   Instant // when its packets left, retransmissions aside
	retransmitted bool
	acked         bool
	arrived       bool          // reports say that its last packet came
	queue         time.Duration // how long its last packet waited on the link, if measured
	measured      bool
}

// frameLog remembers frames until they are acknowledged.
type frameLog struct {
	frames     [frameHistory]sentFrame
	newest     int64
	begun      bool
	acked      int64 // the newest frame that was acknowledged; those before it count as acknowledged
	anyAcked   bool
	measured   int64 // the newest frame with a measured queue
	anyMeasure bool
}

func (l *frameLog) find(id int64) *sentFrame {
	f := &l.frames[id&(frameHistory-1)]
	if !f.known || f.id != id {
		return nil
	}
	return f
}

// add counts a packet to its frame and returns the frame, or nil when the frame is too old.
func (l *frameLog) add(p SentPacket) *sentFrame {
	f := &l.frames[p.Frame&(frameHistory-1)]
	if !f.known || f.id != p.Frame {
		if f.known && f.id > p.Frame {
			return nil
		}
		*f = sentFrame{id: p.Frame, known: true, first: p.Sent, last: p.Sent}
		if !l.begun || p.Frame > l.newest {
			l.newest, l.begun = p.Frame, true
		}
	}
	f.bytes += p.Size
	f.packets++
	f.first, f.last = min(f.first, p.Sent), max(f.last, p.Sent)
	return f
}

// measure records how long a frame's last packet waited.
func (l *frameLog) measure(f *sentFrame, queue time.Duration) {
	f.queue, f.measured = queue, true
	if !l.anyMeasure || f.id > l.measured {
		l.measured, l.anyMeasure = f.id, true
	}
}

// backlog estimates how long a link of so many bits per second still needs, at now, for what it was given: from the
// newest frame whose wait was measured, it plays the frames since through a queue of that rate.
func (l *frameLog) backlog(now Instant, rate float64) time.Duration {
	if !l.begun || !(rate > 0) {
		return 0
	}
	id := l.newest - frameHistory + 1
	var queue time.Duration
	at := now
	if l.anyMeasure && l.measured >= id {
		if f := l.find(l.measured); f != nil {
			queue, at, id = f.queue, f.last, f.id+1
		}
	}
	for ; id <= l.newest; id++ {
		f := l.find(id)
		if f == nil {
			continue
		}
		if f.first > at {
			queue = max(queue-f.first.Sub(at), 0)
		}
		// The link works on the frame while it still comes in.
		queue = max(queue+serialise(f.bytes, rate)-f.last.Sub(f.first), 0)
		at = f.last
	}
	if now > at {
		queue -= now.Sub(at)
	}
	return min(max(queue, 0), longWindow)
}

// serialise returns how long a link of so many bits per second takes to send so many bytes.
func serialise(bytes int, rate float64) time.Duration {
	return time.Duration(float64(bytes) * 8 / rate * float64(time.Second))
}
