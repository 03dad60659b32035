//go:build !cgo || nogpl

package x264

import (
	"fmt"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

// Version is that of the library: there is none.
func Version() string { return "" }

// Open returns an error that wraps encoder.ErrUnavailable.
func Open(encoder.Config) (encoder.Encoder, error) {
	return nil, fmt.Errorf("%w: this build has no x264 (build with CGO_ENABLED=1 and without the tag nogpl)", encoder.ErrUnavailable)
}

// OpenOverlapped returns an error that wraps encoder.ErrUnavailable.
func OpenOverlapped(config encoder.Config) (encoder.Encoder, error) { return Open(config) }

// Bare stands for what other builds have.
type Bare struct{}

// OpenBare returns an error that wraps encoder.ErrUnavailable.
func OpenBare(config encoder.Config) (*Bare, error) {
	_, err := Open(config)
	return nil, err
}

// Encode is never reached.
func (*Bare) Encode(*media.Frame) (time.Duration, error) { return 0, encoder.ErrUnavailable }

// Close does nothing.
func (*Bare) Close() error { return nil }
