package media_test

import (
	"errors"
	"strings"
	"testing"

	"nearlight/internal/media"
)

type surface struct{}

func (surface) Place() string { return "memory of GPU 7" }

func TestAPictureOnAGPUPassesForItsSizesOnly(t *testing.T) {
	size := media.Size{Width: 321, Height: 180}
	frame := &media.Frame{Visible: size, Coded: size.Even(), Surface: surface{}}
	if err := frame.CheckSizes(); err != nil {
		t.Errorf("its sizes: %v", err)
	}
	if err := frame.Check(); !errors.Is(err, media.ErrFrame) || !strings.Contains(err.Error(), "memory of GPU 7") {
		t.Errorf("its planes: got %v, want media.ErrFrame and where it lies", err)
	}
	whole := media.NewFrame(size)
	whole.Surface = surface{} // planes beside a surface are not what is meant
	if err := whole.Check(); !errors.Is(err, media.ErrFrame) {
		t.Errorf("planes and a surface: got %v, want media.ErrFrame", err)
	}
	whole.Surface, whole.Coded = nil, size
	for name, err := range map[string]error{"Check": whole.Check(), "CheckSizes": whole.CheckSizes()} {
		if !errors.Is(err, media.ErrFrame) {
			t.Errorf("%s of an odd coded size: got %v, want media.ErrFrame", name, err)
		}
	}
}

func TestPlanesPassInTheirOwnChromaAlone(t *testing.T) {
	for _, size := range []media.Size{{Width: 64, Height: 48}, {Width: 33, Height: 17}} {
		for _, chroma := range []media.Chroma{media.Chroma420, media.Chroma444} {
			frame := media.NewFrameIn(chroma, size)
			if err := frame.CheckIn(chroma); err != nil {
				t.Errorf("%v in %v: %v", size, chroma, err)
			}
			if err := frame.CheckIn(media.Chroma444 - chroma); !errors.Is(err, media.ErrFrame) {
				t.Errorf("%v in %v as the other: got %v, want media.ErrFrame", size, chroma, err)
			}
		}
	}
	small := media.NewFrame(media.Size{Width: 64, Height: 48})
	small.Chroma = media.Chroma444 // with the colours of 4:2:0
	if err := small.CheckIn(media.Chroma444); !errors.Is(err, media.ErrFrame) {
		t.Errorf("planes that are too small: got %v, want media.ErrFrame", err)
	}
	if err := media.NewFrameIn(media.Chroma444, small.Visible).Check(); !errors.Is(err, media.ErrFrame) {
		t.Errorf("Check, which means 4:2:0: got %v, want media.ErrFrame", err)
	}
}
