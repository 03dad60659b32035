package streamer

import (
	"time"

	"nearlight/internal/media"
)

const (
	// trainTime is how much of the link's time one train takes at the pace that is set: as short as can be slept for. A train
	// is what the bottleneck's queue has to hold.
	trainTime = time.Millisecond
	// trainLeast is the least that a train has, in packets: pairs tell the link's rate, and cost half as many calls.
	trainLeast = 2
	// burst is how many octets may leave at once at any pace, after a pause: less than ten packets fill no queue.
	burst = 10 << 10
)

// schedule says when the packets in line may leave: at a pace that the link carries, but for a frame within the time that
// it is given. Without a pace everything leaves at once. It is pure, and its owner guards it.
type schedule struct {
	pace   media.Bitrate // 0 for none
	within time.Duration // in which all that is in line leaves, whatever the pace

	next    media.Instant // when the next train may leave
	waiting int           // octets in line
	least   media.Bitrate // the pace by which what is in line leaves within its time
}

// setPace is how fast packets leave, and the time in which a frame leaves at any pace.
func (s *schedule) setPace(pace media.Bitrate, within time.Duration) { s.pace, s.within = pace, within }

// add tells of a packet that joined the line.
func (s *schedule) add(size int) {
	s.waiting += size
	if s.within > 0 {
		s.least = max(s.least, media.Bitrate(float64(s.waiting*8)/s.within.Seconds()))
	}
}

// due is how many packets leave now, as one train; 0 means none before next.
func (s *schedule) due(now media.Instant, length func(n int) (int, bool)) (packets int) {
	if s.pace == 0 {
		return s.all(length)
	}
	// What was not used before may be used at once, up to a burst.
	s.next = max(s.next, now.Add(-s.time(burst)))
	if s.next > now {
		return 0
	}
	for octets := 0; ; packets++ {
		size, is := length(packets)
		if !is || packets >= trainLeast && s.time(octets) >= trainTime {
			break
		}
		octets += size
	}
	return packets
}

func (*schedule) all(length func(n int) (int, bool)) (packets int) {
	for {
		if _, is := length(packets); !is {
			return packets
		}
		packets++
	}
}

// took tells of a packet that left.
func (s *schedule) took(size int) {
	s.next = s.next.Add(s.time(size))
	if s.waiting -= size; s.waiting == 0 {
		s.least = 0
	}
}

// time is how long the link takes for so many octets at the pace in force.
func (s *schedule) time(octets int) time.Duration {
	if s.pace == 0 {
		return 0
	}
	return time.Duration(float64(octets*8) / float64(max(s.pace, s.least)) * float64(time.Second))
}

// clear forgets what is in line.
func (s *schedule) clear() { s.waiting, s.least = 0, 0 }
