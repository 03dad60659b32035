package quality_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"nearlight/checker/quality"
	"nearlight/internal/media"
)

func picture(size media.Size, luma func(x, y int) int) *media.Frame {
	f := media.NewFrame(size)
	for y := range f.Coded.Height {
		for x := range f.Coded.Width {
			f.Y.Data[y*f.Y.Stride+x] = byte(min(max(luma(x, y), 0), 255))
		}
	}
	return f
}

func waves(x, y int) int { return int(128 + 60*math.Sin(float64(x)/5)*math.Cos(float64(y)/7)) }

func compare(t *testing.T, want, got *media.Frame) (psnr, ssim float64) {
	t.Helper()
	psnr, err := quality.PSNR(want, got)
	if err != nil {
		t.Fatal(err)
	}
	if ssim, err = quality.SSIM(want, got); err != nil {
		t.Fatal(err)
	}
	return psnr, ssim
}

func TestKnownDifferences(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	random := rand.New(rand.NewPCG(1, 2))
	original := picture(size, waves)
	for _, c := range []struct {
		reason             string
		got                *media.Frame
		psnr               float64 // computed by hand
		leastSSIM, atMost  float64
		toleranceInDecibel float64
	}{
		{"equal", picture(size, waves), quality.PerfectPSNR, 1, 1, 0},
		{"brighter by 4 everywhere: the structure stands", picture(size, func(x, y int) int { return waves(x, y) + 4 }), 10 * math.Log10(255*255/16.0), 0.99, 1, 0.001},
		{"noise of plus or minus 8: the structure suffers", picture(size, func(x, y int) int { return waves(x, y) + 16*random.IntN(2) - 8 }), 10 * math.Log10(255*255/64.0), 0.6, 0.97, 0.001},
		{"the negative", picture(size, func(x, y int) int { return 255 - waves(x, y) }), 12.6, -1, 0, 0.5},
	} {
		psnr, ssim := compare(t, original, c.got)
		if math.Abs(psnr-c.psnr) > c.toleranceInDecibel {
			t.Errorf("%s: %.3f dB, want %.3f", c.reason, psnr, c.psnr)
		}
		if ssim < c.leastSSIM-1e-9 || ssim > c.atMost+1e-9 {
			t.Errorf("%s: SSIM %.4f, want %.2f to %.2f", c.reason, ssim, c.leastSSIM, c.atMost)
		}
	}
}

func TestColoursAreComparedAcrossChromas(t *testing.T) {
	size := media.Size{Width: 33, Height: 17}
	in := func(chroma media.Chroma, u func(x int) byte) *media.Frame {
		f := media.NewFrameIn(chroma, size)
		for i := range f.U.Data {
			f.U.Data[i], f.V.Data[i] = u(i%f.U.Stride), 128
		}
		return f
	}
	flat := func(v byte) func(int) byte { return func(int) byte { return v } }
	stripes := func(x int) byte { return byte(100 + 40*(x%2)) } // of which 4:2:0 keeps the mean
	for _, c := range []struct {
		reason    string
		want, got *media.Frame
		psnr      float64 // computed by hand: half of the samples are V, which is equal
	}{
		{"equal", in(media.Chroma420, flat(90)), in(media.Chroma420, flat(90)), quality.PerfectPSNR},
		{"equal, of different chromas", in(media.Chroma444, flat(90)), in(media.Chroma420, flat(90)), quality.PerfectPSNR},
		{"off by 4", in(media.Chroma444, flat(90)), in(media.Chroma444, flat(94)), 10 * math.Log10(255*255/8.0)},
		{"off by 4 the other way round", in(media.Chroma420, flat(94)), in(media.Chroma444, flat(90)), 10 * math.Log10(255*255/8.0)},
		{"stripes of one pixel in 4:2:0", in(media.Chroma444, stripes), in(media.Chroma420, flat(120)), 10 * math.Log10(255*255/200.0)},
	} {
		psnr, err := quality.ChromaPSNR(c.want, c.got)
		if err != nil || math.Abs(psnr-c.psnr) > 0.001 {
			t.Errorf("%s: %.3f dB, %v; want %.3f", c.reason, psnr, err, c.psnr)
		}
	}
	if _, err := quality.ChromaPSNR(in(media.Chroma444, stripes), media.NewFrame(media.Size{Width: 32, Height: 16})); !errors.Is(err, quality.ErrSizes) {
		t.Errorf("another size: %v", err)
	}
}

func TestSSIMOfFlatPicturesIsTheirBrightnessAlone(t *testing.T) {
	size := media.Size{Width: 32, Height: 32}
	_, ssim := compare(t, picture(size, func(_, _ int) int { return 100 }), picture(size, func(_, _ int) int { return 120 }))
	const c1 = 0.01 * 255 * 0.01 * 255
	if want := (2*100*120 + c1) / (100*100 + 120*120 + c1); math.Abs(ssim-want) > 1e-12 {
		t.Errorf("SSIM %.6f, want %.6f", ssim, want)
	}
}

func TestOnlyTheVisiblePartCounts(t *testing.T) {
	size := media.Size{Width: 33, Height: 17}
	a, b := picture(size, waves), picture(size, waves)
	for y := range b.Coded.Height {
		b.Y.Data[y*b.Y.Stride+33] ^= 0xff // the margin
	}
	if psnr, ssim := compare(t, a, b); psnr != quality.PerfectPSNR || ssim != 1 {
		t.Errorf("%.1f dB, SSIM %.4f", psnr, ssim)
	}
}

func TestPicturesThatCannotBeComparedAreRefused(t *testing.T) {
	a := picture(media.Size{Width: 32, Height: 32}, waves)
	for _, c := range []struct {
		reason string
		got    *media.Frame
		want   error
	}{
		{"another size", picture(media.Size{Width: 32, Height: 34}, waves), quality.ErrSizes},
		{"no planes", &media.Frame{Visible: a.Visible, Coded: a.Coded}, media.ErrFrame},
	} {
		if _, err := quality.PSNR(a, c.got); !errors.Is(err, c.want) {
			t.Errorf("PSNR, %s: %v", c.reason, err)
		}
		if _, err := quality.SSIM(a, c.got); !errors.Is(err, c.want) {
			t.Errorf("SSIM, %s: %v", c.reason, err)
		}
	}
	if small := media.NewFrame(media.Size{Width: 7, Height: 16}); true {
		if _, err := quality.SSIM(small, small); !errors.Is(err, media.ErrSize) {
			t.Errorf("SSIM of 7x16: %v", err)
		}
	}
}

func BenchmarkSSIM(b *testing.B) {
	size := media.Size{Width: 1280, Height: 720}
	x, y := picture(size, waves), picture(size, func(x, y int) int { return waves(x, y) + 1 })
	for b.Loop() {
		if _, err := quality.SSIM(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
