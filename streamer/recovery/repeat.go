package recovery

import "time"

const (
	// mostWait is how long a player waits for a packet that it misses, about, before it gives up the frame and asks for a keyframe. A
	// browser waits longer, but nobody plays meanwhile. It is enough for three tries with a round trip of 80 ms. Where the way is long one repeat is waited for all the same: nothing else is
	// faster.
	mostWait = 300 * time.Millisecond
	// mostRoundTrips bounds the wait on a long way.
	mostRoundTrips = 2
	// mostRepeats bounds what one lost packet may cost. A link that loses five in a row does not lose at random.
	mostRepeats = 4
	// leastGap separates two repeats where the round trip is tiny or not known yet: requests for one packet come in bursts.
	leastGap = 5 * time.Millisecond
	// mostAtOnce bounds what is repeated at once, and a keyframe with its repair packets, as time at the rate in force: more holds up what is new
	// for longer than a keyframe may.
	mostAtOnce = 100 * time.Millisecond
)

// Packet is what has been done about a packet that is asked for.
type Packet struct {
	Waited  time.Duration // since it was asked for first
	Since   time.Duration // since it was sent last
	Repeats int           // how often it was sent again, at once or one after the other
}

// Verdict is what to do about a packet that is asked for.
type Verdict struct {
	Copies int  // how many copies of it to send now
	Doubt  bool // two of its repeats at least were lost as well
	Lost   bool // it does not come in time any more
}

// Judge decides when the round trip is as given (0 while it is not known).
//
// A packet that was sent less than a round trip ago may be on its way: a request that crosses it asks for nothing new. The first
// repeat is one copy; from the second on it is two, and so is the first where there is no time for a second: a packet that was lost
// twice is worth more than what it costs (Hairpin, NSDI 2024: redundancy belongs on retransmissions, where a loss costs a further
// round trip).
//
// A frame comes into doubt with the third request, not the second: what is referred past is not shown, nor is any frame between that
// only waits for its own first repeat, while the two copies that answer the second request are both lost once in thousands of times.
//
// A player asks as soon as it misses a packet, so that it has waited since half a round trip before it was asked for, and a repeat
// takes another half to come. How long ago the packet was sent says nothing: the link may have stood still.
func Judge(p Packet, roundTrip time.Duration) Verdict {
	wait := max(mostWait, mostRoundTrips*roundTrip)
	switch {
	case p.Repeats > 0 && p.Since < max(roundTrip*3/4, leastGap): // measured round trips are means: a shorter one is no mistake
		return Verdict{}
	case p.Repeats >= mostRepeats, p.Repeats > 0 && p.Waited+roundTrip > wait:
		return Verdict{Lost: true}
	case p.Repeats > 0:
		return Verdict{Copies: min(2, mostRepeats-p.Repeats), Doubt: p.Repeats > 1}
	case p.Waited+roundTrip*9/4 > wait: // the next request comes a little more than a round trip from now
		return Verdict{Copies: 2}
	}
	return Verdict{Copies: 1}
}

// Room is how many more octets fit behind so many before both take longer than may be sent at once.
func Room(octets int, bitsPerSecond int64) int {
	return max(int(float64(bitsPerSecond)/8*mostAtOnce.Seconds())-octets, 0)
}

// TooMuch reports whether so many octets are too much to repeat at once when so many bits are sent a second: after an outage a frame that
// does without all of it is there sooner.
func TooMuch(octets int, bitsPerSecond int64) bool {
	return float64(octets)*8 > float64(bitsPerSecond)*mostAtOnce.Seconds()
}
