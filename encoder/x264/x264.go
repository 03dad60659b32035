//go:build cgo && !nogpl

package x264

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -lx264 -lpthread
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links.
const License = "GPL-2.0-or-later"

// Version is that of the library's headers.
func Version() string { return C.NL_X264_VERSION }

var _ encoder.Encoder = (*Encoder)(nil)

// Encoder is one H.264 stream.
type Encoder struct {
	c       *C.nl_x264 // nil once closed
	config  encoder.Config
	overlap bool
	level   int
	// references is how many pictures the level leaves room to keep, ReferencesKept at the most.
	references int
	piece      C.nl_piece // here, so that C may write it without an allocation a frame

	history   encoder.History
	share     share
	sharpness sharpness
	keyframe  bool // the next picture has to be one
	numbers   numbers
	number    int64 // of the next picture, since the last keyframe
}

// Open starts an encoder that hands out the slices of a picture when all of them are coded. The error wraps
// media.ErrSize or encoder.ErrUnsupported where the configuration is to blame.
func Open(config encoder.Config) (encoder.Encoder, error) { return wrap(open(config, false)) }

// OpenOverlapped starts an encoder that hands out each slice while later ones are being coded. The first of two comes
// about a tenth of the picture's time earlier, the last at the same time; it costs one more change of threads. With as
// many slice threads as cores sending then takes time from encoding, and nothing is won: hence not the default.
func OpenOverlapped(config encoder.Config) (encoder.Encoder, error) { return wrap(open(config, true)) }

// wrap keeps a nil *Encoder from becoming an interface that is not nil.
func wrap(e *Encoder, err error) (encoder.Encoder, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}

func open(config encoder.Config, overlap bool) (*Encoder, error) {
	config, err := config.Resolve(samplings()...)
	if err != nil {
		return nil, fmt.Errorf("x264: %w", err)
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return nil, fmt.Errorf("x264: %w", err)
	}
	e := &Encoder{config: config, overlap: overlap}
	if err := e.chooseLevel(); err != nil {
		return nil, err
	}
	if e.c, err = e.start(config); err != nil {
		return nil, err
	}
	e.reset()
	return e, nil
}

// samplings are those that a stream may have. x264 could do 10 bits as well, which no browser decodes in H.264.
func samplings() []media.Sampling { return []media.Sampling{{}, {Chroma: media.Chroma444}} }

// chooseLevel sets level and references: with invalidation as many pictures as the largest level has room for.
func (e *Encoder) chooseLevel() error {
	e.references = 1
	if e.config.Recovery == encoder.RecoverByReferences {
		e.references = ReferencesKept
	}
	for {
		level, err := encoder.H264Level(e.config, e.references)
		if err == nil {
			e.level = level
			return nil
		}
		if e.references--; e.references == 0 {
			return fmt.Errorf("x264: %w", err)
		}
	}
}

func (e *Encoder) start(config encoder.Config) (*C.nl_x264, error) {
	coded, full := config.Size.Even(), config.Sampling.Chroma == media.Chroma444
	c := C.nl_x264_config{
		width: C.int(coded.Width), height: C.int(coded.Height),
		level_idc:      C.int(e.level),
		frame_rate:     C.int(config.FrameRate),
		frame_bits:     C.int(config.FrameBits()),
		threads:        C.int(config.SliceThreads()),
		preset:         C.int(config.Speed),
		main_profile:   flag(config.Speed > 0 || full), // with CAVLC, 4:4:4 at 2 Mbit/s and 720p loses 15 dB
		yuv444:         flag(full),
		references:     C.int(e.references),
		refresh_frames: C.int(max(1, int(encoder.RefreshTime*time.Duration(config.FrameRate)/time.Second))),
		overlap:        flag(e.overlap),
		quality:        sharpestMoving,
	}
	switch config.Recovery {
	case encoder.RecoverByKeyframe:
		c.recovery = C.NL_RECOVER_KEYFRAME
	case encoder.RecoverByReferences:
		c.recovery = C.NL_RECOVER_REFERENCES
	case encoder.RecoverByRefresh:
		c.recovery = C.NL_RECOVER_REFRESH
	}
	var text [256]C.char
	opened := C.nl_x264_open(&c, &text[0], C.int(len(text)))
	if opened == nil {
		return nil, fmt.Errorf("x264: open %v: %s", config.Size, C.GoString(&text[0]))
	}
	return opened, nil
}

func (e *Encoder) reset() {
	e.history = encoder.History{Depth: e.references}
	e.keyframe = true
}

// Encode implements encoder.Encoder. It does not allocate.
func (e *Encoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	if e.c == nil {
		return encoder.Result{}, encoder.ErrClosed
	}
	if err := f.CheckIn(e.config.Sampling.Chroma); err != nil {
		return encoder.Result{}, fmt.Errorf("x264: %w", err)
	}
	if f.Visible != e.config.Size {
		return encoder.Result{}, fmt.Errorf("x264: %w: a picture of %v for a stream of %v", media.ErrFrame, f.Visible, e.config.Size)
	}
	keyframe := r.Keyframe || e.keyframe
	bits := e.config.FrameBits()
	ask := e.share.ask(bits)
	if r.Budget > 0 {
		ask = r.Budget * 8
	}
	code := C.nl_x264_begin(e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride),
		C.int64_t(e.history.Next()), flag(keyframe), C.int(min(ask, math.MaxInt32)), C.float(e.sharpness.next(f.Still)))
	if code < 0 {
		e.keyframe = true
		return encoder.Result{}, e.failure("encode")
	}
	result, err := e.drain(emit)
	e.keyframe = false
	if r.Budget == 0 && !result.Keyframe && e.sharpness.bounded(result.QP) {
		e.share.spent(bits, 8*result.Bytes)
	}
	e.history.Add(f.Times.Damaged, result.Keyframe)
	return result, err
}

