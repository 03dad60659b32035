package netsim

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Bulk is a TCP-like download that shares the bottleneck: a sender with CUBIC's window (RFC 9438) that always has something
// to send. Its packets are virtual: they take their place in the queue and their time on the link, but none comes out.
// Their acknowledgements take the time Return and are never lost. The same link with the same packets meets the same
// download.
type Bulk struct {
	Start time.Duration // when the first segments are sent
	Stop  time.Duration // when no more are; 0 means never
	// Return is how long an acknowledgement takes; 0 means as long as Config.Delay.
	Return  time.Duration
	Segment int // octets of a packet on the link; 0 means DefaultBulkSegment
	Window  int // segments that may be under way at the most; 0 means DefaultBulkWindow
}

// Defaults and bounds of Bulk.
const (
	DefaultBulkSegment = 1500
	DefaultBulkWindow  = 2048 // 3 MB: what a receiver with Linux's tcp_rmem offers after a while
	maxBulkWindow      = 1 << 16
)

// CUBIC's constants, and those of the TCP around it.
const (
	cubicScale       = 0.4 // C (RFC 9438 section 5)
	cubicDecrease    = 0.7 // beta (section 4.6)
	cubicFriendly    = 3 * (1 - cubicDecrease) / (1 + cubicDecrease)
	bulkFirstWindow  = 10                     // RFC 6928
	bulkLeastWindow  = 2                      // section 4.6
	bulkReordering   = 3                      // later segments that tell a loss (RFC 5681 section 3.2)
	bulkLeastTimeout = 200 * time.Millisecond // Linux's TCP_RTO_MIN
	bulkFirstTimeout = time.Second            // RFC 6298 section 2
	bulkMostBackoff  = 6                      // 64 times
)

func (b Bulk) check() error {
	switch {
	case b.Start < 0 || b.Return < 0:
		return errors.New("bulk flow: neither Start nor Return may be negative")
	case b.Stop != 0 && b.Stop < b.Start:
		return fmt.Errorf("bulk flow: it stops at %v, before it starts at %v", b.Stop, b.Start)
	case b.Segment < 0 || b.Segment > math.MaxUint16 || b.Window < 0 || b.Window > maxBulkWindow:
		return fmt.Errorf("bulk flow: segments of %d octets, %d under way: give at most %d and %d", b.Segment, b.Window, math.MaxUint16, maxBulkWindow)
	}
	return nil
}

type bulkFlow struct {
	Bulk

	outstanding ring[segment] // sent, and neither known to be lost nor followed by acknowledged ones only
	oldest      uint64        // the sequence number of the first of these
	acked       int           // of these
	acks        ring[acknowledgement]
	lastAck     time.Duration

	window    float64 // in segments
	threshold float64 // of slow start
	recovery  uint64  // losses of segments before this one belong to a reduction that was made

	peak     float64       // W_max
	epoch    time.Duration // when the window was last reduced
	plateau  float64       // K, in seconds
	friendly float64       // W_est

	smoothed, variation time.Duration // of the round trip
	progress            time.Duration // when something was last acknowledged, or sent after nothing was under way
	backoff             int
}

type segment struct {
	sent  time.Duration
	acked bool
}

type acknowledgement struct {
	sequence uint64
	at       time.Duration
}

func newBulkFlow(b Bulk, delay time.Duration) *bulkFlow {
	if b.Return == 0 {
		b.Return = delay
	}
	if b.Segment == 0 {
		b.Segment = DefaultBulkSegment
	}
	if b.Window == 0 {
		b.Window = DefaultBulkWindow
	}
	if b.Stop == 0 {
		b.Stop = never
	}
	return &bulkFlow{Bulk: b, window: bulkFirstWindow, threshold: math.Inf(1)}
}

func (f *bulkFlow) underWay() int { return f.outstanding.count - f.acked }

// next is when the flow has something to do; until then it has not.
func (f *bulkFlow) next() time.Duration {
	at := never
	switch {
	case f.underWay() > 0:
		at = f.progress + f.timeout()
	case f.oldest == 0 && f.outstanding.count == 0 && f.Start < f.Stop:
		at = f.Start
	}
	if f.acks.count > 0 {
		at = min(at, f.acks.at(0).at)
	}
	return at
}

