package congestion

import "time"

const (
	// probeSamples is over how many samples the median is taken: frames of a seventh of a second at 60 frames per second. A pause
	// of the link or of the receiver's thread spoils one or two of them.
	probeSamples = 9
	// probeBytes is what a sample needs after its first packet. Two packets alone measure the clock's grain.
	probeBytes = 3000
	// probeMost bounds what a sample says, in bits per second: packets that arrived at one instant say nothing.
	probeMost = 2e9
	// busyFrames is how many frames the rate of a busy link is measured over.
	busyFrames = 4
)

// probe turns frames into samples of the link's rate. A frame leaves within half a frame's interval, so at twice the target
// or more: when it takes longer to arrive than it took to leave, the link was the slower one, and the frame's bytes
// over the time they took to arrive are its rate (or our share of it, where other traffic came in between). When not, the link
// is at least as fast as that.
//
// It is fed with arrivals in the order of sending; a packet of an older frame than the current one is ignored.
type probe struct {
	frame   int64
	begun   bool
	bytes   int // after the first packet
	packets int
	all     int
	firstIn time.Duration
	lastIn  time.Duration
	firstAt Instant
	lastAt  Instant
	least   time.Duration // least wait of the frame's packets: what waits before the frame itself queues
	lastQ   time.Duration

	pending struct { // small frames, until there are enough bytes for a sample
		bytes int
		span  time.Duration
	}

	after   Instant // frames sent before that are no samples
	samples [probeSamples]float64
	count   int
	next    int

	past  [busyFrames]arrivedFrame // a ring
	pastN int
	where int // of the next one
}

// arrivedFrame is one frame as the receiver saw it.
type arrivedFrame struct {
	id              int64
	firstAt         Instant
	lastAt          Instant
	firstIn, lastIn time.Duration
	bytes, all      int
	least, last     time.Duration // waits
}

// arrived counts one packet. done is the frame that it completes, by being of the next one.
func (p *probe) arrived(packet *sentPacket, in, queue time.Duration) (done arrivedFrame, ok bool) {
	if p.begun && packet.frame < p.frame {
		return arrivedFrame{}, false
	}
	if !p.begun || packet.frame != p.frame || p.packets == 0 {
		done, ok = p.finish()
		p.frame, p.begun = packet.frame, true
		p.bytes, p.packets, p.all = 0, 1, int(packet.size)
		p.firstIn, p.lastIn, p.firstAt, p.lastAt = in, in, packet.sent, packet.sent
		p.least, p.lastQ = queue, queue
		return done, ok
	}
	p.bytes += int(packet.size)
	p.all += int(packet.size)
	p.packets++
	p.firstIn, p.lastIn = min(p.firstIn, in), max(p.lastIn, in)
	p.lastAt = max(p.lastAt, packet.sent)
	p.least = min(p.least, queue)
	p.lastQ = queue
	return arrivedFrame{}, false
}

// lost counts a packet that was lost behind the link, which it took time on.
func (p *probe) lost(packet *sentPacket) {
	if p.begun && p.packets > 0 && packet.frame == p.frame {
		p.bytes += int(packet.size)
	}
}

// underway is the rate at which a frame comes of which the first packets were reported, and how much longer they took than
// on a link of so many bits per second.
func (p *probe) underway(rate float64) (comes float64, longer time.Duration) {
	if p.packets == 0 || p.bytes < probeBytes {
		return 0, 0
	}
	span := p.lastIn - p.firstIn
	return rateOf(p.bytes, span), span - max(serialise(p.bytes, rate), p.lastAt.Sub(p.firstAt))
}

// finish closes the current frame, when nothing more of it can come.
func (p *probe) finish() (done arrivedFrame, ok bool) {
	if !p.begun || p.packets == 0 {
		return arrivedFrame{}, false
	}
	done = arrivedFrame{
		id: p.frame, firstAt: p.firstAt, lastAt: p.lastAt, firstIn: p.firstIn, lastIn: p.lastIn,
		bytes: p.bytes, all: p.all, least: p.least, last: p.lastQ,
	}
	p.packets = 0
	p.past[p.where] = done
	p.where = (p.where + 1) % busyFrames
	p.pastN = min(p.pastN+1, busyFrames)
	if p.bytes > 0 && p.firstAt >= p.after {
		p.pending.bytes += p.bytes
		p.pending.span += p.lastIn - p.firstIn
	}
	if p.pending.bytes >= probeBytes {
		p.sample(rateOf(p.pending.bytes, p.pending.span))
		p.pending.bytes, p.pending.span = 0, 0
	}
	return done, true
}

// rateOf is in bits per second, from 1 to probeMost.
func rateOf(bytes int, span time.Duration) float64 {
	if span <= 0 {
		return probeMost
	}
	return min(max(float64(bytes)*8/span.Seconds(), 1), probeMost)
}

func (p *probe) sample(rate float64) {
	p.samples[p.next] = rate
	p.next = (p.next + 1) % probeSamples
	p.count = min(p.count+1, probeSamples)
}

// median returns the samples' median. ok is false before there are enough of them.
func (p *probe) median(enough int) (rate float64, ok bool) { return p.quantile(enough, 1, 2) }

// quantile returns the sample that a share of them, over divided by of, are below.
func (p *probe) quantile(enough, over, of int) (rate float64, ok bool) {
	if p.count < max(enough, 1) {
		return 0, false
	}
	sorted := p.samples
	for i := 1; i < p.count; i++ {
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[p.count*over/of], true
}

// forget drops the samples, and those of frames that were sent before an instant.
func (p *probe) forget(before Instant) {
	p.count, p.next, p.pending.bytes, p.pending.span, p.after = 0, 0, 0, 0, before
}

// back returns the frame that arrived n frames before the newest one.
func (p *probe) back(n int) *arrivedFrame {
	if n >= p.pastN {
		return nil
	}
	return &p.past[(p.where-1-n+2*busyFrames)%busyFrames]
}

// standing is the least wait of the newest n frames' first packets: what does not go away between frames. ok is false when there
// are not so many that were sent after since.
func (p *probe) standing(n int, since Instant) (queue time.Duration, ok bool) {
	for i := range n {
		f := p.back(i)
		if f == nil || f.firstAt < since {
			return 0, false
		}
		if i == 0 || f.least < queue {
			queue = f.least
		}
	}
	return queue, n > 0
}

// outflow is what came out of a queue that did not run empty.
type outflow struct {
	rate    float64 // at which it came out, bits per second: the link's rate, or our share of it
	sent    float64 // at which it was sent
	growing bool    // the wait became longer meanwhile
}

// busy looks at the newest frames, as long as each of them waited for more than limit.
func (p *probe) busy(limit time.Duration) (out outflow, ok bool) {
	var bytes int
	var oldest *arrivedFrame
	for i := 0; i < p.pastN; i++ {
		f := p.back(i)
		if f.least <= limit {
			break
		}
		if oldest != nil {
			bytes += oldest.all - oldest.bytes // it was not the first after all
		}
		bytes += f.bytes
		oldest = f
	}
	if oldest == nil {
		return outflow{}, false
	}
	newest := p.back(0)
	span := newest.lastIn - oldest.firstIn
	if bytes < probeBytes/2 || span <= 0 {
		return outflow{}, false
	}
	return outflow{rateOf(bytes, span), rateOf(bytes, newest.lastAt.Sub(oldest.firstAt)), newest.least > oldest.least+queueGrain}, true
}
