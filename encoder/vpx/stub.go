//go:build !cgo

package vpx

import (
	"fmt"

	"nearlight/encoder"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

// Version is that of the library: there is none.
func Version() string { return "" }

// OpenVP8 returns an error that wraps encoder.ErrUnavailable.
func OpenVP8(encoder.Config) (encoder.Encoder, error) { return nil, unavailable() }

// OpenVP9 returns an error that wraps encoder.ErrUnavailable.
func OpenVP9(encoder.Config) (encoder.Encoder, error) { return nil, unavailable() }

func unavailable() error {
	return fmt.Errorf("%w: this build has no libvpx (build with CGO_ENABLED=1)", encoder.ErrUnavailable)
}
