package av1

import (
	"math/bits"

	"nearlight/internal/media"
)

// Palettes code text and menus in a fifth of the bits, and search what games show in vain: there they cost 0.4 dB at the
// fastest speed. So each keyframe is looked at, and what it shows decides for the frames up to the next one.
const (
	drawnColours  = 8  // a block with more of them was not drawn but rendered
	drawnContrast = 32 // a block with less of it is background, which costs nothing in any case
	drawnShare    = 10 // one block of so many makes a picture worth it

	blockSide = 16
	blockStep = 32 // every fourth block is looked at
)

// drawn reports whether a picture is text, menus or the like rather than a rendered scene.
func drawn(f *media.Frame) bool {
	found, all := 0, 0
	for y := 0; y+blockSide <= f.Visible.Height; y += blockStep {
		for x := 0; x+blockSide <= f.Visible.Width; x += blockStep {
			all++
			if drawnBlock(f.Y.Data[y*f.Y.Stride+x:], f.Y.Stride) {
				found++
			}
		}
	}
	return found*drawnShare > all
}

// drawnBlock reports whether the block at the beginning of luma has few colours and much contrast.
func drawnBlock(luma []byte, stride int) bool {
	var seen [4]uint64
	darkest, brightest := byte(255), byte(0)
	for row := range blockSide {
		for _, value := range luma[row*stride:][:blockSide] {
			seen[value>>6] |= 1 << (value & 63)
			darkest, brightest = min(darkest, value), max(brightest, value)
		}
	}
	colours := 0
	for _, word := range seen {
		colours += bits.OnesCount64(word)
	}
	return colours <= drawnColours && int(brightest)-int(darkest) >= drawnContrast
}
