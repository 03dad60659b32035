//go:build cgo && !nogpl

package decode

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -lavcodec -lavutil
#include "avcodec.h"
#include <libavutil/log.h>
#include <stdlib.h>

static int nl_error(int code, char *text, size_t size) { return av_strerror(code, text, size); }
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links, as Debian builds it.
const License = "GPL-3.0-or-later"

// libavcodec logs to standard error unless told otherwise, and the level is the process's; errors reach the caller as
// values instead.
var silence = sync.OnceFunc(func() { C.av_log_set_level(C.AV_LOG_QUIET) })

// Decoder decodes one stream. A new one waits for a keyframe.
type Decoder struct {
	c       *C.nl_avdecoder // nil once closed
	picture media.Frame
}

// Open makes a decoder for codec. The error wraps ErrUnavailable when the library lacks it.
func Open(codec media.Codec) (*Decoder, error) {
	ids := map[media.Codec]uint32{
		media.H264: C.AV_CODEC_ID_H264, media.HEVC: C.AV_CODEC_ID_HEVC,
		media.VP8: C.AV_CODEC_ID_VP8, media.VP9: C.AV_CODEC_ID_VP9, media.AV1: C.AV_CODEC_ID_AV1,
	}
	id, known := ids[codec]
	if !known {
		return nil, fmt.Errorf("%w: no codec named %q", ErrUnavailable, codec)
	}
	silence()
	d := &Decoder{c: (*C.nl_avdecoder)(C.calloc(1, C.sizeof_nl_avdecoder))}
	if code := C.nl_avdecoder_open(d.c, id); code < 0 {
		err := fmt.Errorf("%w: libavcodec has no %s decoder: %s", ErrUnavailable, codec, message(code))
		d.free()
		return nil, err
	}
	return d, nil
}

// Decode takes one whole access unit, in the form of media.Slice, and returns its picture, valid until the next call
// of Decode or Close and not to be written to. Visible is the size after cropping. Sampling says how it was coded.
//
// It returns nil and no error when the stream holds the picture back, and an error that wraps ErrBitstream for an
// access unit that is damaged or that no keyframe came before. An access unit missing in between is concealed without a
// word: who feeds the decoder knows what was lost.
func (d *Decoder) Decode(accessUnit []byte) (*media.Frame, error) {
	switch {
	case d.c == nil:
		return nil, ErrClosed
	case len(accessUnit) == 0 || len(accessUnit) > MaxAccessUnit:
		return nil, fmt.Errorf("%w: an access unit of %d bytes", ErrBitstream, len(accessUnit))
	}
	code := C.nl_avdecoder_decode(d.c, (*C.uint8_t)(&accessUnit[0]), C.size_t(len(accessUnit)))
	switch code {
	case C.NL_NO_PICTURE:
		return nil, nil
	case C.NL_PICTURE:
		return d.lend()
	case C.NL_PICTURE_DAMAGED:
		return nil, fmt.Errorf("%w: parts of the picture are missing", ErrBitstream)
	case C.NL_PICTURE_FORMAT:
		return nil, fmt.Errorf("%w: libavcodec pixel format %d", ErrFormat, int(d.c.frame.format))
	}
	return nil, fmt.Errorf("%w: %s", ErrBitstream, message(code))
}

// Sampling is what the last picture that was decoded had in the stream.
func (d *Decoder) Sampling() media.Sampling {
	if d.c == nil {
		return media.Sampling{}
	}
	s := media.Sampling{TenBit: d.c.ten_bit != 0}
	if d.c.yuv444 != 0 {
		s.Chroma = media.Chroma444
	}
	return s
}

func (d *Decoder) lend() (*media.Frame, error) {
	frame, sampling := d.c.frame, d.Sampling()
	visible := media.Size{Width: int(frame.width), Height: int(frame.height)}
	coded := visible.Even()
	colour := sampling.Chroma.Of(coded)
	plane := func(data *C.uint8_t, stride int, size media.Size) media.Plane {
		return media.Plane{Data: unsafe.Slice((*byte)(data), stride*(size.Height-1)+size.Width), Stride: stride}
	}
	d.picture = media.Frame{Visible: visible, Coded: coded, Chroma: sampling.Chroma}
	// libavcodec's buffers are whole macroblocks, superblocks or more, so the even size lies inside them whatever the
	// codec and the cropping.
	if !sampling.TenBit {
		d.picture.Y = plane(frame.data[0], int(frame.linesize[0]), coded)
		d.picture.U, d.picture.V = plane(frame.data[1], int(frame.linesize[1]), colour), plane(frame.data[2], int(frame.linesize[2]), colour)
		return &d.picture, nil
	}
	first := C.nl_avdecoder_narrow(d.c, C.int(coded.Width), C.int(coded.Height), C.int(colour.Width), C.int(colour.Height))
	if first == nil {
		return nil, fmt.Errorf("%w: no memory for a picture of %v", ErrFormat, coded)
	}
	all := unsafe.Slice((*byte)(first), coded.Width*coded.Height+2*colour.Width*colour.Height)
	for _, p := range []struct {
		plane *media.Plane
		size  media.Size
	}{{&d.picture.Y, coded}, {&d.picture.U, colour}, {&d.picture.V, colour}} {
		bytes := p.size.Width * p.size.Height
		*p.plane = media.Plane{Data: all[:bytes:bytes], Stride: p.size.Width}
		all = all[bytes:]
	}
	return &d.picture, nil
}

// Close frees the decoder; it may be called more than once.
func (d *Decoder) Close() error {
	d.free()
	return nil
}

func (d *Decoder) free() {
	if d.c != nil {
		C.nl_avdecoder_close(d.c)
		C.free(unsafe.Pointer(d.c))
		d.c = nil
		d.picture = media.Frame{}
	}
}

func message(code C.int) string {
	var text [128]C.char
	C.nl_error(code, &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}
