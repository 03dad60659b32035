// Package decode turns one access unit into its picture at once, as a browser's decoder does: what was coded without
// reordering comes out of the very call that took it in. Tests, benchmarks and checkers look at streams through it.
//
// Pictures are 4:2:0 or 4:4:4, as the stream has them, and of 8 bits: those of 10 are rounded, since that is what frames hold.
//
// The work is libavcodec's. Debian builds it under the GPL, so that a build with the tag nogpl, like one without cgo,
// has no decoder: Open then returns ErrUnavailable.
//
// A Decoder has one user at a time. Decoders are independent of each other.
package decode

import "errors"

var (
	// ErrUnavailable reports a build or a libavcodec without the decoder asked for.
	ErrUnavailable = errors.New("decoder unavailable")
	// ErrBitstream reports an access unit that cannot be decoded, wholly or in part. The decoder goes on with the next.
	ErrBitstream = errors.New("damaged bitstream")
	// ErrFormat reports a picture that is neither 4:2:0 nor 4:4:4, or has neither 8 nor 10 bits a sample.
	ErrFormat = errors.New("picture format not supported")
	// ErrClosed reports a call after Close.
	ErrClosed = errors.New("decoder is closed")
)

// MaxAccessUnit bounds what Decode takes, in bytes: many times a keyframe at the highest rate an edge sends.
const MaxAccessUnit = 16 << 20
