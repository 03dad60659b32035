package clockapp

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"nearlight/internal/media"
)

// canvas is what all pictures are painted from: an evening sky with clouds of several sizes, so that an encoder meets
// soft and busy areas, and a lattice of thin rings, whose edges show any tear.
type canvas struct {
	clouds *noise
	rings  *[ringPeriod * ringPeriod]byte
}

func newCanvas() canvas { return canvas{clouds: newNoise(), rings: newRings()} }

// hours are the sky's colours at top and bottom, as red, green, blue: one for each tint.
var hours = [tints][2][3]float64{
	{{28, 38, 92}, {236, 132, 96}},
	{{12, 62, 84}, {128, 206, 150}},
	{{66, 24, 84}, {240, 178, 92}},
}

// paint fills pixels, which are BGRX in rows without gaps.
func (c canvas) paint(pixels []byte, size media.Size, tint int) {
	hour := hours[tint%tints]
	for y := range size.Height {
		colours := brighten(hour[0], hour[1], float64(y)/float64(size.Height))
		row := pixels[4*y*size.Width:][:4*size.Width]
		ring := c.rings[y%ringPeriod*ringPeriod:][:ringPeriod]
		far, near := c.clouds.row(y/2), c.clouds.row(y)
		for x := range size.Width {
			light := int(far[x/4%noiseSide]) + int(near[x%noiseSide])/3 + int(ring[x%ringPeriod])
			binary.LittleEndian.PutUint32(row[4*x:], colours[light+darkest])
		}
	}
}

// What light is added to a colour: noise from two places, and the rings.
const (
	darkest   = 80
	brightest = 160
)

// brighten is one row's colour in every light, as BGRX in a little-endian word.
func brighten(top, bottom [3]float64, height float64) (colours [darkest + brightest]uint32) {
	for light := range colours {
		pixel := uint32(0xff)
		for c := range top {
			colour := int(top[c]+(bottom[c]-top[c])*height) + light - darkest
			pixel = pixel<<8 | uint32(min(max(colour, 0), 255))
		}
		colours[light] = pixel
	}
	return colours
}

// ringPeriod is the distance between two rings of the lattice.
const ringPeriod = 192

func newRings() *[ringPeriod * ringPeriod]byte {
	const radius, half, brightness = 60, 1.5, 70
	var rings [ringPeriod * ringPeriod]byte
	for i := range rings {
		x, y := float64(i%ringPeriod)-ringPeriod/2, float64(i/ringPeriod)-ringPeriod/2
		if math.Abs(math.Hypot(x, y)-radius) < half {
			rings[i] = brightness
		}
	}
	return &rings
}

const noiseSide = 256

// noise is a tile of smooth noise, from -51 to 51, that repeats without a seam.
type noise [noiseSide * noiseSide]int8

func (n *noise) row(y int) []int8 { return n[y%noiseSide*noiseSide:][:noiseSide] }

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
