package quality

import (
	"math"
	"math/bits"
)

// segment is how many differences of neighbouring samples a spectrum is taken of.
const segment = 64

// nyquist is the number of the spectrum's last band: a period of two samples, the finest detail that a picture can have.
const nyquist = segment / 2

// transform is a discrete Fourier transform of a segment (J. W. Cooley, J. W. Tukey: An algorithm for the machine calculation of complex Fourier
// series, 1965).
type transform struct {
	window   [segment]float64 // Hann's: what a segment is cut out of makes no edge at its ends
	turns    [segment / 2]complex128
	reversed [segment]uint8
}

func newTransform() *transform {
	t := &transform{}
	for i := range t.window {
		t.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/segment)
		t.reversed[i] = bits.Reverse8(uint8(i)) >> (8 - bits.Len(segment-1))
	}
	for i := range t.turns {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / segment)
		t.turns[i] = complex(cos, sin)
	}
	return t
}

// run transforms values in place. They are in the order of reversed.
func (t *transform) run(values *[segment]complex128) {
	for size := 2; size <= segment; size *= 2 {
		half, step := size/2, segment/size
		for begin := 0; begin < segment; begin += size {
			for i := range half {
				a, b := values[begin+i], values[begin+i+half]*t.turns[i*step]
				values[begin+i], values[begin+i+half] = a+b, a-b
			}
		}
	}
}

// spectrum is the power in each band, of many segments. Each counts the same: one that is all contrast does not drown the others.
type spectrum struct {
	power    [nyquist + 1]float64
	segments int

	pair  [segment]complex128 // the segment that waits for a second one is its real part
	waits bool
}

// add takes a segment of differences, of which some is not 0. Two are transformed at once, one as the real part and one as the imaginary part of the same values:
// what they have in a band and in the one that mirrors it adds up to both their powers.
func (s *spectrum) add(t *transform, differences *[segment]float64) {
	energy := 0.0
	for i, d := range differences {
		d *= t.window[i]
		differences[i] = d
		energy += d * d
	}
	scale := 1 / math.Sqrt(energy)
	s.segments++
	if !s.waits {
		for i, d := range differences {
			s.pair[t.reversed[i]] = complex(d*scale, 0)
		}
		s.waits = true
		return
	}
	for i, d := range differences {
		s.pair[t.reversed[i]] += complex(0, d*scale)
	}
	s.flush(t)
}

// flush transforms what waits.
func (s *spectrum) flush(t *transform) {
	if !s.waits {
		return
	}
	s.waits = false
	t.run(&s.pair)
	for band := range s.power {
		a, b := s.pair[band], s.pair[(segment-band)%segment]
		s.power[band] += (real(a)*real(a) + imag(a)*imag(a) + real(b)*real(b) + imag(b)*imag(b)) / 2
	}
}

// mean is the mean power of bands.
func (s *spectrum) mean(first, last int) float64 {
	sum := 0.0
	for _, power := range s.power[first : last+1] {
		sum += power
	}
	return sum / float64(last-first+1)
}