// drain hands out every piece, and takes the rest without handing it out once emit has failed.
func (e *Encoder) drain(emit func(media.Slice) error) (encoder.Result, error) {
	var failed error
	var result encoder.Result
	piece := &e.piece
	for piece.last = 0; piece.last == 0; {
		if C.nl_x264_next(e.c, &e.piece) < 0 {
			return result, e.failure("encode")
		}
		result.Keyframe = piece.keyframe != 0
		data := unsafe.Slice((*byte)(piece.data), int(piece.length))
		if result.Keyframe {
			e.number = 0
		}
		if e.config.Recovery == encoder.RecoverByReferences && failed == nil {
			var err error
			if data, err = e.numbers.widen(data, e.number); err != nil {
				return result, fmt.Errorf("x264: %w", err)
			}
		}
		result.Bytes += len(data)
		if failed == nil {
			failed = emit(media.Slice{
				Data:     data,
				Keyframe: result.Keyframe,
				Last:     piece.last != 0,
				Skips:    skips(result.Keyframe, &e.history),
			})
		}
	}
	e.number++
	result.QP = min(float64(C.nl_x264_qp(e.c)), 51) // x264 counts on beyond 51 where it drops coefficients
	return result, failed
}

// skips is how many pictures the one that was just coded, and is not in the history yet, does without.
func skips(keyframe bool, h *encoder.History) int {
	if keyframe {
		return 0
	}
	return h.Skips()
}

func (e *Encoder) failure(call string) error {
	return fmt.Errorf("x264: %s: %s", call, C.GoString(C.nl_x264_error(e.c)))
}

// Reconfigure implements encoder.Encoder.
func (e *Encoder) Reconfigure(r encoder.Reconfiguration) error {
	if e.c == nil {
		return encoder.ErrClosed
	}
	config, err := e.config.Apply(r)
	if err != nil {
		return fmt.Errorf("x264: %w", err)
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return fmt.Errorf("x264: %w", err)
	}
	if (config.Speed > 0) != (e.config.Speed > 0) {
		return fmt.Errorf("x264: %w: a change from speed %d to %d needs another profile: open a new encoder",
			encoder.ErrUnsupported, e.config.Speed, config.Speed)
	}
	switch {
	case config.Size != e.config.Size:
		opened, err := e.start(config)
		if err != nil {
			return err
		}
		C.nl_x264_close(e.c)
		e.c = opened
		e.reset()
	case config.Speed != e.config.Speed:
		if C.nl_x264_set_preset(e.c, C.int(config.Speed)) < 0 {
			return e.failure("reconfigure")
		}
	}
	e.config = config // rates take effect through the budget of the next frame
	return nil
}

// Invalidate implements encoder.Encoder.
func (e *Encoder) Invalidate(first, last media.Instant) (keyframe bool, err error) {
	if e.c == nil {
		return false, encoder.ErrClosed
	}
	switch e.config.Recovery {
	case encoder.RecoverByRefresh:
		return false, nil
	case encoder.RecoverByReferences:
		from, good := e.history.Lose(first, last)
		if from >= 0 && good && C.nl_x264_invalidate(e.c, C.int64_t(from)) < 0 {
			return false, e.failure("invalidate")
		}
		e.keyframe = e.keyframe || !good
	default:
		e.keyframe = true
	}
	return e.keyframe, nil
}

// fallBacks is how many pictures a loss may spoil but for one.
func (e *Encoder) fallBacks() int {
	if e.config.Recovery != encoder.RecoverByReferences {
		return 0
	}
	return e.references
}

// CodedSize implements encoder.Encoder.
func (e *Encoder) CodedSize() media.Size { return encoder.WholeMacroblocks(e.config.Size) }

// Capabilities implements encoder.Encoder.
func (e *Encoder) Capabilities() encoder.Capabilities {
	capabilities := encoder.Capabilities{
		Codec: media.H264, Name: Name,
		Recovery:    e.config.Recovery,
		References:  e.fallBacks(),
		FrameBudget: true,
		LiveResize:  true,
		Speeds:      speeds,
		Sampling:    e.config.Sampling,
		Samplings:   samplings(),
		// RFC 6184 table 5: 42c0 is constrained baseline, 4d40 main, f400 High 4:4:4 Predictive.
		ProfileLevelID: fmt.Sprintf("42c0%02x", e.level),
	}
	switch {
	case e.config.Sampling.Chroma == media.Chroma444:
		capabilities.ProfileLevelID = fmt.Sprintf("f400%02x", e.level)
	case e.config.Speed > 0:
		capabilities.ProfileLevelID = fmt.Sprintf("4d40%02x", e.level)
	}
	if e.c != nil {
		capabilities.Slices = int(C.nl_x264_slices(e.c))
	}
	return capabilities
}

// Close implements encoder.Encoder.
func (e *Encoder) Close() error {
	if e.c != nil {
		C.nl_x264_close(e.c)
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
