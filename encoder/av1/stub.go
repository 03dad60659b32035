//go:build !cgo

package av1

import (
	"fmt"

	"nearlight/encoder"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

// Version is that of the library: there is none.
func Version() string { return "" }

// Open returns an error that wraps encoder.ErrUnavailable.
func Open(encoder.Config) (encoder.Encoder, error) {
	return nil, fmt.Errorf("%w: this build has no libaom (build with CGO_ENABLED=1)", encoder.ErrUnavailable)
}
