//go:build !cgo || nogpl

package x264

import (
	"fmt"

	"nearlight/encoder"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

// Open returns an error that wraps encoder.ErrUnavailable.
func Open(encoder.Config) (encoder.Encoder, error) {
	return nil, fmt.Errorf("%w: this build has no x264 (build with CGO_ENABLED=1 and without the tag nogpl)", encoder.ErrUnavailable)
}

// OpenOverlapped returns an error that wraps encoder.ErrUnavailable.
func OpenOverlapped(config encoder.Config) (encoder.Encoder, error) { return Open(config) }