// wake takes what has come by now; the link lets it send afterwards.
func (f *bulkFlow) wake(now time.Duration) {
	if f.acks.count > 0 && f.acks.at(0).at <= now {
		f.acknowledged(f.acks.pop().sequence, now)
		return
	}
	if f.underWay() > 0 && now >= f.progress+f.timeout() {
		f.timedOut(now)
	}
}

// mayOpen reports whether the window lets another segment go.
func (f *bulkFlow) mayOpen(now time.Duration) bool {
	return now >= f.Start && now < f.Stop && f.underWay() < min(int(f.window), f.Window)
}

// open notes that a segment is sent, and returns its sequence number.
func (f *bulkFlow) open(now time.Duration) uint64 {
	if f.underWay() == 0 {
		f.progress = now
	}
	f.outstanding.push(segment{sent: now})
	return f.oldest + uint64(f.outstanding.count) - 1
}

// arrived notes that a segment reaches the receiver at the given time.
func (f *bulkFlow) arrived(sequence uint64, at time.Duration) {
	f.lastAck = max(f.lastAck, at+f.Return)
	f.acks.push(acknowledgement{sequence, f.lastAck})
}

func (f *bulkFlow) acknowledged(sequence uint64, now time.Duration) {
	f.progress, f.backoff = now, 0
	if sequence < f.oldest || sequence-f.oldest >= uint64(f.outstanding.count) {
		return // it was taken for lost
	}
	s := f.outstanding.at(int(sequence - f.oldest))
	s.acked = true
	f.acked++
	f.measure(now - s.sent)
	f.grow(now)
	for f.outstanding.count > 0 {
		first := f.outstanding.at(0)
		if !first.acked && sequence < f.oldest+bulkReordering {
			return
		}
		if first.acked {
			f.acked--
		} else if f.oldest >= f.recovery {
			f.reduce(now)
		}
		f.outstanding.pop()
		f.oldest++
	}
}

// measure is RFC 6298 section 2.
func (f *bulkFlow) measure(roundTrip time.Duration) {
	if f.smoothed == 0 {
		f.smoothed, f.variation = roundTrip, roundTrip/2
		return
	}
	f.variation += ((f.smoothed - roundTrip).Abs() - f.variation) / 4
	f.smoothed += (roundTrip - f.smoothed) / 8
}

func (f *bulkFlow) timeout() time.Duration {
	base := bulkFirstTimeout
	if f.smoothed > 0 {
		base = f.smoothed + max(4*f.variation, bulkLeastTimeout)
	}
	return base << f.backoff
}

// grow is RFC 9438 sections 4.2 to 4.5 for one acknowledgement.
func (f *bulkFlow) grow(now time.Duration) {
	if f.window < f.threshold {
		f.window++
		return
	}
	f.friendly += cubicFriendly / f.window
	elapsed := (now - f.epoch).Seconds()
	if f.cubic(elapsed) < f.friendly {
		f.window = max(f.window, f.friendly)
	} else {
		target := min(max(f.cubic(elapsed+f.smoothed.Seconds()), f.window), 1.5*f.window)
		f.window += (target - f.window) / f.window
	}
	f.window = min(f.window, float64(f.Window))
}

func (f *bulkFlow) cubic(seconds float64) float64 {
	t := seconds - f.plateau
	return cubicScale*t*t*t + f.peak
}

// reduce is RFC 9438 sections 4.6 and 4.7, once for all the segments that are under way.
func (f *bulkFlow) reduce(now time.Duration) {
	f.recovery = f.oldest + uint64(f.outstanding.count)
	if f.window < f.peak {
		f.peak = f.window * (1 + cubicDecrease) / 2
	} else {
		f.peak = f.window
	}
	f.threshold = max(f.window*cubicDecrease, bulkLeastWindow)
	f.window = f.threshold
	f.friendly = f.window
	f.epoch = now
	f.plateau = math.Cbrt(max(f.peak-f.window, 0) / cubicScale)
}

// timedOut takes all that is under way for lost.
func (f *bulkFlow) timedOut(now time.Duration) {
	// While it comes back from a timeout another one says nothing new of the path (RFC 5681 section 3.1).
	if f.window >= f.threshold || math.IsInf(f.threshold, 1) {
		f.reduce(now)
	}
	f.window = 1
	f.oldest += uint64(f.outstanding.count)
	for f.outstanding.count > 0 {
		f.outstanding.pop()
	}
	f.acked = 0
	f.backoff = min(f.backoff+1, bulkMostBackoff)
	f.progress = now
}
