//go:build !cgo

package fakedriver

import (
	"fmt"
	"unsafe"

	"nearlight/internal/media"
)

// Build returns an error that wraps ErrNotBuilt.
func Build(string) error { return fmt.Errorf("%w: this build has no cgo", ErrNotBuilt) }

// Double is never made in this build.
type Double struct{}

// Load returns an error that wraps ErrNotBuilt.
func Load(string) (*Double, error) { return nil, Build("") }

// Inject does nothing.
func (*Double) Inject(Fault, int) {}

// Report is empty.
func (*Double) Report() []string { return nil }

// Texture does nothing.
func (*Double) Texture(uint32, media.Size, []byte) {}

// Image is as in a build with cgo.
type Image struct {
	Size              media.Size
	Planes, Channels  int
	RedFirst, Pitched bool
	Stride            int
	Pixels            []byte
}

// Image makes none.
func (*Double) Image(Image) (unsafe.Pointer, func()) { return nil, func() {} }
