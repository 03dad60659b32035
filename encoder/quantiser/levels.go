package quantiser

import "math"

// Levels are the quantisers that a codec can be told, each on H.264's scale, ascending: what its library calls quantiser i
// is Levels[i].
type Levels []float64

// Coarsest is the last of the levels.
func (l Levels) Coarsest() float64 { return l[len(l)-1] }

// Nearest returns the level next to qp, and the quantiser that it is.
func (l Levels) Nearest(qp float64) (level int, actual float64) {
	for level < len(l)-1 && l[level+1]-qp < qp-l[level] {
		level++
	}
	return level, l[level]
}

// VP8 are the 64 levels of libvpx for VP8: the steps are those of its AC coefficients (RFC 6386 section 14.1), whose
// transform doubles what it is given.
var VP8 = levels(2, []float64{
	4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 19, 21, 22, 23,
	24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 37, 39, 41, 43, 45,
	47, 49, 51, 53, 55, 57, 60, 64, 68, 72, 78, 84, 90, 96, 102, 108,
	114, 122, 131, 140, 149, 158, 167, 177, 189, 201, 213, 225, 239, 254, 269, 284,
})

// VP9 are the 64 levels of libvpx for VP9 and of libaom for AV1, which have the same steps for AC coefficients of eight
// bits (AV1 section 7.12.2); their transforms multiply by eight. Level 0 is lossless, which is another mode of coding.
var VP9 = levels(8, []float64{
	4, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47, 51, 55, 59, 63, 67,
	71, 75, 79, 83, 87, 91, 95, 99, 104, 112, 120, 128, 136, 144, 152, 164,
	176, 188, 200, 215, 231, 247, 265, 285, 305, 329, 353, 380, 408, 440, 474, 510,
	550, 593, 639, 689, 743, 801, 864, 933, 1007, 1087, 1173, 1267, 1369, 1479, 1628, 1828,
})

// levels puts steps between transformed values on H.264's scale, where a step of 1 in pixels is 4 (ITU-T H.264 section
// 8.5.9); gain is what the codec's transform multiplies pixels by.
func levels(gain float64, steps []float64) Levels {
	l := make(Levels, len(steps))
	for i, step := range steps {
		l[i] = min(max(4+6*math.Log2(step/gain), 0), 51)
	}
	return l
}
