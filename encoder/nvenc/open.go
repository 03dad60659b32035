//go:build cgo

package nvenc

/*
#cgo CFLAGS: -O2 -Wall
#include "shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"nearlight/encoder"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

const soname = "libnvidia-encode.so.1"

// HasAV1 reports whether this build had headers with AV1.
const HasAV1 = C.NVENCAPI_MAJOR_VERSION >= 12

// oldestDrivers are the first Linux drivers that speak an API version (NVIDIA's Video Codec SDK, release notes).
var oldestDrivers = map[string]string{
	"11.0": "455.28", "11.1": "470.57.02", "12.0": "520.56.06", "12.1": "530.41.03", "12.2": "550.54.14", "13.0": "570",
}

// API is the version of NvEncodeAPI that this build had headers of, for example 11.1.
func API() string { return fmt.Sprintf("%d.%d", C.NVENCAPI_MAJOR_VERSION, C.NVENCAPI_MINOR_VERSION) }

// requirement says which driver is needed, for the end of error messages.
func requirement() string {
	if oldest, known := oldestDrivers[API()]; known {
		return fmt.Sprintf("this program needs %s; install driver %s or newer", API(), oldest)
	}
	return fmt.Sprintf("this program needs %s; install a newer driver", API())
}

// opening gathers what an encoder is made of, and knows how to tell what went wrong.
type opening struct {
	context *cuda.Context
	c       *C.nl_nvenc
}

// connect opens the libraries and a session for codec.
func (d Device) connect(codec media.Codec) (*opening, error) {
	context, err := cuda.Retain(d.Libraries, d.Ordinal)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", encoder.ErrUnavailable, err)
	}
	o := &opening{context: context}
	if err := o.session(d.Libraries, codec); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", encoder.ErrUnavailable, err), o.close())
	}
	return o, nil
}

func (o *opening) session(folder string, codec media.Codec) error {
	library, err := cuda.OpenLibrary(folder, soname)
	if err != nil {
		return err
	}
	version, err := library.Symbol("NvEncodeAPIGetMaxSupportedVersion")
	if err != nil {
		return err
	}
	create, err := library.Symbol("NvEncodeAPICreateInstance")
	if err != nil {
		return err
	}
	var speaks C.uint32_t
	if code := C.nl_nvenc_version(version, &speaks); code != 0 {
		return &Error{Call: "NvEncodeAPIGetMaxSupportedVersion", Code: int(code)}
	}
	if needed := C.uint32_t(C.NVENCAPI_MAJOR_VERSION<<4 | C.NVENCAPI_MINOR_VERSION); speaks < needed {
		return fmt.Errorf("%w: it speaks NVENC API %d.%d, %s", ErrDriverTooOld, speaks>>4, speaks&15, requirement())
	}
	if o.c = C.nl_nvenc_new(create, (*C.nl_cuda_context)(o.context.Pointer())); o.c == nil {
		return errors.New("out of memory")
	}
	var offered C.int
	if C.nl_nvenc_open(o.c, codecNumber(codec), &offered) < 0 {
		return o.refusal(o.failure())
	}
	if offered == 0 {
		return fmt.Errorf("%w: %s does not encode %s", ErrNoEncoder, o.context.Device().Name, codec)
	}
	return nil
}

// ask learns what the device can do.
func (o *opening) ask() (C.nl_abilities, error) {
	var abilities C.nl_abilities
	if C.nl_nvenc_ask(o.c, &abilities) < 0 {
		return abilities, told(o.failure())
	}
	return abilities, nil
}

// failure is the last failed call.
func (o *opening) failure() error { return failure(o.c) }

// told begins an error with what its code means, where that is known.
func told(err error) error {
	var status *Error
	if meaning := errors.Unwrap(err); meaning != nil && errors.As(err, &status) {
		return fmt.Errorf("%w: %w", meaning, err)
	}
	return err
}

func failure(c *C.nl_nvenc) error {
	f := C.nl_nvenc_failure(c)
	if f.cuda != 0 {
		return &cuda.Error{Call: C.GoString(f.call), Code: int(f.code), Name: C.GoString(&f.text[0])}
	}
	return &Error{Call: C.GoString(f.call), Code: int(f.code), Said: C.GoString(&f.text[0])}
}

// sessionMemory is more than a session of any size takes. A driver that has that much free and still says "out of memory"
// means its limit of sessions.
const sessionMemory = 512 << 20

// refusal gives the driver's answer to a new session its meaning.
func (o *opening) refusal(err error) error {
	var status *Error
	if !errors.As(err, &status) {
		return err
	}
	name := o.context.Device().Name
	switch status.Code {
	case statusNoEncodeDevice, statusUnsupportedDevice:
		return fmt.Errorf("%w: %s offers no NVENC, as data-centre GPUs such as A100 and H100 have none (%w); encode in software, or on another GPU",
			ErrNoEncoder, name, err)
	case statusIncompatibleKey:
		return fmt.Errorf("%w: %s (%w); end another program that encodes, or run fewer sessions", ErrSessionLimit, name, err)
	case statusOutOfMemory:
		free, total, unknown := o.context.Memory()
		if unknown == nil && free < sessionMemory {
			return fmt.Errorf("%w: %s has %d of %d MiB free (%w); end another program that uses it", ErrOutOfMemory, name, free>>20, total>>20, err)
		}
		// Not wrapped: the code's own sentinel, out of memory, is what it is not.
		return fmt.Errorf("%w: %s (the driver calls it %v, with %d MiB free); end another program that encodes, or run fewer sessions",
			ErrSessionLimit, name, err, free>>20)
	case statusInvalidVersion:
		return fmt.Errorf("%w: %w: %s", ErrDriverTooOld, err, requirement())
	}
	return err
}

// profileLevelID reads what the driver will write into its sequence parameter set: profile_idc, constraint flags and level_idc
// (ITU-T H.264 section 7.3.2.1.1), just as an SDP has them.
func (o *opening) profileLevelID() (string, error) {
	const startCode, header, parameterSet = 3, 1, 7
	var sets [1 << 10]byte
	var length C.int
	if C.nl_nvenc_headers(o.c, (*C.uint8_t)(&sets[0]), C.int(len(sets)), &length) < 0 {
		return "", fmt.Errorf("%w: %w", encoder.ErrUnavailable, told(o.failure()))
	}
	for at := 0; at+startCode+header+3 <= int(length); at++ {
		unit := sets[at:]
		if unit[0] == 0 && unit[1] == 0 && unit[2] == 1 && unit[startCode]&31 == parameterSet {
			return fmt.Sprintf("%x", unit[startCode+header:][:3]), nil
		}
	}
	return "", fmt.Errorf("%w: the driver gave no sequence parameter set", encoder.ErrUnavailable)
}

func (o *opening) close() error {
	if o.c != nil {
		C.nl_nvenc_close(o.c)
	}
	return o.context.Close()
}

func codecNumber(codec media.Codec) C.int {
	switch codec {
	case media.HEVC:
		return C.NL_HEVC
	case media.AV1:
		return C.NL_AV1
	}
	return C.NL_H264
}

// fits checks a configuration against the device.
func fits(config encoder.Config, codec media.Codec, a *C.nl_abilities, device string) error {
	smallest := media.Size{Width: int(a.min_width), Height: int(a.min_height)}
	largest := media.Size{Width: int(a.max_width), Height: int(a.max_height)}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s %s", encoder.ErrUnsupported, device, fmt.Sprintf(format, args...))
	}
	switch {
	case !smallest.Fits(config.Size.Even()):
		return refuse("encodes no pictures below %v, and %v was asked for", smallest, config.Size)
	case !config.MaxSize.Even().Fits(largest), encoder.Macroblocks(config.MaxSize) > int(a.macroblocks):
		return refuse("encodes no pictures above %v or %d macroblocks, and %v was asked for", largest, a.macroblocks, config.MaxSize)
	case a.rate_modes&C.NV_ENC_PARAMS_RC_CBR == 0:
		return refuse("has no constant bitrate")
	case config.Recovery == encoder.RecoverByReferences && a.invalidation == 0:
		return refuse("cannot invalidate references")
	case config.Recovery == encoder.RecoverByRefresh && a.refresh == 0:
		return refuse("has no intra refresh")
	}
	return checkSampling(config.Sampling, codec, a, device)
}

// register has the session know a picture. It is nil for one that cannot be, and failure says why.
func (e *Encoder) register(p *cuda.Picture) *C.nl_surface {
	return C.nl_nvenc_register(e.c, (*C.nl_cuda_picture)(unsafe.Pointer(p.Pointer())))
}
