package clockapp

import (
	"math"
	"time"

	"nearlight/internal/media"
)

// schedule is when pictures are drawn: tick n of the rate after its start, computed anew for each so that errors
// never add up.
type schedule struct {
	start media.Instant
	rate  float64
}

func (s schedule) tick(n int64) media.Instant {
	return s.start.Add(time.Duration(float64(n) / s.rate * float64(time.Second)))
}

// next is the first tick after last that is still ahead, or just passed by less than one interval: what is further
// back is not made up for.
func (s schedule) next(last int64, now media.Instant) int64 {
	passed := int64(math.Floor(now.Sub(s.start).Seconds() * s.rate))
	return max(last+1, passed)
}

// position is where the part shown in picture n begins: on a slow figure of eight that never rests.
func position(n int64) (left, top int) {
	const lap = 300 // pictures
	angle := 2 * math.Pi * float64(n%lap) / lap
	middle := float64(travel) / 2
	return int(middle + middle*math.Sin(angle)), int(middle + middle*math.Sin(2*angle))
}
