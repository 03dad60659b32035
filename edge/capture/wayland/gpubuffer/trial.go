//go:build linux && cgo

package gpubuffer

import (
	"errors"
	"fmt"
	"image"

	"nearlight/edge/capture/wayland"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// trialColour is red, green and blue of what Try draws: no two alike, so that a wrong order is seen.
var trialColour = [3]byte{200, 100, 50}

// trialSlack is by how much a sample may be off: drivers round as they like.
const trialSlack = 3

// Try makes a buffer, has OpenGL fill it in place of a compositor, and takes two pictures of it as a session does: the first for
// their colours, the second for the time. An error says what a session would meet.
func (d *Device) Try(size media.Size) (_ Trial, err error) {
	const format = wayland.FormatXRGB8888
	layouts, err := d.context.Modifiers(uint32(format))
	if err != nil {
		return Trial{}, err
	}
	b, err := d.allocate(format, size, layouts)
	if err != nil {
		return Trial{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	fill := func() error { return b.image.Fill(trialColour[0], trialColour[1], trialColour[2], patience) }
	if err := d.within(fill); err != nil {
		return Trial{}, err
	}
	f, part := media.NewFrame(size), image.Rect(0, 0, size.Width, size.Height)
	if err := b.Convert(f, part, false); err != nil {
		return Trial{}, err
	}
	if err := checkTrial(f); err != nil {
		return Trial{}, fmt.Errorf("%w (%v, layout %#x)", err, b.Way(), b.Modifier())
	}
	began := media.Now()
	if err := b.Convert(f, part, false); err != nil {
		return Trial{}, err
	}
	return Trial{Way: b.Way(), Layout: b.Modifier(), Took: media.Now().Sub(began)}, nil
}

// checkTrial looks whether a frame is of the colour that was drawn, at its corners and in its middle.
func checkTrial(f *media.Frame) error {
	got, want := f, media.NewFrame(f.Visible)
	filled := make([]byte, 4*f.Coded.Width*f.Coded.Height)
	for at := 0; at < len(filled); at += 4 {
		filled[at], filled[at+1], filled[at+2] = trialColour[2], trialColour[1], trialColour[0]
	}
	if err := yuv.FromBGRX(want, filled, 4*f.Coded.Width); err != nil {
		return err
	}
	if picture, is := f.Surface.(*cuda.Picture); is {
		pixels, stride := make([]byte, len(filled)), 4*f.Coded.Width
		if err := picture.Read(pixels, stride, nil); err != nil {
			return err
		}
		got = media.NewFrame(f.Visible)
		whole := image.Rect(0, 0, f.Visible.Width, f.Visible.Height)
		if err := yuv.FromPixels(got, yuv.Pixels{Data: pixels, Stride: stride, RedFirst: picture.Format() == cuda.RGBA}, whole); err != nil {
			return err
		}
	}
	right, bottom := f.Coded.Width/2-1, f.Coded.Height/2-1
	for _, at := range []image.Point{{}, {right, 0}, {0, bottom}, {right, bottom}, {right / 2, bottom / 2}} {
		for n, plane := range []struct{ got, want media.Plane }{{got.Y, want.Y}, {got.U, want.U}, {got.V, want.V}} {
			x, y := at.X, at.Y
			if n == 0 {
				x, y = 2*x, 2*y
			}
			g, w := plane.got.Data[y*plane.got.Stride+x], plane.want.Data[y*plane.want.Stride+x]
			if max(g, w)-min(g, w) > trialSlack {
				return fmt.Errorf("a buffer was filled with red %d, green %d, blue %d, and its picture differs: %q at %v is %d, want %d",
					trialColour[0], trialColour[1], trialColour[2], "YUV"[n], at, g, w)
			}
		}
	}
	return nil
}
