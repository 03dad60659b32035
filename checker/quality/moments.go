package quality

import (
	"encoding/binary"
	"math/bits"

	"nearlight/internal/media"
)

// SSIM compares windows of 8x8 samples that overlap by half.
const (
	block  = 4 // sums are taken over blocks; a window is two by two of them
	window = 2 * block
)

// moments are sums over the samples a and b of a block in both pictures, two in each word: none of a window's reaches 2^32, so that they never
// meet.
type moments struct {
	sums     uint64 // of b and, in the lower half, of a
	products uint64 // of a² + b² and, in the lower half, of ab
}

func (m moments) add(n moments) moments {
	return moments{m.sums + n.sums, m.products + n.products}
}

const (
	halfWord = 32
	lower    = 1<<halfWord - 1
	// lanes keeps the lowest octet of each half of a word.
	lanes = 0xff | 0xff<<halfWord
)

// squaredError is the sum of the squared differences, (a - b)².
func (m moments) squaredError() uint64 { return m.products>>halfWord - 2*(m.products&lower) }

// similarity is the index of one window: how alike it is in brightness, and in contrast and structure. The whole is their product.
func (m moments) similarity() (brightness, contrast float64) {
	const n = window * window
	const c1, c2 = 0.01 * 255 * 0.01 * 255, 0.03 * 255 * 0.03 * 255
	a, b := float64(m.sums&lower)/n, float64(m.sums>>halfWord)/n
	const unbiased = n / (n - 1.0)
	variances := unbiased * (float64(m.products>>halfWord)/n - a*a - b*b)
	covariance := unbiased * (float64(m.products&lower)/n - a*b)
	return (2*a*b + c1) / (a*a + b*b + c1), (2*covariance + c2) / (variances + c2)
}

// four are the sums over four samples of each picture: a's in the lower half of the word, b's in the upper one.
//
// With b above a in x, and the other way round in y, the product xy has ab + (a² + b²) * 2^32 + ab * 2^64: one multiplication gives all that
// is wanted, and its last term falls out of the word.
func four(word uint64) moments {
	p, q, r, s := word&lanes, word>>8&lanes, word>>16&lanes, word>>24&lanes
	return moments{
		sums:     p + q + r + s,
		products: p*bits.RotateLeft64(p, halfWord) + q*bits.RotateLeft64(q, halfWord) + r*bits.RotateLeft64(r, halfWord) + s*bits.RotateLeft64(s, halfWord),
	}
}

// sumBlocks fills one row of blocks, which begins at line y.
func sumBlocks(blocks []moments, want, got *media.Plane, y int) {
	width := len(blocks) * block
	a, b := row(want, y, width), row(got, y, width)
	a1, b1 := row(want, y+1, width), row(got, y+1, width)
	a2, b2 := row(want, y+2, width), row(got, y+2, width)
	a3, b3 := row(want, y+3, width), row(got, y+3, width)
	i := 0
	for ; i+1 < len(blocks); i += 2 {
		left, right := eight(a, b, i*block)
		l, r := eight(a1, b1, i*block)
		left, right = left.add(l), right.add(r)
		l, r = eight(a2, b2, i*block)
		left, right = left.add(l), right.add(r)
		l, r = eight(a3, b3, i*block)
		blocks[i], blocks[i+1] = left.add(l), right.add(r)
	}
	if i < len(blocks) {
		x := i * block
		blocks[i] = four(pair(a, b, x)).add(four(pair(a1, b1, x))).add(four(pair(a2, b2, x))).add(four(pair(a3, b3, x)))
	}
}

// eight are the sums over eight samples of a line from column x on, in their two blocks.
func eight(a, b []byte, x int) (left, right moments) {
	p, q := binary.LittleEndian.Uint64(a[x:]), binary.LittleEndian.Uint64(b[x:])
	return four(p&lower | q<<halfWord), four(p>>halfWord | q&^lower)
}

// pair is the word of four samples of each picture from column x on.
func pair(a, b []byte, x int) uint64 {
	return uint64(binary.LittleEndian.Uint32(a[x:])) | uint64(binary.LittleEndian.Uint32(b[x:]))<<halfWord
}
