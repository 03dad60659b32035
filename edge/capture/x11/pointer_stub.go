//go:build !cgo

package x11

import (
	"context"

	"nearlight/edge/capture"
)

// Pointer cannot be opened in this build: it was made without cgo.
type Pointer struct{}

// OpenPointer always fails with an error that wraps ErrUnavailable.
func OpenPointer(context.Context, Config) (*Pointer, error) { return nil, errStub }

// Run implements the other build's method.
func (*Pointer) Run(context.Context) error { return errStub }

// Cursors returns nil.
func (*Pointer) Cursors() <-chan capture.Cursor { return nil }

// Close does nothing.
func (*Pointer) Close() error { return nil }
