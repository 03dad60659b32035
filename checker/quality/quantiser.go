package quality

import (
	"errors"
	"fmt"

	"nearlight/internal/media"
)

// ErrQuantiser reports an access unit whose quantiser was not found: of a codec that is not read, damaged, or of parameters that did not come.
var ErrQuantiser = errors.New("quantiser not found")

// Quantiser is how coarsely a frame is coded: an index from 0, the finest, to Coarsest, in the codec's own steps. It is what the frame's header
// begins with; what single blocks have more or less is not counted.
type Quantiser struct {
	Index, Coarsest float64
}

// Quantisers reads them. For H.264 it remembers parameter sets, some 10 KiB. A Quantisers has one user at a time; its zero value is ready.
type Quantisers struct {
	h264 h264Reader
}

// Read reads the quantiser of one access unit, in the form of media.Slice, of H.264, VP8 or VP9. It does not allocate but for an error, which wraps
// ErrQuantiser; a VP9 frame that shows an older one has none.
func (q *Quantisers) Read(codec media.Codec, unit []byte) (Quantiser, error) {
	var found Quantiser
	var known bool
	switch codec {
	case media.H264:
		found, known = q.h264.read(unit)
	case media.VP8:
		found, known = vp8Quantiser(unit)
	case media.VP9:
		found, known = vp9Quantiser(unit)
	default:
		return Quantiser{}, fmt.Errorf("%w: %s is not read", ErrQuantiser, codec)
	}
	if !known {
		return Quantiser{}, fmt.Errorf("%w in %d bytes of %s", ErrQuantiser, len(unit), codec)
	}
	return found, nil
}

// bitReader reads bits, most significant first. What is read beyond the end is 0, and makes it fail.
type bitReader struct {
	data   []byte
	at     int // bit
	failed bool
}

func (r *bitReader) bit() int {
	octet := r.at >> 3
	if octet >= len(r.data) {
		r.failed = true
		return 0
	}
	bit := r.data[octet] >> (7 - r.at&7) & 1
	r.at++
	return int(bit)
}

func (r *bitReader) flag() bool { return r.bit() == 1 }

func (r *bitReader) bits(n int) (value int) {
	for range n {
		value = value<<1 | r.bit()
	}
	return value
}

// unsigned reads an Exp-Golomb code (ITU-T H.264 section 9.1), ue(v), of at most 32 bits.
func (r *bitReader) unsigned() int {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros > 32 || r.failed {
			r.failed = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// signed reads se(v): 0, 1, -1, 2, -2 and so on.
func (r *bitReader) signed() int {
	code := r.unsigned()
	if code&1 == 1 {
		return (code + 1) / 2
	}
	return -code / 2
}
