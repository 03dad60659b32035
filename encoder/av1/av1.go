//go:build cgo

package av1

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -laom -lpthread
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math/bits"
	"unsafe"

	"nearlight/encoder"
	"nearlight/encoder/quantiser"
	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links.
const License = "BSD-2-Clause"

// Version is that of the library.
func Version() string { return C.GoString(C.nl_av1_version()) }

// efforts are the library's cpu-used by speed. Which of the first two takes less time depends on the picture: 8 where it
// pans, 10 otherwise, by a tenth either way. The odd ones hardly differ from their neighbours.
var efforts = []C.int{10, 8, 6}

const (
	// maxThreads is more than pays at any size; the library takes up to 64.
	maxThreads = 16
	// minTile is the least width of a tile that is worth a thread, in pixels.
	minTile = 256
)

var _ encoder.Encoder = (*Encoder)(nil)

// Encoder is one AV1 stream.
type Encoder struct {
	c        *C.nl_av1 // nil once closed
	config   encoder.Config
	rate     quantiser.Control
	keyframe bool           // the next picture has to be one
	piece    C.nl_av1_piece // here, so that C may write it without an allocation a frame
}

// Open starts an encoder. The error wraps media.ErrSize or encoder.ErrUnsupported where the configuration is to blame.
func Open(config encoder.Config) (encoder.Encoder, error) {
	config, err := config.Resolve()
	if err != nil {
		return nil, fmt.Errorf("av1: %w", err)
	}
	if err := config.CheckSpeed(len(efforts)); err != nil {
		return nil, fmt.Errorf("av1: %w", err)
	}
	if config.Recovery != encoder.RecoverByKeyframe {
		return nil, fmt.Errorf("av1: %w: it recovers from losses by keyframes only", encoder.ErrUnsupported)
	}
	e := new(Encoder)
	if err := e.start(config); err != nil {
		return nil, err
	}
	return e, nil
}

// start opens the library's encoder in place of the one there may be, which an error leaves as it is.
func (e *Encoder) start(config encoder.Config) error {
	coded, threads := config.Size.Even(), min(config.SliceThreads(), maxThreads)
	c := C.nl_av1_config{
		width: C.int(coded.Width), height: C.int(coded.Height),
		threads:  C.int(threads),
		columns:  C.int(min(log2(threads), log2(max(coded.Width/minTile, 1)))),
		effort:   efforts[config.Speed],
		kilobits: kilobits(config),
	}
	var text [256]C.char
	opened := C.nl_av1_open(&c, &text[0], C.int(len(text)))
	if opened == nil {
		return fmt.Errorf("av1: open %v: %s", config.Size, C.GoString(&text[0]))
	}
	if e.c != nil {
		C.nl_av1_close(e.c)
	}
	e.c, e.config, e.rate, e.keyframe = opened, config, quantiser.New(quantiser.VP9.Coarsest()), true
	return nil
}

func log2(n int) int { return bits.Len(uint(n)) - 1 }

func kilobits(config encoder.Config) C.int { return C.int(config.Bitrate / media.Kbps) }

// Encode implements encoder.Encoder. It does not allocate.
func (e *Encoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	if e.c == nil {
		return encoder.Result{}, encoder.ErrClosed
	}
	if err := f.Check(); err != nil {
		return encoder.Result{}, fmt.Errorf("av1: %w", err)
	}
	if f.Visible != e.config.Size {
		return encoder.Result{}, fmt.Errorf("av1: %w: a picture of %v for a stream of %v", media.ErrFrame, f.Visible, e.config.Size)
	}
	keyframe := r.Keyframe || e.keyframe
	if keyframe && C.nl_av1_set_screen(e.c, flag(drawn(f))) < 0 {
		return encoder.Result{}, e.failure("choose the tools")
	}
	share := e.config.FrameBits()
	plan := e.rate.Plan(f, keyframe, share, 8*r.Budget)
	level, _ := quantiser.VP9.Nearest(plan.QP)
	code := C.nl_av1_encode(e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride),
		flag(keyframe), C.int(level), &e.piece)
	if code < 0 {
		e.keyframe = true
		return encoder.Result{}, e.failure("encode")
	}
	e.keyframe = false
	plan.QP = quantiser.VP9[e.piece.quantiser]
	result := encoder.Result{Keyframe: e.piece.keyframe != 0, Bytes: int(e.piece.length), QP: plan.QP}
	e.rate.Coded(plan, f, share, 8*result.Bytes)
	return result, emit(media.Slice{
		Data:     unsafe.Slice((*byte)(e.piece.data), result.Bytes),
		Keyframe: result.Keyframe,
		Last:     true,
	})
}

func (e *Encoder) failure(what string) error {
	return fmt.Errorf("av1: %s: %s", what, C.GoString(C.nl_av1_error(e.c)))
}

// Reconfigure implements encoder.Encoder.
func (e *Encoder) Reconfigure(r encoder.Reconfiguration) error {
	if e.c == nil {
		return encoder.ErrClosed
	}
	config, err := e.config.Apply(r)
	if err != nil {
		return fmt.Errorf("av1: %w", err)
	}
	if err := config.CheckSpeed(len(efforts)); err != nil {
		return fmt.Errorf("av1: %w", err)
	}
	if config.Size != e.config.Size {
		return e.start(config)
	}
	if config.Bitrate != e.config.Bitrate && C.nl_av1_set_rate(e.c, kilobits(config)) < 0 {
		return e.failure("change the rate")
	}
	if config.Speed != e.config.Speed && C.nl_av1_set_effort(e.c, efforts[config.Speed]) < 0 {
		return e.failure("change the speed")
	}
	e.config = config // the frame rate takes effect with the next frame's share
	return nil
}

// Invalidate implements encoder.Encoder.
func (e *Encoder) Invalidate(_, _ media.Instant) (keyframe bool, err error) {
	if e.c == nil {
		return false, encoder.ErrClosed
	}
	e.keyframe = true
	return true, nil
}

// CodedSize implements encoder.Encoder.
func (e *Encoder) CodedSize() media.Size { return e.config.Size.Even() }

// Capabilities implements encoder.Encoder.
func (e *Encoder) Capabilities() encoder.Capabilities {
	return encoder.Capabilities{
		Codec: media.AV1, Name: Name,
		Recovery:   encoder.RecoverByKeyframe,
		LiveResize: true,
		Slices:     1,
		Speeds:     len(efforts),
	}
}

// Close implements encoder.Encoder.
func (e *Encoder) Close() error {
	if e.c != nil {
		C.nl_av1_close(e.c)
		e.c = nil
	}
	return nil
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
