package netsim

import (
	"math/bits"
	"time"
)

// Histogram counts durations in buckets whose width is an eighth of their power of two, so that each figure is right to
// 12.5 %, from 1 ns to centuries, in 4 KiB. Its zero value is empty.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	Max   time.Duration

	buckets [64 * histogramParts]uint64
}

const histogramParts = 8

// Observe counts d; what is negative counts as 0.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.Count++
	h.Sum += d
	h.Max = max(h.Max, d)
	h.buckets[histogramBucket(d)]++
}

func histogramBucket(d time.Duration) int {
	if d < histogramParts {
		return int(d)
	}
	octave := bits.Len64(uint64(d)) - 4 // of d>>octave, which is 8 to 15
	return (octave+1)*histogramParts + int(d>>octave) - histogramParts
}

// Quantile returns the duration that a share q of the observations do not exceed, rounded up to its bucket's end but
// never past Max; 0 without observations.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.Count))
	for i, n := range h.buckets {
		if rank < n || (rank == n && n > 0 && q >= 1) {
			return min(histogramEnd(i), h.Max)
		}
		rank -= n
	}
	return h.Max
}

func histogramEnd(bucket int) time.Duration {
	if bucket < histogramParts {
		return time.Duration(bucket)
	}
	octave := bucket/histogramParts - 1
	return time.Duration(bucket%histogramParts+histogramParts+1)<<octave - 1
}

// Mean returns the mean, 0 without observations.
func (h *Histogram) Mean() time.Duration {
	if h.Count == 0 {
		return 0
	}
	return h.Sum / time.Duration(h.Count)
}
