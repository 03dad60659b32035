//go:build linux && cgo

package gpubuffer_test

import (
	"os"
	"path/filepath"
	"testing"

	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/media"
)

func TestGPUMemoryBringsItsPictureToAnEncoder(t *testing.T) {
	cudatest.Wanted(t)
	nodes, err := filepath.Glob("/dev/dri/renderD*")
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes) == 0 {
		t.Skip("COULD NOT RUN: there is no /dev/dri/renderD*")
	}
	for _, node := range nodes {
		for _, inHost := range []bool{false, true} {
			try(t, gpubuffer.Config{Node: node, Libraries: os.Getenv(cudatest.LibrariesVariable), InHost: inHost})
		}
	}
}

// try says what came of a GPU, at sizes that suit each way.
func try(t *testing.T, config gpubuffer.Config) {
	t.Helper()
	device, err := gpubuffer.Open(config)
	if err != nil {
		t.Skipf("COULD NOT RUN: %v", err)
	}
	defer func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 1919, Height: 1079}} {
		trial, err := device.Try(size)
		if err != nil {
			t.Errorf("%s, %v: %v", config.Node, size, err)
			continue
		}
		t.Logf("%s (%s), %v: %v, layout %#x, in %v", config.Node, device.Driver(), size, trial.Way, trial.Layout, trial.Took)
	}
}
