package challenge

import "math"

// mostOf is the largest count that is not out of the ordinary where each of n has a chance of p: more come in less than alarm of all cases.
func mostOf(n int, p, alarm float64) int {
	if p <= 0 {
		return 0
	}
	// The distribution's terms one after the other, in logarithms: the first of them may be too small for a float64.
	logTerm := float64(n) * math.Log1p(-p)
	tail := 1.0
	for k := 0; k < n; k++ {
		tail -= math.Exp(logTerm)
		if tail < alarm {
			return k
		}
		logTerm += math.Log(float64(n-k)/float64(k+1)) + math.Log(p) - math.Log1p(-p)
	}
	return n
}

// deviations is how many standard deviations a normal value exceeds in alarm of all cases.
func deviations(alarm float64) float64 { return math.Sqrt2 * math.Erfcinv(2*alarm) }

// mean and deviation of values; the deviation is that of one value.
func scatter(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(max(len(values)-1, 1)))
}
