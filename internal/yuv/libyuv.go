//go:build cgo

package yuv

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -lyuv
#include <libyuv/convert.h>
#include <libyuv/convert_argb.h>
#include <libyuv/convert_from.h>
#include <libyuv/convert_from_argb.h>
#include <libyuv/scale.h>

enum { NL_MAX_WIDTH = 4096, NL_PIXEL = 4 };

// nl_abgr_to_i444 goes by rows, since libyuv has 4:4:4 of blue-first pixels alone. A height below zero is as libyuv's.
static int nl_abgr_to_i444(const uint8_t *from, int stride, uint8_t *y, int stride_y, uint8_t *u, int stride_u, uint8_t *v, int stride_v,
	int width, int height) {
	uint8_t row[NL_MAX_WIDTH * NL_PIXEL];
	if (width > NL_MAX_WIDTH)
		return -1;
	if (height < 0) {
		height = -height;
		from += (ptrdiff_t)(height - 1) * stride;
		stride = -stride;
	}
	int code = 0;
	for (int i = 0; i < height && code == 0; i++) {
		code = ABGRToARGB(from + (ptrdiff_t)i * stride, stride, row, sizeof row, width, 1);
		if (code == 0)
			code = ARGBToI444(row, sizeof row, y + (ptrdiff_t)i * stride_y, stride_y, u + (ptrdiff_t)i * stride_u, stride_u,
				v + (ptrdiff_t)i * stride_v, stride_v, width, 1);
	}
	return code;
}
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
	luma, side := sample(&dst.Y, x, y), 2
	if dst.Chroma == media.Chroma444 {
		side = 1
	}
	u, v := sample(&dst.U, x/side, y/side), sample(&dst.V, x/side, y/side)
	strideY, strideU, strideV := C.int(dst.Y.Stride), C.int(dst.U.Stride), C.int(dst.V.Stride)
	switch {
	case src.RedFirst && dst.Chroma == media.Chroma444:
		code := C.nl_abgr_to_i444(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
		return check("ABGRToARGB or ARGBToI444", code)
	case dst.Chroma == media.Chroma444:
		code := C.ARGBToI444(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
		return check("ARGBToI444", code)
	case src.RedFirst:
		code := C.ABGRToI420(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
		return check("ABGRToI420", code)
	}
	code := C.ARGBToI420(from, C.int(src.Stride), luma, strideY, u, strideU, v, strideV, C.int(rect.Dx()), C.int(height))
	return check("ARGBToI420", code)
}

func toRGBA(dst *image.RGBA, src *media.Frame) error {
	y, u, v := sample(&src.Y, 0, 0), sample(&src.U, 0, 0), sample(&src.V, 0, 0)
	strideY, strideU, strideV := C.int(src.Y.Stride), C.int(src.U.Stride), C.int(src.V.Stride)
	to, stride, width, height := (*C.uint8_t)(&dst.Pix[0]), C.int(dst.Stride), C.int(src.Visible.Width), C.int(src.Visible.Height)
	if src.Chroma == media.Chroma444 {
		return check("I444ToABGR", C.I444ToABGR(y, strideY, u, strideU, v, strideV, to, stride, width, height))
	}
	return check("I420ToABGR", C.I420ToABGR(y, strideY, u, strideU, v, strideV, to, stride, width, height))
}

func scale(dst, src *media.Frame) error {
	fromY, fromU, fromV := sample(&src.Y, 0, 0), sample(&src.U, 0, 0), sample(&src.V, 0, 0)
	toY, toU, toV := sample(&dst.Y, 0, 0), sample(&dst.U, 0, 0), sample(&dst.V, 0, 0)
	fromStrideY, fromStrideU, fromStrideV := C.int(src.Y.Stride), C.int(src.U.Stride), C.int(src.V.Stride)
	toStrideY, toStrideU, toStrideV := C.int(dst.Y.Stride), C.int(dst.U.Stride), C.int(dst.V.Stride)
	fromWidth, fromHeight := C.int(src.Visible.Width), C.int(src.Visible.Height)
	width, height := C.int(dst.Visible.Width), C.int(dst.Visible.Height)
	if src.Chroma == media.Chroma444 {
		return check("I444Scale", C.I444Scale(fromY, fromStrideY, fromU, fromStrideU, fromV, fromStrideV, fromWidth, fromHeight,
			toY, toStrideY, toU, toStrideU, toV, toStrideV, width, height, C.kFilterBox))
	}
	return check("I420Scale", C.I420Scale(fromY, fromStrideY, fromU, fromStrideU, fromV, fromStrideV, fromWidth, fromHeight,
		toY, toStrideY, toU, toStrideU, toV, toStrideV, width, height, C.kFilterBox))
}

func subsample(dst, src *media.Frame) error {
	return check("I444ToI420", C.I444ToI420(
		sample(&src.Y, 0, 0), C.int(src.Y.Stride), sample(&src.U, 0, 0), C.int(src.U.Stride), sample(&src.V, 0, 0), C.int(src.V.Stride),
		sample(&dst.Y, 0, 0), C.int(dst.Y.Stride), sample(&dst.U, 0, 0), C.int(dst.U.Stride), sample(&dst.V, 0, 0), C.int(dst.V.Stride),
		C.int(src.Coded.Width), C.int(src.Coded.Height)))
}

func check(call string, code C.int) error {
	if code != 0 {
		return fmt.Errorf("libyuv: %s returned %d", call, int(code))
	}
	return nil
}
