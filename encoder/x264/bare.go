//go:build cgo && !nogpl

package x264

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// Bare is x264 as a plain C program would use it, with the settings that Open would choose for a picture that moves: what
// the way through Go is measured against. It is for benchmarks, emits nothing, and serves one goroutine.
type Bare struct {
	e *Encoder
	n int64
}

// OpenBare opens one.
func OpenBare(config encoder.Config) (*Bare, error) {
	e, err := open(config, false)
	if err != nil {
		return nil, err
	}
	return &Bare{e: e}, nil
}

// Encode codes a picture and returns how long it took, measured in C around the library's call.
func (b *Bare) Encode(f *media.Frame) (time.Duration, error) {
	if err := f.CheckIn(b.e.config.Sampling.Chroma); err != nil {
		return 0, fmt.Errorf("x264: %w", err)
	}
	took := C.nl_x264_bare(b.e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride), C.int64_t(b.n))
	if took < 0 {
		return 0, errors.New("x264: encode in a plain loop: failed")
	}
	b.n++
	return time.Duration(took), nil
}

// Close frees it.
func (b *Bare) Close() error { return b.e.Close() }
