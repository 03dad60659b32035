//go:build cgo

package openh264

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -lopenh264 -lpthread
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"nearlight/encoder"
	"nearlight/encoder/quantiser"
	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links.
const License = "BSD-2-Clause"

// Version is that of the library's headers.
func Version() string {
	return fmt.Sprintf("%d.%d.%d", C.OPENH264_MAJOR, C.OPENH264_MINOR, C.OPENH264_REVISION)
}

// coarsest is H.264's last quantiser.
const coarsest = 51

var _ encoder.Encoder = (*Encoder)(nil)

// Encoder is one H.264 stream.
type Encoder struct {
	c        *C.nl_openh264 // nil once closed
	config   encoder.Config
	level    int
	slices   int
	rate     quantiser.Control
	keyframe bool // the next picture has to be one
}

// Open starts an encoder. The error wraps media.ErrSize or encoder.ErrUnsupported where the configuration is to blame.
func Open(config encoder.Config) (encoder.Encoder, error) {
	config, err := config.Resolve()
	if err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	if config.Recovery != encoder.RecoverByKeyframe {
		return nil, fmt.Errorf("openh264: %w: it recovers from losses by keyframes only", encoder.ErrUnsupported)
	}
	e := &Encoder{config: config}
	if e.level, err = encoder.H264Level(config, 1); err != nil {
		return nil, fmt.Errorf("openh264: %w", err)
	}
	if e.c, err = e.start(config); err != nil {
		return nil, err
	}
	e.reset(config)
	return e, nil
}

func (e *Encoder) start(config encoder.Config) (*C.nl_openh264, error) {
	coded := config.Size.Even()
	c := C.nl_openh264_config{
		width: C.int(coded.Width), height: C.int(coded.Height),
		level_idc:  C.int(e.level),
		slices:     C.int(slices(config)),
		complexity: C.int(config.Speed),
		qp:         C.int(30),
	}
	var text [256]C.char
	opened := C.nl_openh264_open(&c, &text[0], C.int(len(text)))
	if opened == nil {
		return nil, fmt.Errorf("openh264: open %v: %s", config.Size, C.GoString(&text[0]))
	}
	return opened, nil
}

func (e *Encoder) reset(config encoder.Config) {
	e.slices = slices(config)
	e.rate = quantiser.New(coarsest)
	e.keyframe = true
}

// slices is the number of slices, each with its thread. The library wants whole macroblock rows.
func slices(config encoder.Config) int {
	rows := encoder.WholeMacroblocks(config.Size).Height / 16
	return min(config.SliceThreads(), rows, C.NL_MAX_SLICES)
}

// Encode implements encoder.Encoder. It does not allocate.
func (e *Encoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	if e.c == nil {
		return encoder.Result{}, encoder.ErrClosed
	}
	if err := f.Check(); err != nil {
		return encoder.Result{}, fmt.Errorf("openh264: %w", err)
	}
	if f.Visible != e.config.Size {
		return encoder.Result{}, fmt.Errorf("openh264: %w: a picture of %v for a stream of %v", media.ErrFrame, f.Visible, e.config.Size)
	}
	keyframe := r.Keyframe || e.keyframe
	share := e.config.FrameBits()
	plan := e.rate.Plan(f, keyframe, share, 8*r.Budget)
	plan.QP = math.Round(plan.QP)
	pieces := C.nl_openh264_encode(e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride),
		flag(keyframe), C.int(plan.QP), C.int(e.config.Speed))
	if pieces < 0 {
		e.keyframe = true
		return encoder.Result{}, fmt.Errorf("openh264: EncodeFrame: %s", C.GoString(C.nl_openh264_error(e.c)))
	}
	e.keyframe = false
	result, err := e.hand(int(pieces), emit)
	result.QP = plan.QP
	e.rate.Coded(plan, f, share, 8*result.Bytes)
	return result, err
}

// hand gives out the pieces until emit fails.
func (e *Encoder) hand(pieces int, emit func(media.Slice) error) (encoder.Result, error) {
	result := encoder.Result{Keyframe: C.nl_openh264_is_idr(e.c) != 0}
	var failed error
	for i := range pieces {
		piece := C.nl_openh264_piece(e.c, C.int(i))
		result.Bytes += int(piece.length)
		if failed == nil {
			failed = emit(media.Slice{
				Data:     unsafe.Slice((*byte)(piece.data), int(piece.length)),
				Keyframe: result.Keyframe,
				Last:     i == pieces-1,
			})
		}
	}
	return result, failed
}

// Reconfigure implements encoder.Encoder.
func (e *Encoder) Reconfigure(r encoder.Reconfiguration) error {
	if e.c == nil {
		return encoder.ErrClosed
	}
	config, err := e.config.Apply(r)
	if err != nil {
		return fmt.Errorf("openh264: %w", err)
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return fmt.Errorf("openh264: %w", err)
	}
	if config.Size != e.config.Size {
		opened, err := e.start(config)
		if err != nil {
			return err
		}
		C.nl_openh264_close(e.c)
		e.c = opened
		e.reset(config)
	}
	e.config = config // rates and speed take effect with the next frame
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
func (e *Encoder) CodedSize() media.Size { return encoder.WholeMacroblocks(e.config.Size) }

// Capabilities implements encoder.Encoder.
func (e *Encoder) Capabilities() encoder.Capabilities {
	return encoder.Capabilities{
		Codec: media.H264, Name: Name,
		Recovery:       encoder.RecoverByKeyframe,
		LiveResize:     true,
		Slices:         e.slices,
		Speeds:         speeds,
		ProfileLevelID: fmt.Sprintf("42c0%02x", e.level), // constrained baseline, RFC 6184 table 5
	}
}

// Close implements encoder.Encoder.
func (e *Encoder) Close() error {
	if e.c != nil {
		C.nl_openh264_close(e.c)
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
