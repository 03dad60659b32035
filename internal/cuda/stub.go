//go:build !cgo

package cuda

import (
	"fmt"
	"unsafe"

	"nearlight/internal/media"
)

func absent() error {
	return fmt.Errorf("%w: this build has no cgo (build with CGO_ENABLED=1)", ErrNoLibrary)
}

// Library is never made in this build.
type Library struct{}

// OpenLibrary returns an error that wraps ErrNoLibrary.
func OpenLibrary(_, _ string) (*Library, error) { return nil, absent() }

// Symbol fails.
func (*Library) Symbol(string) (unsafe.Pointer, error) { return nil, absent() }

// Devices returns an error that wraps ErrNoLibrary.
func Devices(string) ([]Device, error) { return nil, absent() }

// Context is never made in this build.
type Context struct{}

// Retain returns an error that wraps ErrNoLibrary.
func Retain(string, int) (*Context, error) { return nil, absent() }

// Device is nothing.
func (*Context) Device() Device { return Device{} }

// Version is 0.
func (*Context) Version() int { return 0 }

// Pointer is nil.
func (*Context) Pointer() unsafe.Pointer { return nil }

// Memory fails.
func (*Context) Memory() (free, total int64, err error) { return 0, 0, absent() }

// Do fails.
func (*Context) Do(func() error) error { return absent() }

// Close does nothing.
func (*Context) Close() error { return nil }

// Stream is never made in this build.
type Stream struct{}

// NewStream fails.
func (*Context) NewStream() (*Stream, error) { return nil, absent() }

// Wait fails.
func (*Stream) Wait() error { return absent() }

// Close does nothing.
func (*Stream) Close() error { return nil }

// PinnedMemory is never made in this build.
type PinnedMemory struct{ Data []byte }

// NewPinnedMemory fails.
func (*Context) NewPinnedMemory(int) (*PinnedMemory, error) { return nil, absent() }

// Close does nothing.
func (*PinnedMemory) Close() error { return nil }

var _ media.Surface = (*Picture)(nil)

// Picture is never made in this build.
type Picture struct{ context Context }

// NewPicture fails.
func (*Context) NewPicture(Kind, Format, media.Size) (*Picture, error) { return nil, absent() }

// ImportTexture fails.
func (*Context) ImportTexture(_, _ uint32, _ media.Size) (*Picture, error) { return nil, absent() }

// ImportImage fails.
func (*Context) ImportImage(unsafe.Pointer, Format, media.Size) (*Picture, error) {
	return nil, absent()
}

// Place is nowhere.
func (*Picture) Place() string { return "nowhere" }

// Context is one without a device.
func (p *Picture) Context() *Context { return &p.context }

// Kind is Linear.
func (*Picture) Kind() Kind { return Linear }

// Format is NV12.
func (*Picture) Format() Format { return NV12 }

// Size is empty.
func (*Picture) Size() media.Size { return media.Size{} }

// Pointer is nil.
func (*Picture) Pointer() unsafe.Pointer { return nil }

// BeforeClose does nothing.
func (*Picture) BeforeClose(func()) (forget func()) { return func() {} }

// Write fails.
func (*Picture) Write([]byte, int, *Stream) error { return absent() }

// Read fails.
func (*Picture) Read([]byte, int, *Stream) error { return absent() }

// CopyFrom fails.
func (*Picture) CopyFrom(*Picture) error { return absent() }

// Wait fails.
func (*Picture) Wait() error { return absent() }

// Close does nothing.
func (*Picture) Close() error { return nil }
