//go:build !cgo || nogpl

package decode

import (
	"fmt"

	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

// Decoder is never made in this build.
type Decoder struct{}

// Open returns an error that wraps ErrUnavailable.
func Open(media.Codec) (*Decoder, error) {
	return nil, fmt.Errorf("%w: this build has no libavcodec (build with CGO_ENABLED=1 and without the tag nogpl)", ErrUnavailable)
}

// Decode fails: there is no decoder.
func (*Decoder) Decode([]byte) (*media.Frame, error) { return nil, ErrUnavailable }

// Sampling is the zero one.
func (*Decoder) Sampling() media.Sampling { return media.Sampling{} }

// Close does nothing.
func (*Decoder) Close() error { return nil }
