package edge

import (
	"slices"
	"time"

	"nearlight/internal/media"
)

// When a player's decoder is taken to be too slow: frames then wait for it, each longer than the one before. That is answered
// by an easier codec, and where there is none by fewer frames (AFR, NSDI 2023: the frame rate follows the decoder's queue).
const (
	decodeShare    = 0.6  // of a frame's time
	easyShare      = 0.45 // of the frame's time on the step above: it would decode that with room to spare
	slowDecodingIn = 6    // reports in a row, of statsInterval each
	easyDecodingIn = 20
)

// decoding judges the decode times that a player reports. One goroutine uses it.
type decoding struct{ slow, easy int }

// pressure is what a decoder can take.
type pressure int

const (
	asItIs pressure = iota
	tooHard
	easy // it could decode more frames
)

// judge takes the median of a report, the time from frame to frame now, and what it would be with more frames, and says when so
// many in a row came to the same; it then begins anew.
func (d *decoding) judge(median, interval, above time.Duration) pressure {
	switch {
	case float64(median) > decodeShare*float64(interval):
		d.slow, d.easy = d.slow+1, 0
	case float64(median) < easyShare*float64(above):
		d.slow, d.easy = 0, d.easy+1
	default:
		d.slow, d.easy = 0, 0
	}
	switch {
	case d.slow >= slowDecodingIn:
		d.slow = 0
		return tooHard
	case d.easy >= easyDecodingIn:
		d.easy = 0
		return easy
	}
	return asItIs
}

// decodable is the frame rate that the player's decoder keeps up with. One goroutine uses it.
type decodable struct {
	rates []int // the first is what was asked for
	step  int
}

func newDecodable(rate int) decodable {
	d := decodable{rates: []int{rate}}
	for _, fewer := range []int{45, 30, 24} {
		if fewer < rate {
			d.rates = append(d.rates, fewer)
		}
	}
	return d
}

// now is the rate to work at.
func (d *decodable) now() int { return d.rates[d.step] }

// above is the next higher rate, the highest where there is none.
func (d *decodable) above() int { return d.rates[max(d.step-1, 0)] }

// fewer and more step down and up, and report whether there was a step.
func (d *decodable) fewer() bool {
	if d.step == len(d.rates)-1 {
		return false
	}
	d.step++
	return true
}

func (d *decodable) more() bool {
	if d.step == 0 {
		return false
	}
	d.step--
	return true
}

// decodingWork orders codecs by what they ask of a decoder in software, which is where decoders are too slow.
func decodingWork(c media.Codec) int {
	return slices.Index([]media.Codec{media.H264, media.VP8, media.VP9, media.HEVC, media.AV1}, c)
}
