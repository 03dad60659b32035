package quality

import (
	"fmt"
	"math"

	"nearlight/internal/media"
)

// Likeness is how much a picture is like the one that was meant, in luma.
type Likeness struct {
	PSNR float64 // decibels, as PSNR
	SSIM float64 // as SSIM
}

// Comparer compares picture after picture, and keeps the memory that it takes: once it has seen a size it does not allocate. Its zero value
// is ready. A Comparer has one user at a time.
type Comparer struct {
	above, here   []moments
	smaller       [2][len(scales) - 1]media.Plane // of both pictures, for MultiScaleSSIM
	smallerBuffer []byte
	smallerOf     media.Size
}

// Compare looks at each sample once, for both figures. The error wraps ErrSizes, media.ErrFrame or media.ErrSize.
func (c *Comparer) Compare(want, got *media.Frame) (Likeness, error) {
	sums, err := c.compare(want, got)
	if err != nil {
		return Likeness{}, err
	}
	size := want.Visible
	// PSNR counts what is beyond the last whole block as well.
	whole := media.Size{Width: size.Width / block * block, Height: size.Height / block * block}
	squares := sums.squaredError
	for y := range size.Height {
		from := whole.Width
		if y >= whole.Height {
			from = 0
		}
		squares += squaredError(row(&want.Y, y, size.Width)[from:], row(&got.Y, y, size.Width)[from:])
	}
	return Likeness{PSNR: decibels(squares, size.Width*size.Height), SSIM: sums.whole}, nil
}

// SSIM is as the function of that name.
func (c *Comparer) SSIM(want, got *media.Frame) (float64, error) {
	sums, err := c.compare(want, got)
	return sums.whole, err
}

func (c *Comparer) compare(want, got *media.Frame) (similarity, error) {
	if err := comparable(want, got); err != nil {
		return similarity{}, err
	}
	if size := want.Visible; size.Width < MinSide || size.Height < MinSide {
		return similarity{}, fmt.Errorf("%w: SSIM takes pictures of %dx%[2]d or more, not %v", media.ErrSize, MinSide, size)
	}
	return c.similarities(&want.Y, &got.Y, want.Visible), nil
}

// similarity is what similarities finds over all windows and blocks of two planes.
type similarity struct {
	whole        float64 // mean of the index
	contrast     float64 // mean of its part that leaves brightness out
	squaredError uint64  // of all whole blocks
}

func (c *Comparer) similarities(want, got *media.Plane, size media.Size) (s similarity) {
	columns, rows := size.Width/block, size.Height/block
	if cap(c.here) < columns {
		c.here, c.above = make([]moments, columns), make([]moments, columns)
	}
	above, here := c.above[:columns], c.here[:columns]
	for y := range rows {
		sumBlocks(here, want, got, y*block)
		for _, m := range here {
			s.squaredError += m.squaredError()
		}
		if y > 0 {
			left := above[0].add(here[0])
			for x := range columns - 1 {
				right := above[x+1].add(here[x+1])
				brightness, rest := left.add(right).similarity()
				s.whole += brightness * rest
				s.contrast += rest
				left = right
			}
		}
		above, here = here, above
	}
	windows := float64((columns - 1) * (rows - 1))
	s.whole, s.contrast = s.whole/windows, s.contrast/windows
	return s
}

// squaredError sums the squared differences of two lines of one length, of at most 65,536 samples.
func squaredError(a, b []byte) uint64 {
	b = b[:len(a)]
	var line uint32
	for x, value := range a {
		d := int32(value) - int32(b[x])
		line += uint32(d * d)
	}
	return uint64(line)
}

// decibels is the PSNR of a sum of squared differences over so many samples.
func decibels(squares uint64, samples int) float64 {
	if squares == 0 {
		return PerfectPSNR
	}
	return min(10*math.Log10(255*255*float64(samples)/float64(squares)), PerfectPSNR)
}
