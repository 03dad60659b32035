package edge

import (
	"slices"
	"time"

	"nearlight/internal/media"
)

// When a player's decoder is taken to be too slow for its codec: frames then wait for it, each longer than the one before.
const (
	decodeShare    = 0.6 // of a frame's time
	slowDecodingIn = 6   // reports in a row, of statsInterval each
)

// decoding judges the decode times that a player reports. One goroutine uses it.
type decoding struct{ slow int }

// tooSlow takes the median of a report, and says when so many in a row were too long; it then begins anew.
func (d *decoding) tooSlow(median, interval time.Duration) bool {
	if float64(median) <= decodeShare*float64(interval) {
		d.slow = 0
		return false
	}
	if d.slow++; d.slow < slowDecodingIn {
		return false
	}
	d.slow = 0
	return true
}

// decodingWork orders codecs by what they ask of a decoder in software, which is where decoders are too slow.
func decodingWork(c media.Codec) int {
	return slices.Index([]media.Codec{media.H264, media.VP8, media.VP9, media.HEVC, media.AV1}, c)
}
