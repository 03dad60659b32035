//go:build !cgo

package nvfbc

import (
	"context"
	"fmt"
	"time"

	"nearlight/edge/capture"
	"nearlight/internal/media"
)

var _ capture.Source = (*Source)(nil)

// Source cannot be opened in this build: it was made without cgo.
type Source struct{}

var errStub = fmt.Errorf("%w: this program was built without cgo; build it with CGO_ENABLED=1", ErrUnavailable)

// Open always fails with an error that wraps ErrUnavailable.
func Open(Config) (*Source, error) { return nil, errStub }

// Next implements capture.Source.
func (*Source) Next(context.Context, time.Duration) (*media.Frame, error) { return nil, errStub }

// SetFrameRate implements capture.Source.
func (*Source) SetFrameRate(int) {}

// Size implements capture.Source.
func (*Source) Size() media.Size { return media.Size{} }

// Close implements capture.Source.
func (*Source) Close() error { return nil }
