//go:build !cgo

package gpu

import (
	"context"
	"fmt"
)

// Open returns an error that wraps ErrNone.
func Open(context.Context) (*Library, error) {
	return nil, fmt.Errorf("%w can be looked for: this build has no cgo; make build", ErrNone)
}
