package main

import (
	"errors"
	"fmt"
	"testing"

	"nearlight/edge/capture/nvfbc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

func TestNvFBCIsToldAndNeverHoldsAnEdgeBack(t *testing.T) {
	const unused = "; not needed: sessions run on Xvfb, which is captured through X11"
	for _, c := range []struct {
		err  error
		says string
	}{
		{nil, "the screen of DISPLAY=:0 (1920x1080) can be grabbed on its GPU"},
		{fmt.Errorf("%w: %w", nvfbc.ErrUnavailable, cuda.ErrNoLibrary), "no NVIDIA GPU with its driver"},
		{fmt.Errorf("%w: %w: %w; install it", nvfbc.ErrUnavailable, nvfbc.ErrNotInstalled, cuda.ErrNoLibrary),
			"NvFBC capture unavailable: NvFBC is not installed: NVIDIA's driver was not found; it would take this: install it"},
		{fmt.Errorf("%w: %w; start Xorg", nvfbc.ErrUnavailable, nvfbc.ErrNoDisplay),
			"NvFBC capture unavailable: no X server on NVIDIA's driver; it would take this: start Xorg"},
		{errors.New("strange"), "strange"},
	} {
		f := nvfbcFinding(":0", media.Size{Width: 1920, Height: 1080}, c.err)
		if f.Verdict != works || f.Detail != c.says+unused || f.Remedy != "" {
			t.Errorf("%v: got %v", c.err, f)
		}
	}
}
