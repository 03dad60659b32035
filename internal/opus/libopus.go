//go:build cgo

package opus

/*
#cgo pkg-config: opus
#cgo CFLAGS: -O2 -Wall
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// License is the SPDX identifier of what this package links.
const License = "BSD-3-Clause"

// Version is the library's own name and version.
func Version() string { return C.GoString(C.opus_get_version_string()) }

// Encoder codes one stream of sound.
type Encoder struct {
	c *C.OpusEncoder // nil once closed
}

// NewEncoder makes an encoder.
func NewEncoder(config Config) (*Encoder, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	constant := C.int(0)
	if config.Constant {
		constant = 1
	}
	var code C.int
	c := C.nl_opus_encoder(SampleRate, Channels, C.int(config.Bitrate), constant, C.int(config.Loss), complexity, &code)
	if c == nil {
		return nil, failure("make an encoder", code)
	}
	return &Encoder{c}, nil
}

// Encode codes FrameLength samples into packet, which should have room for MaxFrame octets, and returns how many it took.
func (e *Encoder) Encode(packet []byte, samples []int16) (int, error) {
	switch {
	case e.c == nil:
		return 0, ErrClosed
	case len(samples) != FrameLength || len(packet) == 0:
		return 0, fmt.Errorf("opus: %d samples into %d octets: want %d into at least 1", len(samples), len(packet), FrameLength)
	}
	n := C.opus_encode(e.c, (*C.opus_int16)(&samples[0]), C.int(FrameSamples), (*C.uchar)(&packet[0]), C.opus_int32(len(packet)))
	if n < 0 {
		return 0, failure("encode", n)
	}
	return int(n), nil
}

// Close frees the encoder; it may be called more than once.
func (e *Encoder) Close() {
	if e.c != nil {
		C.opus_encoder_destroy(e.c)
		e.c = nil
	}
}

// Decoder decodes one stream of sound.
type Decoder struct {
	c *C.OpusDecoder // nil once closed
}

// NewDecoder makes a decoder.
func NewDecoder() (*Decoder, error) {
	var code C.int
	c := C.opus_decoder_create(SampleRate, Channels, &code)
	if c == nil {
		return nil, failure("make a decoder", code)
	}
	return &Decoder{c}, nil
}

// Decode fills samples, FrameLength of them, with what a packet holds. For an empty packet, which says that the frame is
// lost, it makes up what could have been there. The error wraps ErrPacket where a packet is no frame of ours; the decoder
// goes on with the next.
func (d *Decoder) Decode(samples []int16, packet []byte) error {
	switch {
	case d.c == nil:
		return ErrClosed
	case len(samples) != FrameLength:
		return fmt.Errorf("opus: room for %d samples: want %d", len(samples), FrameLength)
	case len(packet) > MaxFrame:
		return fmt.Errorf("%w: %d octets", ErrPacket, len(packet))
	}
	data := (*C.uchar)(unsafe.SliceData(packet))
	if len(packet) == 0 {
		data = nil
	}
	n := C.opus_decode(d.c, data, C.opus_int32(len(packet)), (*C.opus_int16)(&samples[0]), C.int(FrameSamples), 0)
	switch {
	case n < 0:
		return fmt.Errorf("%w: %w", ErrPacket, failure("decode", n))
	case int(n) != FrameSamples:
		return fmt.Errorf("%w: it holds %d samples of each channel, not %d", ErrPacket, int(n), FrameSamples)
	}
	return nil
}

// Close frees the decoder; it may be called more than once.
func (d *Decoder) Close() {
	if d.c != nil {
		C.opus_decoder_destroy(d.c)
		d.c = nil
	}
}

func failure(call string, code C.int) error {
	return fmt.Errorf("libopus: %s: %s (%d)", call, C.GoString(C.opus_strerror(code)), int(code))
}
