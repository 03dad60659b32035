// Package quality answers one question: how much does a decoded picture differ from the one that was coded? It compares
// luma, which is what people see detail in, and in ChromaPSNR colours, whose detail only 4:4:4 keeps. Pictures are 4:2:0 or 4:4:4.
//
// Everything is pure and safe for concurrent use.
package quality

import (
	"errors"
	"fmt"
	"math"

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
	var sum uint64
	for y := range want.Visible.Height {
		a, b := row(&want.Y, y, want.Visible.Width), row(&got.Y, y, want.Visible.Width)
		var line uint32 // 4096 * 255² fits
		for x, value := range a {
			d := int32(value) - int32(b[x])
			line += uint32(d * d)
		}
		sum += uint64(line)
	}
	if sum == 0 {
		return PerfectPSNR, nil
	}
	mean := float64(sum) / float64(want.Visible.Width*want.Visible.Height)
	return min(10*math.Log10(255*255/mean), PerfectPSNR), nil
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
	if sum == 0 {
		return PerfectPSNR, nil
	}
	mean := float64(sum) / float64(2*size.Width*size.Height)
	return min(10*math.Log10(255*255/mean), PerfectPSNR), nil
}

// shift is by how much a coordinate among the finer samples is shifted to find the one that covers it.
func shift(own, finer media.Chroma) int {
	if own != finer {
		return 1
	}
	return 0
}

// SSIM compares windows of 8x8 samples that overlap by half.
const (
	block  = 4 // sums are taken over blocks; a window is two by two of them
	window = 2 * block
)

// MinSide is the least width and height that SSIM takes.
const MinSide = window

// SSIM is the mean structural similarity of two pictures' luma: 1 is equal, 0.98 hard to tell apart, 0.9 plainly worse.
// (Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error visibility to structural
// similarity, 2004; K1 = 0.01, K2 = 0.03; flat windows instead of Gaussian ones.) Columns and rows beyond the last whole block are
// left out. The error wraps ErrSizes or media.ErrFrame.
func SSIM(want, got *media.Frame) (float64, error) {
	if err := comparable(want, got); err != nil {
		return 0, err
	}
	columns, rows := want.Visible.Width/block, want.Visible.Height/block
	if columns < 2 || rows < 2 {
		return 0, fmt.Errorf("%w: SSIM takes pictures of %dx%[2]d or more, not %v", media.ErrSize, MinSide, want.Visible)
	}
	whole, _ := similarities(&want.Y, &got.Y, want.Visible)
	return whole, nil
}

// similarities are the means over all windows of two planes: of the whole index, and of its part that leaves brightness out.
func similarities(want, got *media.Plane, size media.Size) (whole, contrast float64) {
	columns, rows := size.Width/block, size.Height/block
	above, here := make([]moments, columns), make([]moments, columns)
	for y := range rows {
		sumBlocks(here, want, got, y*block)
		if y > 0 {
			for x := range columns - 1 {
				brightness, rest := above[x].add(above[x+1]).add(here[x]).add(here[x+1]).similarity()
				whole += brightness * rest
				contrast += rest
			}
		}
		above, here = here, above
	}
	windows := float64((columns - 1) * (rows - 1))
	return whole / windows, contrast / windows
}

// moments are sums over a block's samples of both pictures: a window's sum of squares is at most 64 * 255² * 2.
type moments struct{ a, b, squares, product uint32 }

func (m moments) add(n moments) moments {
	return moments{m.a + n.a, m.b + n.b, m.squares + n.squares, m.product + n.product}
}

// similarity is the index of one window: how alike it is in brightness, and in contrast and structure. The whole is their product.
func (m moments) similarity() (brightness, contrast float64) {
	const n = window * window
	const c1, c2 = 0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255
	a, b := float64(m.a)/n, float64(m.b)/n
	const unbiased = n / (n - 1.0)
	variances := unbiased * (float64(m.squares)/n - a*a - b*b)
	covariance := unbiased * (float64(m.product)/n - a*b)
	return (2*a*b + c1) / (a*a + b*b + c1), (2*covariance + c2) / (variances + c2)
}

// sumBlocks fills one row of blocks, which begins at line y.
func sumBlocks(blocks []moments, want, got *media.Plane, y int) {
	clear(blocks)
	for line := y; line < y+block; line++ {
		a, b := row(want, line, len(blocks)*block), row(got, line, len(blocks)*block)
		for i := range blocks {
			m := &blocks[i]
			for x := i * block; x < (i+1)*block; x++ {
				p, q := uint32(a[x]), uint32(b[x])
				m.a += p
				m.b += q
				m.squares += p*p + q*q
				m.product += p * q
			}
		}
	}
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
