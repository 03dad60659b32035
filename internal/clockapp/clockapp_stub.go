//go:build !cgo

package clockapp

import (
	"context"
	"fmt"
)

// Run always fails in this build.
func Run(context.Context, Config) error {
	return fmt.Errorf("%w: this program was built without cgo; build it with CGO_ENABLED=1", ErrUnavailable)
}
