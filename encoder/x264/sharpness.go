package x264

// A picture gets as many bits as it can use, and no more: below a quantiser of about 18 nobody sees a moving picture get better, but
// each bit still takes its time to code, to send and to decode. So x264 aims at a quality (its "constant rate factor"), and
// the budget of a frame bounds it. Where the budget decides, as with most games, the quality is whatever the rate allows.
const (
	sharpestMoving = 18.0
	// A picture that stands still is looked at: repeats of it get finer step by step, each within its budget.
	sharpestStill = 8.0
	stillStep     = 3.0
)

// sharpness is the quality to aim at: H.264's quantiser, less is better.
type sharpness struct{ target float32 }

// next is the aim of the next picture.
func (s *sharpness) next(still bool) float32 {
	if !still {
		s.target = sharpestMoving
	} else {
		s.target = max(s.target-stillStep, sharpestStill)
	}
	return s.target
}

// bounded reports whether the budget, rather than the aim, decided a picture's quantiser.
func (s *sharpness) bounded(quantiser float64) bool { return quantiser > float64(s.target)+2 }
