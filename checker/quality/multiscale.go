package quality

import (
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
	if err := comparable(want, got); err != nil {
		return 0, err
	}
	if want.Visible.Width < MinMultiScaleSide || want.Visible.Height < MinMultiScaleSide {
		return 0, fmt.Errorf("%w: MultiScaleSSIM takes pictures of %dx%[2]d or more, not %v", media.ErrSize, MinMultiScaleSide, want.Visible)
	}
	a, b := want.Y, got.Y
	size := want.Visible
	product := 1.0
	for scale, weight := range scales {
		if scale > 0 {
			a, b, size = halved(a, size), halved(b, size), media.Size{Width: size.Width / 2, Height: size.Height / 2}
		}
		whole, contrast := similarities(&a, &b, size)
		if scale < len(scales)-1 {
			whole = contrast
		}
		product *= math.Pow(max(whole, 0), weight)
	}
	return product, nil
}

// halved is a plane of means of two by two samples; an odd last column or row is left out.
func halved(p media.Plane, size media.Size) media.Plane {
	width, height := size.Width/2, size.Height/2
	small := media.Plane{Data: make([]byte, width*height), Stride: width}
	for y := range height {
		above, below := row(&p, 2*y, 2*width), row(&p, 2*y+1, 2*width)
		for x := range width {
			small.Data[y*width+x] = byte((int(above[2*x]) + int(above[2*x+1]) + int(below[2*x]) + int(below[2*x+1]) + 2) / 4)
		}
	}
	return small
}
