package encodertest

import (
	"math"
	"math/rand/v2"

	"nearlight/checker/quality"
	"nearlight/internal/media"
)

// Scene draws deterministic moving pictures: a panning texture of soft shapes and hard edges under a film of noise,
// and a block that moves against it. It is hard enough to use any rate up to some 0.2 bits per pixel, which flat
// desktops are not. Drawing is copying, so that it costs little beside encoding, under the race detector as well.
type Scene struct {
	stride int
	layers [4]layer // the same texture under different noise
	full   *full
}

type layer struct{ y, u, v []byte }

// full is u and v with a sample for each pixel, made for the first picture in 4:4:4.
type full struct{ u, v []byte }

// How far the texture pans before it turns round.
const panX, panY = 192, 96

// NewScene makes the textures for a size; the same seed draws the same pictures.
func NewScene(size media.Size, seed uint64) *Scene {
	even := size.Even()
	width, height := even.Width+panX, even.Height+panY
	random := rand.New(rand.NewPCG(seed, 0x5eed))
	noise := make([]byte, 1<<14)
	for i := range noise {
		noise[i] = byte(random.IntN(9))
	}
	s := &Scene{stride: width}
	base := texture(width, height)
	u, v := make([]byte, width/2*height/2), make([]byte, width/2*height/2)
	for y := range height / 2 {
		for x := range width / 2 {
			u[y*width/2+x] = byte(128 + 40*wave(x, 37))
			v[y*width/2+x] = byte(128 + 40*wave(y, 29))
		}
	}
	for n := range s.layers {
		luma := make([]byte, len(base))
		for from := 0; from < len(base); from += 1 << 10 {
			grain := noise[random.IntN(len(noise)-1<<10):]
			for i, value := range base[from:min(from+1<<10, len(base))] {
				luma[from+i] = value + grain[i]
			}
		}
		s.layers[n] = layer{luma, u, v}
	}
	return s
}

// texture is soft hills with hard edges across them.
func texture(width, height int) []byte {
	columns, rows := make([]float64, width), make([]float64, height)
	for x := range columns {
		columns[x] = wave(x, 23)
	}
	for y := range rows {
		rows[y] = wave(y, 17)
	}
	luma := make([]byte, width*height)
	for y, row := range rows {
		line := luma[y*width:][:width]
		for x, column := range columns {
			line[x] = byte(106 + 70*row*column)
			if (x/24+y/40)%5 == 0 {
				line[x] += 35
			}
		}
	}
	return luma
}

func wave(n int, period float64) float64 { return math.Sin(float64(n) / period) }

// Draw draws picture n into f, which must have the scene's size.
func (s *Scene) Draw(f *media.Frame, n int) {
	x, y := 2*bounce(n*3/2, panX/2), 2*bounce(n/2, panY/2)
	l := &s.layers[n%len(s.layers)]
	copyPlane(&f.Y, l.y, s.stride, x, y, f.Coded.Width, f.Coded.Height)
	if f.Chroma == media.Chroma444 {
		if s.full == nil {
			s.full = &full{double(l.u, s.stride/2), double(l.v, s.stride/2)}
		}
		copyPlane(&f.U, s.full.u, s.stride, x, y, f.Coded.Width, f.Coded.Height)
		copyPlane(&f.V, s.full.v, s.stride, x, y, f.Coded.Width, f.Coded.Height)
	} else {
		copyPlane(&f.U, l.u, s.stride/2, x/2, y/2, f.Coded.Width/2, f.Coded.Height/2)
		copyPlane(&f.V, l.v, s.stride/2, x/2, y/2, f.Coded.Width/2, f.Coded.Height/2)
	}

	side := f.Coded.Width / 6 &^ 1
	left, top := bounce(n*5, f.Coded.Width-side), bounce(n*3, max(f.Coded.Height-side, 1))
	for row := top; row < min(top+side, f.Coded.Height); row++ {
		copy(f.Y.Data[row*f.Y.Stride+left:][:side], l.y[(row-top)*s.stride:])
	}
	pad(f)
	f.Input, f.Still = 0, false
}

func copyPlane(dst *media.Plane, src []byte, stride, x, y, width, height int) {
	for row := range height {
		copy(dst.Data[row*dst.Stride:][:width], src[(y+row)*stride+x:])
	}
}

// double makes two by two samples of each.
func double(samples []byte, width int) []byte {
	doubled := make([]byte, 4*len(samples))
	for i, sample := range samples {
		at := 4*(i/width)*width + 2*(i%width)
		for _, j := range [4]int{at, at + 1, at + 2*width, at + 2*width + 1} {
			doubled[j] = sample
		}
	}
	return doubled
}

// pad repeats the last visible row and column, as every maker of frames has to.
func pad(f *media.Frame) {
	padPlane(&f.Y, f.Visible, f.Coded)
	if f.Chroma == media.Chroma444 {
		padPlane(&f.U, f.Visible, f.Coded)
		padPlane(&f.V, f.Visible, f.Coded)
	}
}

func padPlane(p *media.Plane, visible, coded media.Size) {
	if coded.Width > visible.Width {
		for row := range visible.Height {
			line := p.Data[row*p.Stride:]
			line[visible.Width] = line[visible.Width-1]
		}
	}
	if coded.Height > visible.Height {
		last := (coded.Height - 1) * p.Stride
		copy(p.Data[last:][:coded.Width], p.Data[last-p.Stride:])
	}
}

// bounce runs from 0 to limit and back.
func bounce(n, limit int) int {
	n %= 2 * limit
	if n > limit {
		return 2*limit - n
	}
	return n
}

// PSNR compares the luma of two pictures over the first one's visible size, in decibels (quality.PSNR). The second may be
// larger, as what a decoder makes of padded pictures is.
func PSNR(want, got *media.Frame) float64 {
	seen := *got
	seen.Visible, seen.Coded = want.Visible, want.Coded
	psnr, err := quality.PSNR(want, &seen)
	if err != nil {
		panic("encodertest: " + err.Error()) // of frames that were checked when they were made
	}
	return psnr
}
