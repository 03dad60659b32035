// Package quality answers one question: how much does a decoded picture differ from the one that was coded? It compares
// luma, which is what people see detail in, and in ChromaPSNR colours, whose detail only 4:4:4 keeps. Pictures are 4:2:0 or 4:4:4.
//
// Everything is pure, and safe for concurrent use but for what keeps memory from picture to picture, which says so.
package quality

import (
	"errors"
	"fmt"

	"nearlight/internal/media"
)

// ErrSizes reports two pictures of different visible sizes.
var ErrSizes = errors.New("the pictures differ in size")

// PerfectPSNR is the PSNR of equal pictures, in decibels: mathematically it has no bound.
const PerfectPSNR = 100.0

// PSNR is the peak signal-to-noise ratio of two pictures' luma in decibels: 30 is poor, 40 is good, PerfectPSNR is equal.
// The error wraps ErrSizes or media.ErrFrame.
func PSNR(want, got *media.Frame) (float64, error) {
	if err := comparable(want, got); err != nil {
		return 0, err
	}
	var squares uint64
	for y := range want.Visible.Height {
		squares += squaredError(row(&want.Y, y, want.Visible.Width), row(&got.Y, y, want.Visible.Width))
	}
	return decibels(squares, want.Visible.Width*want.Visible.Height), nil
}

// ChromaPSNR is the PSNR of two pictures' colours, both planes together, in decibels. Where one of them is 4:2:0 and the other
// 4:4:4, a colour sample stands for the four pixels that it covers. The error is as PSNR's.
func ChromaPSNR(want, got *media.Frame) (float64, error) {
	if err := comparable(want, got); err != nil {
		return 0, err
	}
	finer := max(want.Chroma, got.Chroma)
	size := want.Visible
	if finer == media.Chroma420 {
		size = finer.Of(size.Even())
	}
	shiftWant, shiftGot := shift(want.Chroma, finer), shift(got.Chroma, finer)
	var sum uint64
	for _, planes := range [][2]*media.Plane{{&want.U, &got.U}, {&want.V, &got.V}} {
		for y := range size.Height {
			a := row(planes[0], y>>shiftWant, (size.Width-1)>>shiftWant+1)
			b := row(planes[1], y>>shiftGot, (size.Width-1)>>shiftGot+1)
			for x := range size.Width {
				d := int64(a[x>>shiftWant]) - int64(b[x>>shiftGot])
				sum += uint64(d * d)
			}
		}
	}
	return decibels(sum, 2*size.Width*size.Height), nil
}

// shift is by how much a coordinate among the finer samples is shifted to find the one that covers it.
func shift(own, finer media.Chroma) int {
	if own != finer {
		return 1
	}
	return 0
}

// MinSide is the least width and height that SSIM takes.
const MinSide = window

// SSIM is the mean structural similarity of two pictures' luma: 1 is equal, 0.98 hard to tell apart, 0.9 plainly worse.
// (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error visibility to structural
// similarity, 2004; K1 = 0.01, K2 = 0.03; flat windows instead of Gaussian ones.) Columns and rows beyond the last whole block are
// left out. The error wraps ErrSizes or media.ErrFrame.
func SSIM(want, got *media.Frame) (float64, error) {
	var c Comparer
	return c.SSIM(want, got)
}

func comparable(want, got *media.Frame) error {
	if err := errors.Join(want.CheckIn(want.Chroma), got.CheckIn(got.Chroma)); err != nil {
		return err
	}
	if want.Visible != got.Visible {
		return fmt.Errorf("%w: %v and %v", ErrSizes, want.Visible, got.Visible)
	}
	return nil
}

func row(p *media.Plane, y, width int) []byte { return p.Data[y*p.Stride:][:width] }
