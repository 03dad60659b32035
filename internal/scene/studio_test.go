package scene_test

import (
	"testing"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

var hd = media.Size{Width: 1280, Height: 720}

// BenchmarkCompose is all that a frame costs before it is drawn.
func BenchmarkCompose(b *testing.B) {
	g, s := scene.New(1), scene.NewStudio()
	view := g.At(0, scene.Controls{}, scene.Pointer{})
	s.Prepare(&view, hd)
	b.ReportAllocs()
	for b.Loop() {
		g.Step(scene.Controls{})
		g.Step(scene.Controls{})
		view = g.At(scene.Tick/2, scene.Controls{}, scene.Pointer{})
		s.Compose(&view, hd)
	}
}

// BenchmarkPrepare is all that the first picture builds.
func BenchmarkPrepare(b *testing.B) {
	g := scene.New(1)
	view := g.At(0, scene.Controls{}, scene.Pointer{})
	for b.Loop() {
		scene.NewStudio().Prepare(&view, hd)
	}
}
