//go:build cgo

package edge

import (
	"errors"
	"testing"

	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

func TestPicturesAreSubsampledForAnEncoderThatHasNoMore(t *testing.T) {
	size := media.Size{Width: 67, Height: 49}
	pixels := make([]byte, 4*size.Width*size.Height)
	for i := range pixels {
		pixels[i] = byte(i * i >> 5)
	}
	fine, want := media.NewFrameIn(media.Chroma444, size), media.NewFrame(size)
	if err := errors.Join(yuv.FromBGRX(fine, pixels, 4*size.Width), yuv.Subsample(want, fine)); err != nil {
		t.Fatal(err)
	}
	fine.Input, fine.Still, fine.Times.Damaged = 7, true, 11
	var s subsampler
	if same, err := s.fit(fine, media.Chroma444); err != nil || same != fine {
		t.Errorf("a picture that is right is not left alone: %v", err)
	}
	var got *media.Frame
	allocated := testing.AllocsPerRun(10, func() {
		var err error
		if got, err = s.fit(fine, media.Chroma420); err != nil {
			t.Fatal(err)
		}
	})
	if !samePlanes(got, want) || got.Check() != nil || got.Input != 7 || !got.Still || got.Times != fine.Times {
		t.Errorf("got %+v", got)
	}
	if allocated > 0 {
		t.Errorf("%.1f allocations a picture", allocated)
	}
	onGPU := &media.Frame{Visible: size, Coded: size.Even(), Surface: elsewhere{}}
	if same, err := s.fit(onGPU, media.Chroma444); err != nil || same != onGPU {
		t.Errorf("a picture on a GPU is not left alone: %v", err)
	}
}
