package quality_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"nearlight/checker/quality"
	"nearlight/internal/media"
)

// plainSSIM is the definition, sample by sample.
func plainSSIM(want, got *media.Frame) float64 {
	const side, step = 8, 4
	sum, windows := 0.0, 0
	for top := 0; top+side <= want.Visible.Height; top += step {
		for left := 0; left+side <= want.Visible.Width; left += step {
			var a, b, aa, bb, ab float64
			for y := top; y < top+side; y++ {
				for x := left; x < left+side; x++ {
					p, q := float64(want.Y.Data[y*want.Y.Stride+x]), float64(got.Y.Data[y*got.Y.Stride+x])
					a, b, aa, bb, ab = a+p, b+q, aa+p*p, bb+q*q, ab+p*q
				}
			}
			const n = side * side
			const c1, c2 = 2.55 * 2.55, 7.65 * 7.65
			a, b = a/n, b/n
			varianceA, varianceB, covariance := (aa/n-a*a)*n/(n-1), (bb/n-b*b)*n/(n-1), (ab/n-a*b)*n/(n-1)
			sum += (2*a*b + c1) / (a*a + b*b + c1) * (2*covariance + c2) / (varianceA + varianceB + c2)
			windows++
		}
	}
	return sum / float64(windows)
}

// arbitrary is a picture of noise of a drawn strength, so that flat ones, full ones and all between occur.
func arbitrary(t *rapid.T, size media.Size, label string) *media.Frame {
	low := rapid.IntRange(0, 255).Draw(t, label+" darkest")
	high := rapid.IntRange(low, 255).Draw(t, label+" brightest")
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, label+" seed"), 1))
	return picture(size, func(_, _ int) int { return low + random.IntN(high-low+1) })
}

func TestSumsInWordsAreThoseOfTheDefinition(t *testing.T) {
	var comparer quality.Comparer // one for all sizes
	rapid.Check(t, func(t *rapid.T) {
		size := media.Size{Width: rapid.IntRange(8, 75).Draw(t, "width"), Height: rapid.IntRange(8, 41).Draw(t, "height")}
		want, got := arbitrary(t, size, "want"), arbitrary(t, size, "got")
		likeness, err := comparer.Compare(want, got)
		if err != nil {
			t.Fatal(err)
		}
		if plain := plainSSIM(want, got); math.Abs(likeness.SSIM-plain) > 1e-9 {
			t.Errorf("%v: SSIM %v, by its definition %v", size, likeness.SSIM, plain)
		}
		if psnr, err := quality.PSNR(want, got); err != nil || math.Abs(likeness.PSNR-psnr) > 1e-9 {
			t.Errorf("%v: %v dB together with SSIM, %v alone (%v)", size, likeness.PSNR, psnr, err)
		}
	})
}

func TestWhatIsKeptForOnePictureDoesNotShowInTheNext(t *testing.T) {
	var kept quality.Comparer
	for _, size := range []media.Size{{Width: 320, Height: 180}, {Width: 131, Height: 129}, {Width: 1280, Height: 720}, {Width: 320, Height: 180}} {
		a, b := picture(size, waves), picture(size, func(x, y int) int { return waves(x+1, y) })
		got, err := kept.MultiScaleSSIM(a, b)
		want, err2 := quality.MultiScaleSSIM(a, b)
		if err != nil || err2 != nil || got != want {
			t.Errorf("%v: %v and %v with memory of others, %v and %v without", size, got, err, want, err2)
		}
	}
}

func TestComparingPictureAfterPictureDoesNotAllocate(t *testing.T) {
	size := media.Size{Width: 322, Height: 182}
	a, b := picture(size, waves), picture(size, func(x, y int) int { return waves(x, y) + 1 })
	var c quality.Comparer
	if n := testing.AllocsPerRun(20, func() {
		if _, err := c.Compare(a, b); err != nil {
			t.Fatal(err)
		}
		if _, err := c.MultiScaleSSIM(a, b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func BenchmarkCompare(b *testing.B) {
	size := media.Size{Width: 1280, Height: 720}
	x, y := picture(size, waves), picture(size, func(x, y int) int { return waves(x, y) + 1 })
	var c quality.Comparer
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Compare(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
