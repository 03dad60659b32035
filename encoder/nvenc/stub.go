//go:build !cgo

package nvenc

import (
	"fmt"

	"nearlight/encoder"
)

// API is empty: this build has no NVENC.
func API() string { return "" }

// HasAV1 is false: there is no encoder at all.
const HasAV1 = false

func absent(name string) error {
	return fmt.Errorf("%s: %w: this build has no cgo (build with CGO_ENABLED=1)", name, encoder.ErrUnavailable)
}

// H264 returns an error that wraps encoder.ErrUnavailable.
func (Device) H264(encoder.Config) (encoder.Encoder, error) { return nil, absent(Name) }

// HEVC returns an error that wraps encoder.ErrUnavailable.
func (Device) HEVC(encoder.Config) (encoder.Encoder, error) { return nil, absent(NameHEVC) }

// AV1 returns an error that wraps encoder.ErrUnavailable.
func (Device) AV1(encoder.Config) (encoder.Encoder, error) { return nil, absent(NameAV1) }
