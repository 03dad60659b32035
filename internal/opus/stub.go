//go:build !cgo

package opus

import "fmt"

// License is the SPDX identifier of what this package links: nothing.
const License = ""

var errNoCgo = fmt.Errorf("%w: this build has no libopus (build with CGO_ENABLED=1)", ErrUnavailable)

// Version is empty: there is no library.
func Version() string { return "" }

// Encoder is never made in this build.
type Encoder struct{}

// NewEncoder returns an error that wraps ErrUnavailable.
func NewEncoder(Config) (*Encoder, error) { return nil, errNoCgo }

// Encode fails: there is no encoder.
func (*Encoder) Encode([]byte, []int16) (int, error) { return 0, errNoCgo }

// Close does nothing.
func (*Encoder) Close() {}

// Decoder is never made in this build.
type Decoder struct{}

// NewDecoder returns an error that wraps ErrUnavailable.
func NewDecoder() (*Decoder, error) { return nil, errNoCgo }

// Decode fails: there is no decoder.
func (*Decoder) Decode([]int16, []byte) error { return errNoCgo }

// Close does nothing.
func (*Decoder) Close() {}

// SpeechEncoder is never made in this build.
type SpeechEncoder struct{}

// NewSpeechEncoder returns an error that wraps ErrUnavailable.
func NewSpeechEncoder(SpeechConfig) (*SpeechEncoder, error) { return nil, errNoCgo }

// Encode fails: there is no encoder.
func (*SpeechEncoder) Encode([]byte, []int16) (int, error) { return 0, errNoCgo }

// Close does nothing.
func (*SpeechEncoder) Close() {}

// SpeechDecoder is never made in this build.
type SpeechDecoder struct{}

// NewSpeechDecoder returns an error that wraps ErrUnavailable.
func NewSpeechDecoder() (*SpeechDecoder, error) { return nil, errNoCgo }

// Decode fails: there is no decoder.
func (*SpeechDecoder) Decode([]int16, []byte) (int, error) { return 0, errNoCgo }

// Recover fails: there is no decoder.
func (*SpeechDecoder) Recover([]int16, []byte) error { return errNoCgo }

// Conceal fails: there is no decoder.
func (*SpeechDecoder) Conceal([]int16) error { return errNoCgo }

// Close does nothing.
func (*SpeechDecoder) Close() {}
