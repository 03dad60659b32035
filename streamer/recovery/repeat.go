package recovery

import "time"

const (
	// mostAge is how old a packet may be when it arrives. Players wait for a lost frame for about as long before they ask for a
	// keyframe; what comes later is not waited for.
	mostAge = 300 * time.Millisecond
	// mostRepeats bounds what one lost packet may cost. A link that loses five in a row does not lose at random.
	mostRepeats = 4
	// leastGap separates two repeats where the round trip is tiny or not known yet: requests for one packet come in bursts.
	leastGap = 5 * time.Millisecond
)

// Packet is what has been done about a packet that is asked for.
type Packet struct {
	Age     time.Duration // since it was sent first
	Since   time.Duration // since it was sent last
	Repeats int           // how often it was sent again, at once or one after the other
}

// Copies is how many copies of a packet to send again now, when the round trip is as given (0 while it is not known).
//
// A packet that was sent less than a round trip ago may be on its way: a request that crosses it asks for nothing new. The first
// repeat is one copy; from the second on it is two, since a packet that was lost twice is worth more than what it costs (Hairpin,
// NSDI 2024: redundancy belongs on retransmissions, where a loss costs a further round trip).
func Copies(p Packet, roundTrip time.Duration) int {
	switch {
	case p.Repeats >= mostRepeats,
		p.Repeats > 0 && p.Since < max(roundTrip*3/4, leastGap), // measured round trips are means: a shorter one is no mistake
		p.Age+roundTrip/2 > mostAge:
		return 0
	case p.Repeats == 0:
		return 1
	}
	return min(2, mostRepeats-p.Repeats)
}
