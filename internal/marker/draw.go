package marker

import "nearlight/internal/media"

// Luma and chroma of black and white in limited range (ITU-R BT.601), which is what a frame holds.
const (
	lumaBlack   = 16
	lumaWhite   = 235
	chromaGrey  = 128
	bytesPerPel = 4
)

// DrawBGRX draws s into the top left corner of a picture of 32-bit pixels. It does not allocate. pixels must hold
// Height rows of stride bytes, each of at least 4*Width.
func DrawBGRX(pixels []byte, stride int, s Stamp) {
	drawCells(pixels, stride, Cell*bytesPerPel, s, 0x00, 0xff)
}

// DrawI420 draws s into the top left corner of f, whose planes may be I444 as well. It does not allocate. f must be no smaller
// than Size.
func DrawI420(f *media.Frame, s Stamp) {
	drawCells(f.Y.Data, f.Y.Stride, Cell, s, lumaBlack, lumaWhite)
	colour := f.Chroma.Of(Size)
	for _, plane := range [...]media.Plane{f.U, f.V} {
		for y := range colour.Height {
			fill(plane.Data[y*plane.Stride:][:colour.Width], chromaGrey)
		}
	}
}

func drawCells(data []byte, stride, cellBytes int, s Stamp, black, white byte) {
	octets := octetsOf(s)
	for r := range Rows {
		bits := rowBits(&octets, r)
		first := data[r*Cell*stride:][:Columns*cellBytes]
		for c := range Columns {
			value := black
			if bits<<c&0x8000 != 0 {
				value = white
			}
			fill(first[c*cellBytes:][:cellBytes], value)
		}
		for y := 1; y < Cell; y++ {
			copy(data[(r*Cell+y)*stride:], first)
		}
	}
}

func fill(b []byte, value byte) {
	for i := range b {
		b[i] = value
	}
}
