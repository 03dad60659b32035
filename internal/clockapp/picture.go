package clockapp

import (
	"math"
	"math/rand/v2"

	"nearlight/internal/media"
)

// paint fills pixels (BGRX, rows without gaps) with an evening sky over water: clouds of several sizes, so that an
// encoder meets soft and busy areas, and a lattice of thin rings, whose edges show any tear. tint chooses its hour.
func paint(pixels []byte, size media.Size, tint int) {
	hours := [tints][2][3]float64{ // top and bottom as red, green, blue
		{{28, 38, 92}, {236, 132, 96}},
		{{12, 62, 84}, {128, 206, 150}},
		{{66, 24, 84}, {240, 178, 92}},
	}
	noise := newNoise()
	const period = 192
	var ring [period * period]byte
	for y := range period {
		for x := range period {
			if r := math.Hypot(float64(x)-period/2, float64(y)-period/2); math.Abs(r-60) < 1.5 {
				ring[y*period+x] = 70
			}
		}
	}
	hour := hours[tint%tints]
	for y := range size.Height {
		height := float64(y) / float64(size.Height)
		var base [3]int
		for c := range base {
			base[c] = int(hour[0][c] + (hour[1][c]-hour[0][c])*height)
		}
		row := pixels[4*y*size.Width:][:4*size.Width]
		rings := ring[y%period*period:][:period]
		for x := range size.Width {
			light := noise.at(x/4, y/2) + noise.at(x, y)/3 + int(rings[x%period])
			pixel := row[4*x:][:4]
			pixel[0] = clamp(base[2] + light)
			pixel[1] = clamp(base[1] + light)
			pixel[2] = clamp(base[0] + light)
			pixel[3] = 0xff
		}
	}
}

func clamp(v int) byte { return byte(min(max(v, 0), 255)) }

const noiseSide = 256

// noise is a tile of smooth noise, about -48 to 48, that repeats without a seam.
type noise [noiseSide * noiseSide]int8

func (n *noise) at(x, y int) int { return int(n[y%noiseSide*noiseSide+x%noiseSide]) }

func newNoise() *noise {
	random := rand.New(rand.NewPCG(59, 7)) // the same picture in every run
	var sum [noiseSide * noiseSide]float64
	for _, octave := range [...]struct {
		step   int
		weight float64
	}{{64, 26}, {32, 14}, {16, 7}, {8, 4}} {
		side := noiseSide / octave.step
		lattice := make([]float64, side*side)
		for i := range lattice {
			lattice[i] = 2*random.Float64() - 1
		}
		corner := func(x, y int) float64 { return lattice[y%side*side+x%side] }
		for y := range noiseSide {
			for x := range noiseSide {
				left, top := x/octave.step, y/octave.step
				fx, fy := smooth(x%octave.step, octave.step), smooth(y%octave.step, octave.step)
				above := corner(left, top)*(1-fx) + corner(left+1, top)*fx
				below := corner(left, top+1)*(1-fx) + corner(left+1, top+1)*fx
				sum[y*noiseSide+x] += octave.weight * (above*(1-fy) + below*fy)
			}
		}
	}
	var n noise
	for i, v := range sum {
		n[i] = int8(v)
	}
	return &n
}

// smooth is the way from one lattice point to the next, without a kink at either.
func smooth(at, step int) float64 {
	t := float64(at) / float64(step)
	return t * t * (3 - 2*t)
}
