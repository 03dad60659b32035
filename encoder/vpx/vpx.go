//go:build cgo

package vpx

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -lvpx -lpthread
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math/bits"
	"runtime"
	"unsafe"

	"nearlight/encoder"
	"nearlight/encoder/quantiser"
	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links.
const License = "BSD-3-Clause"

// Version is that of the library.
func Version() string { return C.GoString(C.nl_vpx_version()) }

// format is what differs between the two codecs.
type format struct {
	name    string
	codec   media.Codec
	c       C.int
	efforts []C.int // cpu-used by speed
	levels  quantiser.Levels
}

// Beyond 12, VP8 finds so little motion at coarse quantisers that a frame takes six times the bits and no less time. Below 7,
// VP9 takes longer than a frame lasts.
var (
	vp8 = format{NameVP8, media.VP8, C.NL_VPX_VP8, []C.int{-12, -10, -5}, quantiser.VP8}
	vp9 = format{NameVP9, media.VP9, C.NL_VPX_VP9, []C.int{9, 8, 7}, quantiser.VP9}
)

const (
	// maxThreads is more than pays at any size; the library takes up to 64.
	maxThreads = 16
	// maxPartitions of VP8's tokens, as a power of two (RFC 6386 section 9.5).
	maxPartitions = 3
	// minTile is the least width of a VP9 tile, in pixels (section 7.2.11, MIN_TILE_WIDTH_B64).
	minTile = 256
)

var _ encoder.Encoder = (*Encoder)(nil)

// Encoder is one VP8 or VP9 stream.
type Encoder struct {
	format   *format
	c        *C.nl_vpx // nil once closed
	config   encoder.Config
	rate     quantiser.Control
	keyframe bool           // the next picture has to be one
	piece    C.nl_vpx_piece // here, so that C may write it without an allocation a frame
}

// OpenVP8 starts a VP8 encoder. The error wraps media.ErrSize or encoder.ErrUnsupported where the configuration is to blame.
func OpenVP8(config encoder.Config) (encoder.Encoder, error) { return open(&vp8, config) }

// OpenVP9 starts a VP9 encoder. The error wraps media.ErrSize or encoder.ErrUnsupported where the configuration is to blame.
func OpenVP9(config encoder.Config) (encoder.Encoder, error) { return open(&vp9, config) }

func open(f *format, config encoder.Config) (encoder.Encoder, error) {
	config, err := config.Resolve()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := config.CheckSpeed(len(f.efforts)); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if config.Recovery != encoder.RecoverByKeyframe {
		return nil, fmt.Errorf("%s: %w: it recovers from losses by keyframes only", f.name, encoder.ErrUnsupported)
	}
	e := &Encoder{format: f}
	if err := e.start(config); err != nil {
		return nil, err
	}
	return e, nil
}

// start opens the library's encoder in place of the one there may be, which an error leaves as it is.
func (e *Encoder) start(config encoder.Config) error {
	coded, threads := config.Size.Even(), e.format.threads(config)
	c := C.nl_vpx_config{
		format: e.format.c,
		width:  C.int(coded.Width), height: C.int(coded.Height),
		threads:    C.int(threads),
		partitions: C.int(min(log2(threads), maxPartitions)),
		columns:    C.int(min(log2(threads), log2(max(coded.Width/minTile, 1)))),
		effort:     e.format.efforts[config.Speed],
		kilobits:   kilobits(config),
	}
	var text [256]C.char
	opened := C.nl_vpx_open(&c, &text[0], C.int(len(text)))
	if opened == nil {
		return fmt.Errorf("%s: open %v: %s", e.format.name, config.Size, C.GoString(&text[0]))
	}
	if e.c != nil {
		C.nl_vpx_close(e.c)
	}
	e.c, e.config, e.rate, e.keyframe = opened, config, quantiser.New(e.format.levels.Coarsest()), true
	return nil
}

// threads is how many the library may use. VP8's wait for each other by spinning: where another program has the cores, as a
// game has, a frame on two threads can take ten times as long as on one. So they get half of the cores at the most.
func (f *format) threads(config encoder.Config) int {
	threads := min(config.SliceThreads(), maxThreads)
	if config.Threads == 0 && f.codec == media.VP8 {
		return max(1, min(threads, runtime.GOMAXPROCS(0)/2))
	}
	return threads
}

func log2(n int) int { return bits.Len(uint(n)) - 1 }

func kilobits(config encoder.Config) C.int { return C.int(config.Bitrate / media.Kbps) }

// Encode implements encoder.Encoder. It does not allocate.
func (e *Encoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	if e.c == nil {
		return encoder.Result{}, encoder.ErrClosed
	}
	if err := f.Check(); err != nil {
		return encoder.Result{}, fmt.Errorf("%s: %w", e.format.name, err)
	}
	if f.Visible != e.config.Size {
		return encoder.Result{}, fmt.Errorf("%s: %w: a picture of %v for a stream of %v", e.format.name, media.ErrFrame, f.Visible, e.config.Size)
	}
	keyframe := r.Keyframe || e.keyframe
	share := e.config.FrameBits()
	plan := e.rate.Plan(f, keyframe, share, 8*r.Budget)
	level, _ := e.format.levels.Nearest(plan.QP)
	code := C.nl_vpx_encode(e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride),
		flag(keyframe), C.int(level), &e.piece)
	if code < 0 {
		e.keyframe = true
		return encoder.Result{}, e.failure("encode")
	}
	e.keyframe = false
	plan.QP = e.format.levels[e.piece.quantiser]
	result := encoder.Result{Keyframe: e.piece.keyframe != 0, Bytes: int(e.piece.length), QP: plan.QP}
	e.rate.Coded(plan, f, share, 8*result.Bytes)
	return result, emit(media.Slice{
		Data:     unsafe.Slice((*byte)(e.piece.data), result.Bytes),
		Keyframe: result.Keyframe,
		Last:     true,
	})
}

func (e *Encoder) failure(what string) error {
	return fmt.Errorf("%s: %s: %s", e.format.name, what, C.GoString(C.nl_vpx_error(e.c)))
}

// Reconfigure implements encoder.Encoder.
func (e *Encoder) Reconfigure(r encoder.Reconfiguration) error {
	if e.c == nil {
		return encoder.ErrClosed
	}
	config, err := e.config.Apply(r)
	if err != nil {
		return fmt.Errorf("%s: %w", e.format.name, err)
	}
	if err := config.CheckSpeed(len(e.format.efforts)); err != nil {
		return fmt.Errorf("%s: %w", e.format.name, err)
	}
	if config.Size != e.config.Size {
		return e.start(config)
	}
	if config.Bitrate != e.config.Bitrate && C.nl_vpx_set_rate(e.c, kilobits(config)) < 0 {
		return e.failure("change the rate")
	}
	if config.Speed != e.config.Speed && C.nl_vpx_set_effort(e.c, e.format.efforts[config.Speed]) < 0 {
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
		Codec: e.format.codec, Name: e.format.name,
		Recovery:   encoder.RecoverByKeyframe,
		LiveResize: true,
		Slices:     1,
		Speeds:     len(e.format.efforts),
	}
}

// Close implements encoder.Encoder.
func (e *Encoder) Close() error {
	if e.c != nil {
		C.nl_vpx_close(e.c)
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
