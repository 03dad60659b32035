package microphone

import "slices"

// Bounds of the delay, in samples.
const (
	// leastDelay covers what a step, and a browser's own turn, are off by.
	leastDelay = 4 * millisecond
	// firstDelay is aimed at until enough has come to know better.
	firstDelay = 20 * millisecond
	mostDelay  = 100 * millisecond
	// spare is added to the jitter that was seen.
	spare = 3 * millisecond
)

const (
	// remembered is how many arrivals count: those of the last 2 s, with packets of 10 ms.
	remembered = 200
	// enough of them tell the jitter.
	enough = 50
	// inTime is how many of a hundred packets are to come before they are played.
	inTime = 97
	// A packet that is this much later or sooner than all that came lately is of another stream.
	strangelyLate = 2000 * millisecond
	strangelySoon = 200 * millisecond
)

// arrivals tells from when packets came how long they have to wait, so that nearly all of them are there in time. What it takes are
// transits: the time of arrival less the timestamp, in samples. Only their differences mean anything.
type arrivals struct {
	ring   [remembered]int64
	sorted [remembered]int64
	count  int
	oldest int
}

func (a *arrivals) add(transit int64) {
	if a.count == remembered {
		at, _ := slices.BinarySearch(a.sorted[:a.count], a.ring[a.oldest])
		copy(a.sorted[at:], a.sorted[at+1:a.count])
		a.count--
	}
	at, _ := slices.BinarySearch(a.sorted[:a.count], transit)
	copy(a.sorted[at+1:a.count+1], a.sorted[at:a.count])
	a.sorted[at] = transit
	a.count++
	a.ring[a.oldest] = transit
	a.oldest = (a.oldest + 1) % remembered
}

// strange reports whether a packet cannot be of the stream whose others came lately.
func (a *arrivals) strange(transit int64) bool {
	return a.count > 0 && (transit < a.sorted[0]-strangelySoon || transit > a.sorted[a.count-1]+strangelyLate)
}

// soonest is the shortest transit of late.
func (a *arrivals) soonest() int64 { return a.sorted[0] }

// aim is how long a packet that came as soon as any waits, in samples.
func (a *arrivals) aim() int {
	if a.count == 0 {
		return firstDelay
	}
	jitter := int(a.sorted[(a.count-1)*inTime/100] - a.sorted[0])
	least := leastDelay
	if a.count < enough {
		least = firstDelay
	}
	return min(max(jitter+spare, least), mostDelay)
}
