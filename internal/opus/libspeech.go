//go:build cgo

package opus

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// SpeechEncoder codes one microphone, in frames of FrameTime.
type SpeechEncoder struct {
	c *C.OpusEncoder // nil once closed
}

// NewSpeechEncoder makes an encoder.
func NewSpeechEncoder(config SpeechConfig) (*SpeechEncoder, error) {
	config, err := config.resolve()
	if err != nil {
		return nil, err
	}
	idle := C.int(0)
	if config.Idle {
		idle = 1
	}
	var code C.int
	c := C.nl_opus_speech_encoder(SampleRate, C.int(config.Bitrate), C.int(config.Loss), idle, &code)
	if c == nil {
		return nil, failure("make an encoder of speech", code)
	}
	return &SpeechEncoder{c}, nil
}

// Encode codes FrameSamples samples of one channel into packet, which should have room for MaxFrame octets, and returns how many it
// took.
func (e *SpeechEncoder) Encode(packet []byte, samples []int16) (int, error) {
	switch {
	case e.c == nil:
		return 0, ErrClosed
	case len(samples) != FrameSamples || len(packet) == 0:
		return 0, fmt.Errorf("opus: %d samples into %d octets: want %d into at least 1", len(samples), len(packet), FrameSamples)
	}
	n := C.opus_encode(e.c, (*C.opus_int16)(&samples[0]), C.int(FrameSamples), (*C.uchar)(&packet[0]), C.opus_int32(len(packet)))
	if n < 0 {
		return 0, failure("encode speech", n)
	}
	return int(n), nil
}

// Close frees the encoder; it may be called more than once.
func (e *SpeechEncoder) Close() {
	if e.c != nil {
		C.opus_encoder_destroy(e.c)
		e.c = nil
	}
}

// SpeechDecoder decodes one microphone into one channel; packets of two are mixed.
type SpeechDecoder struct {
	c *C.OpusDecoder // nil once closed
}

// NewSpeechDecoder makes a decoder.
func NewSpeechDecoder() (*SpeechDecoder, error) {
	var code C.int
	c := C.opus_decoder_create(SampleRate, 1, &code)
	if c == nil {
		return nil, failure("make a decoder of speech", code)
	}
	return &SpeechDecoder{c}, nil
}

// Decode decodes a packet into samples, which have room for all that Samples says of it, and returns how many there are. The error
// wraps ErrPacket where it is no Opus; the decoder goes on with the next.
func (d *SpeechDecoder) Decode(samples []int16, packet []byte) (int, error) {
	length, err := Samples(packet)
	switch {
	case d.c == nil:
		return 0, ErrClosed
	case err != nil:
		return 0, err
	case len(samples) < length:
		return 0, fmt.Errorf("opus: room for %d samples of %d", len(samples), length)
	}
	n := C.opus_decode(d.c, (*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)), (*C.opus_int16)(&samples[0]), C.int(length), 0)
	if n < 0 {
		return 0, fmt.Errorf("%w: %w", ErrPacket, failure("decode speech", n))
	}
	return int(n), nil
}

// Recover fills samples, which are what is missing before a packet, by the copy that the packet carries of the one before it, as far
// as there is one; what it does not tell is made up. Their number is a multiple of 2.5 ms, and at most MaxPacketSamples.
func (d *SpeechDecoder) Recover(samples []int16, next []byte) error {
	if _, err := Samples(next); err != nil {
		return err
	}
	return d.fill(samples, next)
}

// Conceal makes up samples that are missing, of which there are as many as Recover takes.
func (d *SpeechDecoder) Conceal(samples []int16) error { return d.fill(samples, nil) }

func (d *SpeechDecoder) fill(samples []int16, next []byte) error {
	switch {
	case d.c == nil:
		return ErrClosed
	case len(samples) == 0 || len(samples) > MaxPacketSamples || len(samples)%quantum != 0:
		return fmt.Errorf("opus: %d samples cannot be made up: want a multiple of %d up to %d", len(samples), quantum, MaxPacketSamples)
	}
	data, byTheNext := (*C.uchar)(nil), C.int(0)
	if len(next) > 0 {
		data, byTheNext = (*C.uchar)(unsafe.SliceData(next)), 1
	}
	n := C.opus_decode(d.c, data, C.opus_int32(len(next)), (*C.opus_int16)(&samples[0]), C.int(len(samples)), byTheNext)
	if n < 0 {
		return fmt.Errorf("%w: %w", ErrPacket, failure("make up speech", n))
	}
	clear(samples[n:])
	return nil
}

// Close frees the decoder; it may be called more than once.
func (d *SpeechDecoder) Close() {
	if d.c != nil {
		C.opus_decoder_destroy(d.c)
		d.c = nil
	}
}
