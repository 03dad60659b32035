//go:build cgo

package nvenc

/*
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"nearlight/encoder"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

var _ encoder.Encoder = (*Encoder)(nil)

// Encoder is one stream of one session on the GPU.
type Encoder struct {
	c         *C.nl_nvenc // nil once closed
	context   *cuda.Context
	name      string
	codec     media.Codec
	config    encoder.Config
	main      bool
	abilities C.nl_abilities
	samplings []media.Sampling // that the device codes in
	// level is H.264's, references how many pictures it leaves room to keep, ReferencesKept at the most.
	level, references int
	profileLevelID    string
	sweep             int       // pictures of an intra refresh; a driver takes no other number later
	unit              C.nl_unit // here, so that C may write it without an allocation a frame

	history  encoder.History
	keyframe bool // the next picture has to be one
	still    bool // pictures are coded as ones that stand still
	surfaces map[*cuda.Picture]surface
	lost     error // set once the GPU is gone
}

// H264 starts an encoder of H.264. The error wraps encoder.ErrUnavailable where machine or driver are to blame, media.ErrSize or
// encoder.ErrUnsupported where the configuration is.
func (d Device) H264(config encoder.Config) (encoder.Encoder, error) {
	return d.open(Name, media.H264, config)
}

// HEVC starts an encoder of HEVC, like H264.
func (d Device) HEVC(config encoder.Config) (encoder.Encoder, error) {
	return d.open(NameHEVC, media.HEVC, config)
}

// AV1 starts an encoder of AV1, like H264. Without HasAV1 the error wraps encoder.ErrUnavailable.
func (d Device) AV1(config encoder.Config) (encoder.Encoder, error) {
	if !HasAV1 {
		return nil, fmt.Errorf("%s: %w: this build had headers of NVENC API %s, and AV1 came with 12.0", NameAV1, encoder.ErrUnavailable, API())
	}
	return d.open(NameAV1, media.AV1, config)
}

func (d Device) open(name string, codec media.Codec, config encoder.Config) (encoder.Encoder, error) {
	e, err := d.start(name, codec, config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

func (d Device) start(name string, codec media.Codec, config encoder.Config) (*Encoder, error) {
	config, err := config.Resolve(media.Samplings()...) // which of them, the device is asked
	if err != nil {
		return nil, err
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return nil, err
	}
	e := &Encoder{name: name, codec: codec, config: config, main: d.Main, surfaces: map[*cuda.Picture]surface{}}
	e.sweep = max(2, int(encoder.RefreshTime*time.Duration(config.FrameRate)/time.Second))
	if err := e.chooseLevel(); err != nil {
		return nil, err
	}
	o, err := d.connect(codec)
	if err != nil {
		return nil, err
	}
	if err := e.begin(o); err != nil {
		return nil, errors.Join(err, o.close())
	}
	e.c, e.context = o.c, o.context
	e.history.Depth = e.references
	e.keyframe = true
	return e, nil
}

func (e *Encoder) begin(o *opening) (err error) {
	if e.abilities, err = o.ask(); err != nil {
		return fmt.Errorf("%w: %w", encoder.ErrUnavailable, err)
	}
	if err := fits(e.config, e.codec, &e.abilities, o.context.Device().Name); err != nil {
		return err
	}
	e.samplings = samplings(e.codec, &e.abilities)
	settings := e.settings(e.config)
	if C.nl_nvenc_start(o.c, &settings) < 0 {
		return fmt.Errorf("%w: %w", encoder.ErrUnavailable, told(o.failure()))
	}
	if e.codec == media.H264 {
		e.profileLevelID, err = o.profileLevelID()
	}
	return err
}

// chooseLevel sets level and references: with invalidation as many pictures as the largest level has room for. The other
// codecs' levels are the driver's choice, and theirs have room for all.
func (e *Encoder) chooseLevel() error {
	e.references = 1
	if e.config.Recovery == encoder.RecoverByReferences {
		e.references = ReferencesKept
	}
	if e.codec != media.H264 {
		return nil
	}
	for {
		level, err := encoder.H264Level(e.config, e.references)
		if err == nil {
			e.level = level
			return nil
		}
		if e.references--; e.references == 0 {
			return err
		}
	}
}

func (e *Encoder) settings(config encoder.Config) C.nl_settings {
	coded, largest := config.Size.Even(), config.MaxSize.Even()
	s := C.nl_settings{
		width: C.int(coded.Width), height: C.int(coded.Height),
		max_width: C.int(largest.Width), max_height: C.int(largest.Height),
		frame_rate: C.int(config.FrameRate), bitrate: C.int(config.Bitrate),
		finest_qp:      finestMoving,
		speed:          C.int(config.Speed),
		level_idc:      C.int(e.level),
		main_profile:   flag(e.main),
		yuv444:         flag(config.Sampling.Chroma == media.Chroma444),
		ten_bit:        flag(config.Sampling.TenBit),
		references:     C.int(e.references),
		refresh_frames: C.int(e.sweep),
	}
	if e.still {
		s.finest_qp = finestStill
	}
	switch config.Recovery {
	case encoder.RecoverByKeyframe:
		s.recovery = C.NL_RECOVER_KEYFRAME
	case encoder.RecoverByReferences:
		s.recovery = C.NL_RECOVER_REFERENCES
	case encoder.RecoverByRefresh:
		s.recovery = C.NL_RECOVER_REFRESH
	}
	return s
}

// Encode implements encoder.Encoder. It does not allocate, but for the first time it is given a Surface.
func (e *Encoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	if err := e.usable(); err != nil {
		return encoder.Result{}, err
	}
	if err := e.check(f); err != nil {
		return encoder.Result{}, fmt.Errorf("%s: %w", e.name, err)
	}
	if f.Still != e.still {
		if err := e.setStill(f.Still); err != nil {
			return encoder.Result{}, err
		}
	}
	if err := e.code(f, e.keyframe || r.Keyframe); err != nil {
		e.keyframe = true
		return encoder.Result{}, err
	}
	unit := &e.unit
	result := encoder.Result{Keyframe: unit.keyframe != 0, Bytes: int(unit.length), QP: float64(unit.qp)}
	e.keyframe = false
	slice := media.Slice{Data: unsafe.Slice((*byte)(unit.data), int(unit.length)), Keyframe: result.Keyframe, Last: true}
	if !result.Keyframe {
		slice.Skips = e.history.Skips()
	}
	e.history.Add(f.Times.Damaged, result.Keyframe)
	return result, emit(slice)
}

// Constant bitrate would spend the whole rate on a picture however easy it is. Below a quantiser of about 18 nobody sees a
// moving picture get better, while each bit still takes its time to code, to send and to decode; one that stands still is
// looked at.
const finestMoving, finestStill = 18, 10

// setStill changes the finest quantiser when a picture comes to rest, or moves again. A driver that does not take it goes on
// as it was, and is asked again at the next change.
func (e *Encoder) setStill(still bool) error {
	e.still = still
	settings := e.settings(e.config)
	if C.nl_nvenc_reconfigure(e.c, &settings) < 0 {
		_ = e.failure() // which remembers a lost device
	}
	return e.lost
}

func (e *Encoder) usable() error {
	if e.c == nil {
		return encoder.ErrClosed
	}
	return e.lost
}

func (e *Encoder) check(f *media.Frame) error {
	err := f.CheckSizes()
	if f.Surface == nil {
		err = f.CheckIn(e.config.Sampling.Chroma)
	}
	if err != nil {
		return err
	}
	if f.Visible != e.config.Size {
		return fmt.Errorf("%w: a picture of %v for a stream of %v", media.ErrFrame, f.Visible, e.config.Size)
	}
	return nil
}

// code leaves the access unit in e.unit.
func (e *Encoder) code(f *media.Frame, keyframe bool) error {
	if f.Surface != nil {
		return e.codeSurface(f, keyframe)
	}
	if C.nl_nvenc_encode(e.c,
		(*C.uint8_t)(&f.Y.Data[0]), C.int(f.Y.Stride),
		(*C.uint8_t)(&f.U.Data[0]), C.int(f.U.Stride),
		(*C.uint8_t)(&f.V.Data[0]), C.int(f.V.Stride),
		C.int64_t(e.history.Next()), flag(keyframe), &e.unit) < 0 {
		return e.failure()
	}
	return nil
}

// failure is the last failed call, and remembered where it was the GPU's last.
func (e *Encoder) failure() error {
	err := fmt.Errorf("%s: %w", e.name, told(failure(e.c)))
	if errors.Is(err, cuda.ErrDeviceLost) {
		e.lost = err
	}
	return err
}

// Reconfigure implements encoder.Encoder.
func (e *Encoder) Reconfigure(r encoder.Reconfiguration) error {
	if err := e.usable(); err != nil {
		return err
	}
	config, err := e.apply(r)
	if err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	if config == e.config {
		return nil
	}
	settings := e.settings(config)
	if C.nl_nvenc_reconfigure(e.c, &settings) < 0 {
		err := e.failure()
		if config.Speed != e.config.Speed && e.lost == nil {
			return fmt.Errorf("%w: this driver does not change its preset within a stream: open a new encoder: %w", encoder.ErrUnsupported, err)
		}
		return err
	}
	resized := config.Size != e.config.Size
	e.config = config
	if resized {
		e.forgetSurfaces()
		e.keyframe = true // the history goes on: a session's pictures have each a number of their own
	}
	return nil
}

// apply is the configuration after r, checked against the device.
func (e *Encoder) apply(r encoder.Reconfiguration) (encoder.Config, error) {
	config, err := e.config.Apply(r)
	if err != nil {
		return config, err
	}
	if err := config.CheckSpeed(speeds); err != nil {
		return config, err
	}
	device := e.context.Device().Name
	if config.Size != e.config.Size && e.abilities.live_size == 0 {
		return config, fmt.Errorf("%w: %s does not change its size within a stream: open a new encoder", encoder.ErrUnsupported, device)
	}
	if (config.Bitrate != e.config.Bitrate || config.FrameRate != e.config.FrameRate) && e.abilities.live_rate == 0 {
		return config, fmt.Errorf("%w: %s does not change its rate within a stream: open a new encoder", encoder.ErrUnsupported, device)
	}
	return config, fits(config, e.codec, &e.abilities, device)
}

// Invalidate implements encoder.Encoder.
func (e *Encoder) Invalidate(first, last media.Instant) (keyframe bool, err error) {
	if err := e.usable(); err != nil {
		return false, err
	}
	switch e.config.Recovery {
	case encoder.RecoverByRefresh:
		return false, nil
	case encoder.RecoverByReferences:
		from, good := e.history.Lose(first, last)
		if !good {
			e.keyframe = true
		}
		if from < 0 || e.keyframe {
			break
		}
		// Pictures that arrived after a lost one were made from it, and are to be forgotten as well.
		for number := max(from, e.history.Kept()); number < e.history.Next(); number++ {
			if C.nl_nvenc_invalidate(e.c, C.int64_t(number)) < 0 {
				e.keyframe = true // half told is not told
				return true, e.failure()
			}
		}
	default:
		e.keyframe = true
	}
	return e.keyframe, nil
}

// CodedSize implements encoder.Encoder. For HEVC it is a bound: the driver keeps its blocks' size to itself.
func (e *Encoder) CodedSize() media.Size { return encoder.WholeMacroblocks(e.config.Size) }

// Capabilities implements encoder.Encoder.
func (e *Encoder) Capabilities() encoder.Capabilities {
	kept := 0
	if e.config.Recovery == encoder.RecoverByReferences {
		kept = e.references
	}
	return encoder.Capabilities{
		Codec: e.codec, Name: e.name,
		References:     kept,
		Recovery:       e.config.Recovery,
		LiveResize:     e.abilities.live_size != 0,
		Slices:         1, // however many NAL units there are, they come together
		Speeds:         speeds,
		Surfaces:       readsSurfaces(e.config.Sampling),
		Sampling:       e.config.Sampling,
		Samplings:      e.samplings,
		ProfileLevelID: e.profileLevelID,
	}
}

// Close implements encoder.Encoder.
func (e *Encoder) Close() error {
	if e.c == nil {
		return nil
	}
	e.forgetSurfaces()
	C.nl_nvenc_close(e.c)
	e.c = nil
	err := e.context.Close()
	if e.lost != nil {
		return nil // nothing is left that could be closed well
	}
	return err
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
