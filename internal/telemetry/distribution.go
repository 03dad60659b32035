package telemetry

import (
	"math"
	"math/bits"
	"sync"
	"time"
)

// Distribution keeps how durations of one kind were spread since it was made, in a kibibyte: in whole microseconds, each counted as the
// middle of one of eight parts of a power of two, which is within 6 % of it. Adding does not allocate. The zero value is empty. It is safe for
// concurrent use.
type Distribution struct {
	mu     sync.Mutex
	counts [parts * 32]uint32
	n      uint64
}

const (
	parts    = 8 // of a power of two
	partBits = 3
	longest  = 1<<32 - 1 // microseconds: an hour and more; what is longer counts as that
)

// Add counts one duration; one below zero counts as none.
func (d *Distribution) Add(duration time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[bucket(uint64(min(max(duration.Microseconds(), 0), longest)))]++
	d.n++
}

// Quantile is the duration that a share of those added, from 0 to 1, are within (by the nearest rank); 0 while there are none.
func (d *Distribution) Quantile(share float64) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	wanted := max(uint64(math.Ceil(share*float64(d.n))), 1)
	var sum uint64
	for i, count := range d.counts {
		if sum += uint64(count); sum >= wanted {
			return time.Duration(middle(i)) * time.Microsecond
		}
	}
	return 0
}

// bucket is the place of a value: those below parts have one each.
func bucket(value uint64) int {
	exponent := bits.Len64(value) - partBits - 1
	if exponent <= 0 {
		return int(value)
	}
	return (exponent+1)*parts + int(value>>exponent)&(parts-1)
}

// middle is the value that stands for those of a bucket.
func middle(bucket int) uint64 {
	exponent := bucket/parts - 1
	if exponent <= 0 {
		return uint64(bucket)
	}
	low := uint64(parts+bucket%parts) << exponent
	return low + 1<<exponent/2
}
