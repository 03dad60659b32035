package gles_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/scene/gles"
)

func TestGPUOfCUDAIsOneOfEGL(t *testing.T) {
	cudatest.Retain(t)
	drawsOn(t, gles.Adapter{NVIDIA: true})
}

func TestGPUsOfTheKernelAreThoseOfEGL(t *testing.T) {
	cudatest.Wanted(t)
	nodes, err := filepath.Glob("/dev/dri/renderD*")
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes) == 0 {
		t.Skip("COULD NOT RUN: there is no /dev/dri/renderD*")
	}
	for _, node := range nodes {
		drawsOn(t, gles.Adapter{RenderNode: node})
	}
}

// drawsOn opens a renderer on a GPU.
func drawsOn(t *testing.T, adapter gles.Adapter) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	context, err := gles.OpenOn(adapter)
	if err != nil {
		t.Skipf("COULD NOT RUN: %v", err)
	}
	defer context.Close()
	renderer, err := gles.NewRenderer(context)
	if err != nil {
		t.Fatal(err)
	}
	defer renderer.Close()
	t.Logf("%v draws by %s", adapter, renderer.Target().Driver)
}
