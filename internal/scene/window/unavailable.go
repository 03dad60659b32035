//go:build !(linux && cgo)

package window

import (
	"context"
	"fmt"
)

// Run returns ErrUnavailable.
func Run(context.Context, Config) error {
	return fmt.Errorf("%w: this build has no cgo: build with CGO_ENABLED=1 on Linux", ErrUnavailable)
}
