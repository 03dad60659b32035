package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nearlight/edge/capture/wayland/gpubuffer"
)

func TestTheGPUsMemoryIsToldAndNeverHoldsAnEdgeBack(t *testing.T) {
	const node, shared = "/dev/dri/renderD128", "--display wayland takes its pictures through shared memory"
	trial := gpubuffer.Trial{Way: gpubuffer.ReadBack, Took: 1200 * time.Microsecond}
	for _, c := range []struct {
		node   string
		err    error
		is     verdict
		says   string
		remedy string
	}{
		{"", nil, works, "no GPU with a render node (/dev/dri/renderD*): " + shared, ""},
		{node, nil, works, "--display wayland's pictures lie on /dev/dri/renderD128 (a card), and are read back through OpenGL, in 1.2 ms", ""},
		{node, fmt.Errorf("%w: no libgbm; install libgbm1", gpubuffer.ErrUnavailable), doubts, "no buffers in a GPU's memory: no libgbm: " + shared, "install libgbm1"},
		{node, errors.New("the picture differs"), doubts, "the picture differs: " + shared, ""},
	} {
		if f := gpuMemoryFinding(c.node, "a card", trial, c.err); f.Verdict != c.is || f.Detail != c.says || f.Remedy != c.remedy {
			t.Errorf("%v: got %+v", c.err, f)
		}
	}
}
