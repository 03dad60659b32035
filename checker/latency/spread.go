package latency

import (
	"math/bits"
	"time"
)

// Buckets of a Spread: one for each microsecond up to 128, then 64 for each doubling, up to 134 s; the last has whatever is longer.
const (
	spreadUnit  = time.Microsecond
	bucketParts = 64
	octaves     = 20
	bucketCount = (octaves + 2) * bucketParts
)

// Spread is a distribution of durations in 17 KiB, however many there are. A quantile is the mean of those that share the bucket of the one
// sought, and so off by 1.6 % at the most. Its zero value is empty.
type Spread struct {
	counts [bucketCount]uint32
	sums   [bucketCount]time.Duration
	n      uint64
	sum    time.Duration
	most   time.Duration
}

// Observe counts d; what is negative counts as 0.
func (s *Spread) Observe(d time.Duration) {
	d = max(d, 0)
	bucket := bucketOf(d)
	s.counts[bucket]++
	s.sums[bucket] += d
	s.n++
	s.sum += d
	s.most = max(s.most, d)
}

func bucketOf(d time.Duration) int {
	units := uint64(d / spreadUnit)
	octave := max(bits.Len64(units/bucketParts)-1, 0) // of units>>octave, which is below twice bucketParts, and from the second octave on no less than it
	return int(min(uint64(octave*bucketParts)+units>>octave, bucketCount-1))
}

// Quantile is the duration that a share q of all do not exceed, by nearest rank; 0 where there are none.
func (s *Spread) Quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	rank := uint64(min(max(q, 0), 1) * float64(s.n))
	if float64(rank) < q*float64(s.n) {
		rank++
	}
	rank = min(max(rank, 1), s.n)
	for bucket, count := range s.counts {
		if rank <= uint64(count) {
			return s.sums[bucket] / time.Duration(count)
		}
		rank -= uint64(count)
	}
	return s.most
}

// Percentiles are a Spread's figures.
type Percentiles struct {
	P50, P95, P99, Max, Mean time.Duration
	N                        uint64
}

// Percentiles sums s up.
func (s *Spread) Percentiles() Percentiles {
	p := Percentiles{P50: s.Quantile(0.50), P95: s.Quantile(0.95), P99: s.Quantile(0.99), Max: s.most, N: s.n}
	if s.n > 0 {
		p.Mean = s.sum / time.Duration(s.n)
	}
	return p
}
