package scene

import "math"

// mix32 scrambles an integer: the finalizer of MurmurHash3, which passes avalanche tests with three multiplications.
func mix32(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

// lattice is the random number of a grid point.
func lattice(seed uint32, x, z int) uint32 {
	return mix32(seed ^ mix32(uint32(x)*0x9e3779b1^mix32(uint32(z)*0x7feb352d)))
}

// unit maps a random number to [0, 1).
func unit(h uint32) float64 { return float64(h>>8) / (1 << 24) }

// signed maps a random number to [-1, 1).
func signed(h uint32) float64 { return 2*unit(h) - 1 }

// noise is smooth value noise in [-1, 1] with a feature size of 1.
func noise(seed uint32, x, z float64) float64 {
	fx, fz := math.Floor(x), math.Floor(z)
	ix, iz := int(fx), int(fz)
	tx, tz := fade(x-fx), fade(z-fz)
	near := lerp(signed(lattice(seed, ix, iz)), signed(lattice(seed, ix+1, iz)), tx)
	far := lerp(signed(lattice(seed, ix, iz+1)), signed(lattice(seed, ix+1, iz+1)), tx)
	return lerp(near, far, tz)
}

// fade is the quintic with level first and second derivatives at 0 and 1, which hides the grid.
func fade(t float64) float64 { return t * t * t * (t*(t*6-15) + 10) }

// fractal sums octaves of noise, each half as large and half as strong; the result stays in [-1, 1].
func fractal(seed uint32, x, z float64, octaves int) float64 {
	sum, strength, total := 0.0, 1.0, 0.0
	for octave := range octaves {
		sum += strength * noise(seed+uint32(octave)*0x68bc21eb, x, z)
		total += strength
		strength /= 2
		x, z = x*2+13.7, z*2-7.3 // shifted, so that no grid point is a grid point of every octave
	}
	return sum / total
}

// dice is a small stream of random numbers: Weyl sequence and mix32, seeded by what it decides about.
type dice uint32

func (d *dice) next() uint32 {
	*d += 0x9e3779b9
	return mix32(uint32(*d))
}

func (d *dice) between(low, high float64) float64 { return low + (high-low)*unit(d.next()) }
