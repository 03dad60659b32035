package congestion

import "time"

const (
	// packetHistory covers 0.8 s of 1200-byte packets at 50 Mbit/s; what is reported later than that is of no use. A power of two.
	packetHistory = 4096
	// frameHistory is four seconds at 60 frames per second. A power of two.
	frameHistory = 256
)

type sentPacket struct {
	sequence, frame int64
	sent            Instant
	size            uint16
	kind            Kind
	known           bool
	arrived         bool
	reported        bool
}

// packetLog remembers packets until they are reported.
type packetLog struct {
	packets [packetHistory]sentPacket
}

func (l *packetLog) add(p *SentPacket) {
	l.packets[p.Sequence&(packetHistory-1)] = sentPacket{
		sequence: p.Sequence, frame: p.Frame, sent: p.Sent, size: uint16(p.Size), kind: p.Kind, known: true,
	}
}

// find returns nil for a packet that was never sent, or is forgotten.
func (l *packetLog) find(sequence int64) *sentPacket {
	p := &l.packets[sequence&(packetHistory-1)]
	if !p.known || p.sequence != sequence {
		return nil
	}
	return p
}

// sentFrame is what is known of a frame.
type sentFrame struct {
	id            int64
	known         bool
	bytes         int
	sequence      int64   // its last packet's
	first, last   Instant // when its packets left, retransmissions aside
	retransmitted bool
	acked         bool
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
func (l *frameLog) add(p *SentPacket) *sentFrame {
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
	f.sequence = max(f.sequence, p.Sequence)
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

// backlog estimates how long a link of so many bits per second still needs, at now, for what it was given.
func (l *frameLog) backlog(now Instant, rate float64) time.Duration {
	if !l.begun {
		return 0
	}
	queue, at := l.replay(l.newest, l.measured, l.anyMeasure, rate)
	if now > at {
		queue -= now.Sub(at)
	}
	return min(max(queue, 0), longWindow)
}

// expected estimates how long a frame's last packet waits on a link of so many bits per second, from what is known of the
// frames before it.
func (l *frameLog) expected(f *sentFrame, rate float64) time.Duration {
	known := min(l.measured, f.id-1)
	for ; known > f.id-frameHistory && known < l.measured; known-- {
		if g := l.find(known); g != nil && g.measured {
			break
		}
	}
	queue, _ := l.replay(f.id, known, l.anyMeasure, rate)
	return min(max(queue, 0), longWindow)
}

// replay plays frames through a queue, from the one whose wait is known to another, and returns how long that one's last packet
// waits, and when it was sent.
func (l *frameLog) replay(to, from int64, known bool, rate float64) (queue time.Duration, at Instant) {
	id := to - frameHistory + 1
	if known && from >= id {
		if f := l.find(from); f != nil && f.measured {
			queue, at, id = f.queue, f.last, f.id+1
		}
	}
	for ; id <= to; id++ {
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
	return queue, at
}

// serialise returns how long a link of so many bits per second takes to send so many bytes: an hour at most.
func serialise(bytes int, rate float64) time.Duration {
	return time.Duration(min(float64(bytes)*8/rate, 3600) * float64(time.Second))
}
