package marker

import (
	"encoding/binary"

	"nearlight/internal/media"
)

// minContrast is the least distance between row 0's mean black and mean white, in luma steps.
const minContrast = 64

// The middle of a cell, where a neighbour's ringing reaches least.
const (
	middle     = 4
	middleSide = (Cell - middle) / 2
)

// Decode reads the marker in the top left corner of a luma plane of the given size, of which an encoder may have left out a cell or two: a fast one of AV1 does. It does not allocate. The error is
// ErrAbsent or ErrChecksum, never both a stamp and an error.
func Decode(luma media.Plane, size media.Size) (Stamp, error) {
	if !Size.Fits(size) || luma.Stride < Width || len(luma.Data) < (Height-1)*luma.Stride+Width {
		return Stamp{}, ErrAbsent
	}
	threshold, present := readThreshold(luma)
	if !present {
		return Stamp{}, ErrAbsent
	}
	var o octets
	for r := 1; r < Rows; r++ {
		binary.BigEndian.PutUint16(o[2*(r-1):], readRow(luma, r, threshold))
	}
	return parse(o)
}

// readThreshold is half way between black and white, in cell sums, and whether row 0 is the alternating one.
func readThreshold(luma media.Plane) (threshold int, present bool) {
	var white, black int // sums over 8 cells of 16 samples each
	for c := 0; c < Columns; c += 2 {
		white += cellSum(luma, 0, c)
		black += cellSum(luma, 0, c+1)
	}
	const samples = Columns / 2 * middle * middle
	if white-black < minContrast*samples {
		return 0, false
	}
	threshold = (white + black) / Columns
	return threshold, alternating(readRow(luma, 0, threshold))
}

func readRow(luma media.Plane, r, threshold int) (bits uint16) {
	for c := range Columns {
		bits <<= 1
		if cellSum(luma, r, c) > threshold {
			bits |= 1
		}
	}
	return bits
}

func cellSum(luma media.Plane, r, c int) (sum int) {
	for y := range middle {
		start := (r*Cell+middleSide+y)*luma.Stride + c*Cell + middleSide
		for _, sample := range luma.Data[start : start+middle] {
			sum += int(sample)
		}
	}
	return sum
}
