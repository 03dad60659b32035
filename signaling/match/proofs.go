package match

import (
	"math/bits"
	"slices"
)

// proofs sums up abilities, so that a search passes by where nobody has a proof that would do: a row of bits for each codec, in it a bit for each
// class of pictures that was seen to be made, and for those below. Whoever finds the bit looks at the proofs.
type proofs uint64

const (
	classes = 8 // of pictures, by pixels per second: 1<<lowest, twice that, and so on
	lowest  = 24
	rows    = 64 / classes
)

// class is the picture's, from 0 to classes-1. Whoever covers a picture is in its class or one above.
func (p Picture) class() int {
	pixels := uint64(1)
	for _, factor := range []int{p.Size.Width, p.Size.Height, p.FrameRate} {
		pixels *= uint64(min(max(factor, 0), 1<<16)) // no more than 48 bits in all
	}
	return min(max(bits.Len64(pixels)-1-lowest, 0), classes-1)
}

// row is where a codec's bits begin. The first codecs that an index meets have a row each, all others share the last one.
func (x *Index) row(codec string) int {
	at := slices.Index(x.rows, codec)
	if at < 0 {
		if at = rows - 1; len(x.rows) < at {
			at = len(x.rows)
		}
	}
	return at * classes
}
