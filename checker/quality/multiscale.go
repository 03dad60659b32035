package quality

import (
	"encoding/binary"
	"fmt"
	"math"

	"nearlight/internal/media"
)

// scales are the weights of MultiScaleSSIM's five scales, the finest first.
var scales = [...]float64{0.0448, 0.2856, 0.3001, 0.2363, 0.1333}

// MinMultiScaleSide is the least width and height that MultiScaleSSIM takes: at the coarsest scale a window has to fit.
const MinMultiScaleSide = window << (len(scales) - 1)

// MultiScaleSSIM is the structural similarity of two pictures' luma over five scales, from that of the samples to a sixteenth: it forgives more
// than SSIM where only the finest detail differs, as from a distance. 1 is equal. (Z. Wang, E. P. Simoncelli, A. C. Bovik: Multiscale structural
// similarity for image quality assessment, 2003, with its weights; windows as SSIM's; each scale is the mean of two by two samples of the one
// before.) Contrast and structure of a scale count as 0 where they are negative. The error wraps ErrSizes or media.ErrFrame.
func MultiScaleSSIM(want, got *media.Frame) (float64, error) {
	var c Comparer
	return c.MultiScaleSSIM(want, got)
}

// MultiScaleSSIM is as the function of that name.
func (c *Comparer) MultiScaleSSIM(want, got *media.Frame) (float64, error) {
	if err := comparable(want, got); err != nil {
		return 0, err
	}
	size := want.Visible
	if size.Width < MinMultiScaleSide || size.Height < MinMultiScaleSide {
		return 0, fmt.Errorf("%w: MultiScaleSSIM takes pictures of %dx%[2]d or more, not %v", media.ErrSize, MinMultiScaleSide, size)
	}
	c.makeRoom(size)
	a, b := &want.Y, &got.Y
	product := 1.0
	for scale, weight := range scales {
		if scale > 0 {
			smallA, smallB := &c.smaller[0][scale-1], &c.smaller[1][scale-1]
			halve(smallA, a, size)
			halve(smallB, b, size)
			a, b, size = smallA, smallB, half(size)
		}
		s := c.similarities(a, b, size)
		part := s.contrast
		if scale == len(scales)-1 {
			part = s.whole
		}
		product *= math.Pow(max(part, 0), weight)
	}
	return product, nil
}

// half is the size of the next scale: an odd last column or row is left out.
func half(size media.Size) media.Size {
	return media.Size{Width: size.Width / 2, Height: size.Height / 2}
}

// makeRoom has the planes of all smaller scales ready for pictures of this size.
func (c *Comparer) makeRoom(size media.Size) {
	if c.smallerOf == size {
		return
	}
	c.smallerOf = size
	if need := size.Width * size.Height; cap(c.smallerBuffer) < need { // the scales of one picture take less than a third of it
		c.smallerBuffer = make([]byte, need)
	}
	rest := c.smallerBuffer[:cap(c.smallerBuffer)]
	for picture := range c.smaller {
		of := size
		for scale := range c.smaller[picture] {
			of = half(of)
			c.smaller[picture][scale] = media.Plane{Data: rest[:of.Width*of.Height], Stride: of.Width}
			rest = rest[of.Width*of.Height:]
		}
	}
}

// halve fills a plane with the means of two by two samples of a plane of the given size.
func halve(small, p *media.Plane, size media.Size) {
	to := half(size)
	for y := range to.Height {
		means(row(small, y, to.Width), row(p, 2*y, 2*to.Width), row(p, 2*y+1, 2*to.Width))
	}
}

// means writes the means of two by two samples of two lines, rounded.
func means(to, above, below []byte) {
	const (
		evens = 0x00ff00ff00ff00ff // every other octet of a word
		two   = 0x0002000200020002 // rounds
	)
	for len(to) >= 4 && len(above) >= 8 && len(below) >= 8 {
		a, b := binary.LittleEndian.Uint64(above), binary.LittleEndian.Uint64(below)
		sum := (a&evens + a>>8&evens + b&evens + b>>8&evens + two) >> 2 & evens
		sum |= sum >> 8 // octets 0 1 and 4 5 are the means
		to[0], to[1], to[2], to[3] = byte(sum), byte(sum>>8), byte(sum>>32), byte(sum>>40)
		to, above, below = to[4:], above[8:], below[8:]
	}
	for x := range to {
		to[x] = byte((int(above[2*x]) + int(above[2*x+1]) + int(below[2*x]) + int(below[2*x+1]) + 2) / 4)
	}
}
