//go:build !(linux && cgo)

package gles

import (
	"fmt"
	"unsafe"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// RasterThreads is as in a build with cgo.
const RasterThreads = 1

// Context cannot be opened in this build.
type Context struct{}

// Renderer cannot be made in this build.
type Renderer struct{}

func missing() error { return fmt.Errorf("%w: this build has no cgo", ErrUnavailable) }

// OpenOffscreen returns ErrUnavailable.
func OpenOffscreen() (*Context, error) { return nil, missing() }

// OpenWindow returns ErrUnavailable.
func OpenWindow(unsafe.Pointer, uint32, uint32) (*Context, error) { return nil, missing() }

// Swap returns ErrUnavailable.
func (*Context) Swap() error { return missing() }

// Close does nothing.
func (*Context) Close() {}

// NewRenderer returns ErrUnavailable.
func NewRenderer(*Context) (*Renderer, error) { return nil, missing() }

// Target is empty.
func (*Renderer) Target() Target { return Target{} }

// Resize returns ErrUnavailable.
func (*Renderer) Resize(media.Size) error { return missing() }

// Draw returns ErrUnavailable.
func (*Renderer) Draw(*scene.Picture) error { return missing() }

// Read returns ErrUnavailable.
func (*Renderer) Read([]byte) error { return missing() }

// Close does nothing.
func (*Renderer) Close() {}
