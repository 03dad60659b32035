//go:build !(linux && cgo)

package gpubuffer

import (
	"fmt"
	"image"

	"nearlight/edge/capture/wayland"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

var _ wayland.Device = (*Device)(nil)

// Device is never made in this build.
type Device struct{}

// Open returns an error that wraps ErrUnavailable.
func Open(Config) (*Device, error) {
	return nil, fmt.Errorf("%w: this build has no cgo (build with CGO_ENABLED=1)", ErrUnavailable)
}

// CUDA is nil.
func (*Device) CUDA() *cuda.Context { return nil }

// Driver is empty.
func (*Device) Driver() string { return "" }

// Allocate fails.
func (*Device) Allocate(wayland.Format, media.Size, []uint64) (wayland.DeviceBuffer, error) {
	return nil, ErrUnavailable
}

// Try fails.
func (*Device) Try(media.Size) (Trial, error) { return Trial{}, ErrUnavailable }

// Close does nothing.
func (*Device) Close() error { return nil }

// Buffer is never made in this build.
type Buffer struct{}

// Way is ReadBack.
func (*Buffer) Way() Way { return ReadBack }

// Planes is empty.
func (*Buffer) Planes() []wayland.DevicePlane { return nil }

// Modifier is 0.
func (*Buffer) Modifier() uint64 { return 0 }

// Convert fails.
func (*Buffer) Convert(*media.Frame, image.Rectangle, bool) error { return ErrUnavailable }

// Close does nothing.
func (*Buffer) Close() error { return nil }
