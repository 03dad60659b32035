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
