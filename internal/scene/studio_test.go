package scene_test

import (
	"testing"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
)

var hd = media.Size{Width: 1280, Height: 720}

func TestAPictureHasTheMarkersCellsOnTop(t *testing.T) {
	g, s := scene.New(1), scene.NewStudio()
	view := g.At(0, scene.Controls{}, scene.Pointer{})
	p := s.Compose(&view, hd)
	before := len(p.Overlay.Vertices)
	p.Mark(marker.New(media.Now(), 7, 1))
	if len(p.Overlay.Vertices)-before < 4*20 {
		t.Errorf("%d corners were added", len(p.Overlay.Vertices)-before)
	}
	for _, v := range p.Overlay.Vertices[before:] {
		if v.Position[0] > marker.Width || v.Position[1] > marker.Height || v.Colour[3] != 255 {
			t.Fatalf("%v lies outside the marker or shines through", v)
		}
	}
}

func TestComposingTheSameViewAgainAllocatesNothing(t *testing.T) {
	g, s := scene.New(1), scene.NewStudio()
	g.Start()
	view := g.At(0, scene.Controls{}, scene.Pointer{Shown: true})
	s.Prepare(&view, hd)
	// strconv.Itoa makes a string for numbers of three digits and more.
	if n := testing.AllocsPerRun(50, func() { s.Compose(&view, hd) }); n > 2 {
		t.Errorf("%v allocations a picture", n)
	}
}

func TestASavingStudioDrawsLess(t *testing.T) {
	triangles := func(reach float64) (n int) {
		s := scene.NewStudio()
		s.Reach, s.BuildLimit = reach, 0
		g := scene.New(1)
		view := g.At(0, scene.Controls{}, scene.Pointer{})
		for _, solid := range s.Compose(&view, hd).Solids {
			n += len(solid.Mesh.Indices) / 3
		}
		return n
	}
	if near, far := triangles(0.45), triangles(1); near >= far*3/4 {
		t.Errorf("%d triangles at the least reach, %d at the full", near, far)
	}
}

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
