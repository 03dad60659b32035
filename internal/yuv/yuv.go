// Package yuv converts between what screens hold and what encoders take: BGRX pixels (an X11 ZPixmap of 32 bits per
// pixel on a little-endian machine: bytes B, G, R, unused) to I420 in BT.601 limited range and back to RGBA, and scales
// I420. The work is libyuv's (BSD-3-Clause); without cgo every function returns ErrUnavailable.
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

// FromPixels converts only the pixels inside rect, widened to even coordinates (one chroma sample covers 2x2
// pixels), and leaves the rest of dst as it was. An empty rect does nothing.
func FromPixels(dst *media.Frame, src Pixels, rect image.Rectangle) error {
	if err := dst.Check(); err != nil {
		return fmt.Errorf("convert to I420: %w", err)
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
	replicateLuma(dst, rect)
	return nil
}

// ToRGBA converts src's visible part into dst, whose bounds must have that size. Alpha is opaque.
func ToRGBA(dst *image.RGBA, src *media.Frame) error {
	if err := src.Check(); err != nil {
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

// Scale resamples src's visible part to dst's visible size with a box filter, good for stepping a size down.
func Scale(dst, src *media.Frame) error {
	if err := errors.Join(dst.Check(), src.Check()); err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	if err := scale(dst, src); err != nil {
		return err
	}
	replicateLuma(dst, image.Rect(0, 0, dst.Visible.Width, dst.Visible.Height))
	return nil
}

func checkPixels(length, stride int, size media.Size) error {
	row := size.Width * bytesPerPixel
	if stride < row || length < stride*(size.Height-1)+row {
		return fmt.Errorf("%w: %d bytes at stride %d for %v", ErrBounds, length, stride, size)
	}
	return nil
}

// replicateLuma repeats the last visible column and row into the coded margin, where rect touches them. Chroma has no
// margin: its last sample already covers the odd column or row.
func replicateLuma(dst *media.Frame, rect image.Rectangle) {
	luma, stride := dst.Y.Data, dst.Y.Stride
	if dst.Coded.Width > dst.Visible.Width && rect.Max.X == dst.Visible.Width {
		for y := rect.Min.Y; y < rect.Max.Y; y++ {
			luma[y*stride+dst.Visible.Width] = luma[y*stride+dst.Visible.Width-1]
		}
	}
	if dst.Coded.Height > dst.Visible.Height && rect.Max.Y == dst.Visible.Height {
		last := (dst.Visible.Height - 1) * stride
		right := rect.Max.X
		if right == dst.Visible.Width {
			right = dst.Coded.Width
		}
		copy(luma[last+stride+rect.Min.X:last+stride+right], luma[last+rect.Min.X:last+right])
	}
}
