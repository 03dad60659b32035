package epoch

import "time"

// Standing is what is known of an edge by its checks. What was passed and failed counts half as much each week later, so that an edge is what
// it has lately been. All of it is in whole numbers, since everybody has to come to the same.
type Standing struct {
	Passed int64  `json:"passed"` // weight of checks, in millionths of one
	Failed int64  `json:"failed"`
	At     Millis `json:"at"` // when they weighed so much
}

const (
	one = 1_000_000
	// probation is the weight of checks before which an edge is a newcomer, and gets test work only.
	probation = 5 * one
	// hourly is what an hour leaves of a weight, 2^(-1/168), in units of 2^-32.
	hourly = 4_277_283_299
	// longest is how many hours are looked at: after it nothing is left.
	longest = 64 * 7 * 24
	// mostWeight bounds what counts, which no edge comes near: a check a second is 870,000 in the end.
	mostWeight = 1_000_000 * one
)

// After is the standing after one more check, at an instant that is not before the last one's.
func (s Standing) After(passed bool, at Millis) Standing {
	s = s.Until(at)
	if passed {
		s.Passed = min(s.Passed+one, mostWeight)
	} else {
		s.Failed = min(s.Failed+one, mostWeight)
	}
	return s
}

// Until is the standing as it weighs at an instant, by whole hours.
func (s Standing) Until(at Millis) Standing {
	const hour = Millis(time.Hour / time.Millisecond)
	hours := (at - s.At) / hour
	if hours <= 0 {
		return s
	}
	s.At += hours * hour
	left := power(hourly, min(int64(hours), longest))
	s.Passed, s.Failed = scaled(s.Passed, left), scaled(s.Failed, left)
	return s
}

// power is base to the power of n, both it and the result in units of 2^-32.
func power(base uint64, n int64) uint64 {
	result := uint64(1) << 32
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = result * base >> 32 // below 2^64, since base is below 2^32
		}
		base = base * base >> 32
	}
	return result
}

// scaled is a weight, up to mostWeight, times part, in units of 2^-32.
func scaled(weight int64, part uint64) int64 {
	whole, rest := uint64(weight)/one, uint64(weight)%one
	return int64(whole*part>>32*one + (whole*part&(1<<32-1))*one>>32 + rest*part>>32)
}

// Score is from 0 to one million, of which half is what nothing is known of.
func (s Standing) Score() int64 { return (s.Passed + one) * one / (s.Passed + s.Failed + 2*one) }

// Confidence is how much is known, from 0 to one million: half with eight checks of late.
func (s Standing) Confidence() int64 {
	known := s.Passed + s.Failed
	return known * one / (known + 8*one)
}

// Newcomer reports whether too little is known of the edge to send it players.
func (s Standing) Newcomer() bool { return s.Passed+s.Failed < probation }

func (s Standing) valid() bool {
	return s.Passed >= 0 && s.Passed <= mostWeight && s.Failed >= 0 && s.Failed <= mostWeight
}
