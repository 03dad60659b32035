package edge

import "time"

// How an unchanged picture is treated. While it is still coarse it is sent again, each time finer, since the bits that
// motion does not need are free; then only often enough that a player who lost something recovers.
const (
	sharpenAfter    = 50 * time.Millisecond // without a change for three frames: the motion is over
	keepAlive       = time.Second
	sharpEnough     = 10.0 // quantiser at which a picture is nearly lossless, whatever the codec (encoder.Result.QP)
	mostSharpenings = 12   // an encoder that cannot reach it within its rate stops trying
)

// still decides how long an unchanged screen is waited for before its picture is sent again.
type still struct{ sent int }

// idle is the wait before the next repeat.
func (s *still) idle() time.Duration {
	if s.sent >= mostSharpenings {
		return keepAlive
	}
	return sharpenAfter
}

// coded records a frame: whether it was a repeat, and its quantiser.
func (s *still) coded(repeat bool, qp float64) {
	switch {
	case !repeat:
		s.sent = 0
	case qp <= sharpEnough:
		s.sent = mostSharpenings
	default:
		s.sent++
	}
}
