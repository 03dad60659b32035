//go:build !(linux && cgo)

package gles

import (
	"fmt"
	"time"
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

// OpenOn returns ErrUnavailable.
func OpenOn(Adapter) (*Context, error) { return nil, missing() }

// OpenWindow returns ErrUnavailable.
func OpenWindow(unsafe.Pointer, uint32, uint32) (*Context, error) { return nil, missing() }

// CUDA is -1.
func (*Context) CUDA() int { return -1 }

// Modifiers returns ErrUnavailable.
func (*Context) Modifiers(uint32) ([]uint64, error) { return nil, missing() }

// Swap returns ErrUnavailable.
func (*Context) Swap() error { return missing() }

// Enter returns ErrUnavailable.
func (*Context) Enter() error { return missing() }

// Leave returns ErrUnavailable.
func (*Context) Leave() error { return missing() }

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

// RingTargets is as in a build with cgo.
const RingTargets = 2

// Ring cannot be made in this build.
type Ring struct{}

// NewRing returns ErrUnavailable.
func (*Renderer) NewRing(media.Size) (*Ring, error) { return nil, missing() }

// Size is empty.
func (*Ring) Size() media.Size { return media.Size{} }

// Draw returns ErrUnavailable.
func (*Ring) Draw(*scene.Picture) (int, error) { return 0, missing() }

// Wait returns ErrUnavailable.
func (*Ring) Wait(int, time.Duration) error { return missing() }

// Texture is 0.
func (*Ring) Texture(int) uint32 { return 0 }

// Fetch does nothing.
func (*Ring) Fetch(int) {}

// Pixels returns ErrUnavailable.
func (*Ring) Pixels(int, time.Duration) ([]byte, error) { return nil, missing() }

// Copy does nothing.
func (*Ring) Copy(*Image, bool) int { return 0 }

// Release does nothing.
func (*Ring) Release(int) {}

// Close does nothing.
func (*Ring) Close() {}

// Image cannot be made in this build.
type Image struct{}

// Import returns ErrUnavailable.
func (*Renderer) Import(Buffer) (*Image, error) { return nil, missing() }

// Fill returns ErrUnavailable.
func (*Image) Fill(_, _, _ byte, _ time.Duration) error { return missing() }

// Handle is nil.
func (*Image) Handle() unsafe.Pointer { return nil }

// Close does nothing.
func (*Image) Close() {}
