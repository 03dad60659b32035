//go:build cgo

package yuv

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -lyuv
#include <libyuv/convert.h>
#include <libyuv/convert_from.h>
#include <libyuv/scale.h>
*/
import "C"

import (
	"fmt"
	"image"

	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links.
const License = "BSD-3-Clause"

func sample(p *media.Plane, x, y int) *C.uint8_t { return (*C.uint8_t)(&p.Data[y*p.Stride+x]) }

// convertRect's rectangle has even edges, but for the right and bottom ones where the picture is odd. libyuv names formats by
// their little-endian word: its ARGB is B, G, R, A in memory. A negative height makes it read rows from the last to the first.
func convertRect(dst *media.Frame, src Pixels, rect image.Rectangle) error {
	x, y := rect.Min.X, rect.Min.Y
	row, height := y, rect.Dy()
	if src.BottomUp {
		row, height = dst.Visible.Height-rect.Max.Y, -height
	}
	from := (*C.uint8_t)(&src.Data[row*src.Stride+x*bytesPerPixel])
	luma, u, v := sample(&dst.Y, x, y), sample(&dst.U, x/2, y/2), sample(&dst.V, x/2, y/2)
	strideY, strideU, strideV := C.int(dst.Y.Stride), C.int(dst.U.Stride), C.int(dst.V.Stride)
	if src.RedFirst {
		code := C.ABGRToI420(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
		return check("ABGRToI420", code)
	}
	code := C.ARGBToI420(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
	return check("ARGBToI420", code)
}

func toRGBA(dst *image.RGBA, src *media.Frame) error {
	code := C.I420ToABGR(
		sample(&src.Y, 0, 0), C.int(src.Y.Stride),
		sample(&src.U, 0, 0), C.int(src.U.Stride),
		sample(&src.V, 0, 0), C.int(src.V.Stride),
		(*C.uint8_t)(&dst.Pix[0]), C.int(dst.Stride),
		C.int(src.Visible.Width), C.int(src.Visible.Height))
	return check("I420ToABGR", code)
}

func scale(dst, src *media.Frame) error {
	code := C.I420Scale(
		sample(&src.Y, 0, 0), C.int(src.Y.Stride),
		sample(&src.U, 0, 0), C.int(src.U.Stride),
		sample(&src.V, 0, 0), C.int(src.V.Stride),
		C.int(src.Visible.Width), C.int(src.Visible.Height),
		sample(&dst.Y, 0, 0), C.int(dst.Y.Stride),
		sample(&dst.U, 0, 0), C.int(dst.U.Stride),
		sample(&dst.V, 0, 0), C.int(dst.V.Stride),
		C.int(dst.Visible.Width), C.int(dst.Visible.Height), C.kFilterBox)
	return check("I420Scale", code)
}

func check(call string, code C.int) error {
	if code != 0 {
		return fmt.Errorf("libyuv: %s returned %d", call, int(code))
	}
	return nil
}
