package av1

import (
	"testing"

	"nearlight/encoder/encodertest"
	"nearlight/internal/media"
)

func TestTextIsToldFromScenes(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	picture := func(draw func(x, y int) byte) *media.Frame {
		f := media.NewFrame(size)
		for y := range size.Height {
			for x := range size.Width {
				f.Y.Data[y*f.Y.Stride+x] = draw(x, y)
			}
		}
		return f
	}
	game := media.NewFrame(size)
	encodertest.NewScene(size, 1).Draw(game, 0)
	for _, c := range []struct {
		reason string
		frame  *media.Frame
		want   bool
	}{
		{"a rendered scene", game, false},
		{"nothing but black, which any codec codes in no bits", picture(func(int, int) byte { return 16 }), false},
		{"white, where the contrast must not wrap around", picture(func(int, int) byte { return 235 }), false},
		{"glyphs all over", picture(func(x, y int) byte { return byte(235 - 180*((x/2^y/3)&1)) }), true},
		{"a gradient", picture(func(x, y int) byte { return byte(x/2 + y/3) }), false},
		{"a status line above a gradient", picture(func(x, y int) byte {
			if y < 12 {
				return byte(235 * (x & 1))
			}
			return byte(x/2 + y/3)
		}), false},
	} {
		if got := drawn(c.frame); got != c.want {
			t.Errorf("%s: drawn is %v", c.reason, got)
		}
	}
}
