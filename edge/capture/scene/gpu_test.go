//go:build cgo

package scene

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"nearlight/internal/cuda"
	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
)

// hung is a canvas on this machine's GPU, entered on the test's thread.
func hung(t *testing.T, gpu *cuda.Context, size media.Size) *canvas {
	t.Helper()
	c, err := openCanvas(gpu, media.Chroma420, gles.OpenOn)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("COULD NOT RUN: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.leave(), c.close()); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(c.enter(), c.resize(size)); err != nil {
		t.Fatal(err)
	}
	t.Logf("drawn by %s", c.renderer.Target().Driver)
	return c
}

func TestGPUPicturesInCUDAAreThoseOfOpenGL(t *testing.T) {
	c := hung(t, cudatest.Retain(t), media.Size{Width: 1280, Height: 720})
	game, studio := scene.New(3), scene.NewStudio()
	got := make([]byte, 4*1280*720)
	for n := range 6 {
		game.Step(scene.Controls{Turn: 1})
		view := game.At(0, scene.Controls{}, scene.Pointer{})
		var frame media.Frame
		if err := c.draw(studio.Compose(&view, c.drawnSize()), &frame); err != nil {
			t.Fatal(err)
		}
		if err := frame.Surface.(*cuda.Picture).Read(got, 4*1280, nil); err != nil {
			t.Fatal(err)
		}
		target := n % gles.RingTargets
		c.ring.Fetch(target)
		want, err := c.ring.Pixels(target, patience)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("picture %d: CUDA's copy holds other pixels than OpenGL's texture", n)
		}
		c.ring.Release(target)
	}
}

func TestGPUOrElseTheProcessorDrawsOffScreen(t *testing.T) {
	cudatest.Wanted(t)
	gpu, err := cuda.Retain(os.Getenv(cudatest.LibrariesVariable), 0)
	if err == nil {
		t.Cleanup(func() { // after the canvas's
			if err := gpu.Close(); err != nil {
				t.Error(err)
			}
		})
	} else {
		t.Logf("no CUDA (%v): pictures are read back", err)
		gpu = nil
	}
	c := hung(t, gpu, media.Size{Width: 1920, Height: 1080})
	game, studio := scene.New(3), scene.NewStudio()
	var drawn, brought time.Duration
	const pictures = 60
	for n := range pictures + 1 {
		game.Step(scene.Controls{})
		view := game.At(0, scene.Controls{}, scene.Pointer{})
		picture := studio.Compose(&view, c.drawnSize())
		began := media.Now()
		var frame media.Frame
		if err := c.draw(picture, &frame); err != nil {
			t.Fatal(err)
		}
		if n > 0 { // the first compiles shaders
			drawn += frame.Times.GrabBegun.Sub(began)
			brought += frame.Times.Converted.Sub(frame.Times.GrabBegun)
		}
	}
	t.Logf("1920x1080: drawn in %v, handed over in %v", drawn/pictures, brought/pictures)
}
