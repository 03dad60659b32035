// Package yuv converts between what screens hold and what encoders take: BGRX pixels (an X11 ZPixmap of 32 bits per
// pixel on a little-endian machine: bytes B, G, R, unused) to I420 or I444 in BT.601 limited range and back to RGBA, and
// scales both. The work is libyuv's (BSD-3-Clause); without cgo every function returns ErrUnavailable.
//
// Functions allocate nothing and keep no state: they are safe for concurrent use on frames that do not overlap.
// Lengths are checked before anything is handed to C.
package yuv

import (
	"errors"
	"fmt"
	"image"

	"nearlight/internal/media"
)

var (
	// ErrUnavailable reports a build without libyuv.
	ErrUnavailable = errors.New("pixel conversion unavailable: this build has no libyuv (build with CGO_ENABLED=1)")
	// ErrBounds reports pixels or a rectangle that do not fit the picture.
	ErrBounds = errors.New("pixels out of bounds")
)

const bytesPerPixel = 4

// FromBGRX converts a whole picture of dst.Visible size. Row y of src starts at src[y*stride]. When a visible side is
// odd, dst's last coded row or column repeats the last visible one.
func FromBGRX(dst *media.Frame, src []byte, stride int) error {
	return RectFromBGRX(dst, src, stride, image.Rect(0, 0, dst.Visible.Width, dst.Visible.Height))
}

// RectFromBGRX is FromPixels for pixels in the order of an X server.
func RectFromBGRX(dst *media.Frame, src []byte, stride int, rect image.Rectangle) error {
	return FromPixels(dst, Pixels{Data: src, Stride: stride}, rect)
}

// Pixels are a whole picture of 32 bits a pixel. Row y starts at Data[y*Stride].
type Pixels struct {
	Data     []byte
	Stride   int
	RedFirst bool // bytes R, G, B, unused; else B, G, R, unused
	BottomUp bool // row 0 is the picture's last, as OpenGL reads pictures
}

// FromPixels converts, to dst's chroma, only the pixels inside rect, widened to even coordinates (one chroma sample covers 2x2
// pixels), and leaves the rest of dst as it was. An empty rect does nothing.
func FromPixels(dst *media.Frame, src Pixels, rect image.Rectangle) error {
	if err := dst.CheckIn(dst.Chroma); err != nil {
		return fmt.Errorf("convert to YUV: %w", err)
	}
	visible := image.Rect(0, 0, dst.Visible.Width, dst.Visible.Height)
	if !rect.In(visible) {
		return fmt.Errorf("%w: rectangle %v in a picture of %v", ErrBounds, rect, dst.Visible)
	}
	if rect.Empty() {
		return nil
	}
	if err := checkPixels(len(src.Data), src.Stride, dst.Visible); err != nil {
		return err
	}
	rect.Min.X &^= 1
	rect.Min.Y &^= 1
	rect.Max.X = min((rect.Max.X+1)&^1, visible.Max.X)
	rect.Max.Y = min((rect.Max.Y+1)&^1, visible.Max.Y)
	if err := convertRect(dst, src, rect); err != nil {
		return err
	}
	replicateEdges(dst, rect)
	return nil
}

// ToRGBA converts src's visible part into dst, whose bounds must have that size. Alpha is opaque.
func ToRGBA(dst *image.RGBA, src *media.Frame) error {
	if err := src.CheckIn(src.Chroma); err != nil {
		return fmt.Errorf("convert to RGBA: %w", err)
	}
	if dst.Rect.Dx() != src.Visible.Width || dst.Rect.Dy() != src.Visible.Height {
		return fmt.Errorf("%w: %v for a picture of %v", ErrBounds, dst.Rect, src.Visible)
	}
	if err := checkPixels(len(dst.Pix), dst.Stride, src.Visible); err != nil {
		return err
	}
	return toRGBA(dst, src)
}

// Scale resamples src's visible part to dst's visible size with a box filter, good for stepping a size down. Both have the same
// chroma.
func Scale(dst, src *media.Frame) error {
	if err := errors.Join(dst.CheckIn(src.Chroma), src.CheckIn(src.Chroma)); err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	if err := scale(dst, src); err != nil {
		return err
	}
	replicateEdges(dst, image.Rect(0, 0, dst.Visible.Width, dst.Visible.Height))
	return nil
}

// Subsample makes 4:2:0 of a picture in 4:4:4 of the same size.
func Subsample(dst, src *media.Frame) error {
	if err := errors.Join(dst.Check(), src.CheckIn(media.Chroma444)); err != nil {
		return fmt.Errorf("subsample: %w", err)
	}
	if dst.Visible != src.Visible {
		return fmt.Errorf("%w: %v into %v", ErrBounds, src.Visible, dst.Visible)
	}
	return subsample(dst, src)
}

func checkPixels(length, stride int, size media.Size) error {
	row := size.Width * bytesPerPixel
	if stride < row || length < stride*(size.Height-1)+row {
		return fmt.Errorf("%w: %d bytes at stride %d for %v", ErrBounds, length, stride, size)
	}
	return nil
}

// replicateEdges repeats the last visible column and row into the coded margin, where rect touches them. Colours in 4:2:0 have no
// margin: their last sample already covers the odd column or row.
func replicateEdges(dst *media.Frame, rect image.Rectangle) {
	replicate(&dst.Y, dst.Visible, dst.Coded, rect)
	if dst.Chroma == media.Chroma444 {
		replicate(&dst.U, dst.Visible, dst.Coded, rect)
		replicate(&dst.V, dst.Visible, dst.Coded, rect)
	}
}

func replicate(plane *media.Plane, visible, coded media.Size, rect image.Rectangle) {
	data, stride := plane.Data, plane.Stride
	if coded.Width > visible.Width && rect.Max.X == visible.Width {
		for y := rect.Min.Y; y < rect.Max.Y; y++ {
			data[y*stride+visible.Width] = data[y*stride+visible.Width-1]
		}
	}
	if coded.Height > visible.Height && rect.Max.Y == visible.Height {
		last := (visible.Height - 1) * stride
		right := rect.Max.X
		if right == visible.Width {
			right = coded.Width
		}
		copy(data[last+stride+rect.Min.X:last+stride+right], data[last+rect.Min.X:last+right])
	}
}
