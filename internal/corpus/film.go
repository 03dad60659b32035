package corpus

import (
	"math"
	"math/rand/v2"

	"nearlight/internal/media"
)

// A film is soft shapes that pan slowly, under grain.
type film struct {
	size   media.Size
	random *rand.Rand
	across []float64 // of the shapes, wider than the picture
	down   []float64
	grain  []int8 // drawn once, and laid out anew for every line of every picture
}

// The grain's standard deviation in steps of luma, about that of fast film stock, and how much of it is kept to draw from.
const (
	grainDeviation = 5.0
	grainLength    = 1 << 16
)

func newFilm(size media.Size, seed uint64) *film {
	f := &film{
		size: size, random: rand.New(rand.NewPCG(seed, 0xf11f)),
		across: make([]float64, 2*size.Width), down: make([]float64, 2*size.Height), grain: make([]int8, grainLength),
	}
	for x := range f.across {
		f.across[x] = math.Sin(float64(x)/61) + 0.5*math.Sin(float64(x)/17)
	}
	for y := range f.down {
		f.down[y] = math.Cos(float64(y)/47) + 0.5*math.Cos(float64(y)/23)
	}
	for i := range f.grain {
		f.grain[i] = int8(min(max(f.random.NormFloat64()*grainDeviation, -100), 100))
	}
	return f
}

func (f *film) draw(n int, pixels []byte) error {
	left, top := 2*n%f.size.Width, n%f.size.Height
	for y := range f.size.Height {
		down := f.down[top+y]
		grain := f.grain[f.random.IntN(grainLength-f.size.Width):][:f.size.Width]
		for x, g := range grain {
			shade := 120 + 34*f.across[left+x]*down + float64(g)
			to := pixels[4*(y*f.size.Width+x):]
			to[0], to[1], to[2], to[3] = tone(shade*0.85), tone(shade), tone(shade*1.1), 255
		}
	}
	return nil
}

func tone(v float64) byte { return byte(min(max(v, 0), 255)) }
