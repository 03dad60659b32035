package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"nearlight/edge/capture/nvfbc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// checkNvFBC tries to grab the screen that this process's environment names through NvFBC. No session depends on it, as sessions
// run on displays that Nearlight starts, and those are Xvfb's: so whatever it finds is well.
func (d *doctor) checkNvFBC() finding {
	source, err := nvfbc.Open(nvfbc.Config{Libraries: d.nvidia})
	if err != nil {
		return nvfbcFinding("", media.Size{}, err)
	}
	size := source.Size()
	return nvfbcFinding(os.Getenv("DISPLAY"), size, source.Close())
}

// nvfbcFinding says what came of it: a screen of a size, or why there is none and what it would take.
func nvfbcFinding(display string, size media.Size, err error) finding {
	const what, unused = "nvfbc", "not needed: sessions run on Xvfb, which is captured through X11"
	switch {
	case err == nil:
		return finding{works, what, fmt.Sprintf("the screen of DISPLAY=%s (%v) can be grabbed on its GPU; %s", cmp.Or(display, "(default)"), size, unused), ""}
	case !errors.Is(err, nvfbc.ErrNotInstalled) && (errors.Is(err, cuda.ErrNoLibrary) || errors.Is(err, cuda.ErrNoDevice)):
		return finding{works, what, "no NVIDIA GPU with its driver; " + unused, ""}
	}
	f := trouble(works, what, err, "")
	if f.Remedy != "" {
		f.Detail += "; it would take this: " + f.Remedy
		f.Remedy = ""
	}
	f.Detail += "; " + unused
	return f
}
