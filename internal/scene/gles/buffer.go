package gles

import (
	"errors"
	"fmt"
	"slices"

	"nearlight/internal/media"
)

// ErrImport reports a picture of another process that this GPU's OpenGL cannot read.
var ErrImport = errors.New("the DMA-BUF cannot be imported")

// NoModifier stands for a layout that only the driver knows (DRM_FORMAT_MOD_INVALID).
const NoModifier uint64 = 0x00ffffffffffffff

const (
	mostPlanes    = 4       // of linux-dmabuf, and of EGL
	mostModifiers = 256     // of a format; drivers list some tens
	largestStride = 1 << 18 // of a row of the widest picture, with room for any alignment
	largestOffset = 1 << 30
)

// Buffer is a picture in a DMA-BUF, as linux-dmabuf describes one.
type Buffer struct {
	Size     media.Size
	Format   uint32 // DRM's fourcc, of four bytes a pixel
	Modifier uint64 // how the pixels are laid out
	Planes   []Plane
}

// Plane is a part of a Buffer.
type Plane struct {
	Descriptor     int
	Offset, Stride int // bytes; a layout that is not linear has strides of its own meaning
}

func (b Buffer) String() string {
	return fmt.Sprintf("%v, format %#x, layout %#x, %d planes", b.Size, b.Format, b.Modifier, len(b.Planes))
}

// check refuses what cannot be before any of it reaches a driver.
func (b Buffer) check() error {
	if err := b.Size.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrImport, err)
	}
	if len(b.Planes) == 0 || len(b.Planes) > mostPlanes {
		return fmt.Errorf("%w: %d planes; there are one to %d", ErrImport, len(b.Planes), mostPlanes)
	}
	for n, plane := range b.Planes {
		const linear = 0
		tooShort := b.Modifier == linear && plane.Stride < 4*b.Size.Width
		if plane.Descriptor < 0 || plane.Offset < 0 || plane.Offset > largestOffset || plane.Stride <= 0 || plane.Stride > largestStride || tooShort {
			return fmt.Errorf("%w: plane %d of %v is at %d with rows of %d bytes", ErrImport, n, b, plane.Offset, plane.Stride)
		}
	}
	return nil
}

// checkLayout refuses layouts that the driver does not take. One that only it knows is always its own.
func (b Buffer) checkLayout(known []uint64) error {
	if b.Modifier != NoModifier && !slices.Contains(known, b.Modifier) {
		return fmt.Errorf("%w: %v: the driver takes the layouts %#x", ErrImport, b, known)
	}
	return nil
}
