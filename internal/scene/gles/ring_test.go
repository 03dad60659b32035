package gles_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
)

const patience = 10 * time.Second // llvmpipe compiles shaders in the first picture

func newRing(t testing.TB, e *easel, size media.Size) *gles.Ring {
	t.Helper()
	ring, err := e.renderer.NewRing(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ring.Close)
	return ring
}

func TestARingsPicturesAreThoseOfDrawAndRead(t *testing.T) {
	for _, size := range []media.Size{{Width: 640, Height: 360}, {Width: 321, Height: 181}} {
		e := newEasel(t, 9, size)
		ring := newRing(t, e, size)
		want := make([]byte, 4*size.Width*size.Height)
		for n := range 2*gles.RingTargets + 1 {
			e.play(200*time.Millisecond, scene.Controls{Turn: 0.5})
			view := e.game.At(0, scene.Controls{}, scene.Pointer{})
			picture := e.studio.Compose(&view, size)
			target, err := ring.Draw(picture)
			if err != nil || target != n%gles.RingTargets {
				t.Fatalf("target %d: %v", target, err)
			}
			if err := ring.Wait(target, patience); err != nil {
				t.Fatal(err)
			}
			ring.Fetch(target)
			got, err := ring.Pixels(target, patience)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(e.renderer.Draw(picture), e.renderer.Read(want)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%v, picture %d: other pixels than the renderer's own", size, n)
			}
			ring.Release(target)
		}
	}
}

func TestAPictureStandsWhileTheNextIsDrawn(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	e := newEasel(t, 9, size)
	ring := newRing(t, e, size)
	draw := func() int {
		e.play(500*time.Millisecond, scene.Controls{Turn: 1})
		view := e.game.At(0, scene.Controls{}, scene.Pointer{})
		target, err := ring.Draw(e.studio.Compose(&view, size))
		if err != nil {
			t.Fatal(err)
		}
		ring.Fetch(target)
		return target
	}
	first := draw()
	pixels, err := ring.Pixels(first, patience)
	if err != nil {
		t.Fatal(err)
	}
	kept := bytes.Clone(pixels)
	second := draw()
	next, err := ring.Pixels(second, patience)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(pixels, kept) || bytes.Equal(pixels, next) || ring.Texture(first) == ring.Texture(second) {
		t.Error("two pictures share a target")
	}
}

func TestWhatWasNotBegunIsNotWaitedFor(t *testing.T) {
	e := newEasel(t, 1, hd)
	ring := newRing(t, e, hd)
	if err := ring.Wait(0, patience); !errors.Is(err, gles.ErrStalled) {
		t.Errorf("nothing drawn: %v", err)
	}
	if _, err := ring.Pixels(0, patience); !errors.Is(err, gles.ErrStalled) {
		t.Errorf("nothing fetched: %v", err)
	}
	if _, err := e.renderer.NewRing(media.Size{Width: 1, Height: 1}); !errors.Is(err, media.ErrSize) {
		t.Errorf("1x1: %v", err)
	}
}

func TestAGPUThatIsNotThereIsNamed(t *testing.T) {
	for _, c := range []struct {
		adapter gles.Adapter
		named   string
	}{
		{gles.Adapter{NVIDIA: true, Ordinal: 77}, "NVIDIA's GPU 77"},
		{gles.Adapter{RenderNode: "/dev/dri/renderD999"}, "/dev/dri/renderD999"},
	} {
		context, err := gles.OpenOn(c.adapter)
		if err == nil {
			context.Close()
		}
		if !errors.Is(err, gles.ErrUnavailable) || !bytes.Contains([]byte(err.Error()), []byte(c.named)) {
			t.Errorf("%v: %v", c.adapter, err)
		}
	}
}

// BenchmarkReadBack is how long the pixels of a picture that is complete take to be in memory: by a ring's buffer, and by
// Read, which waits in the driver.
func BenchmarkReadBack(b *testing.B) {
	for _, size := range []media.Size{hd, {Width: 1920, Height: 1080}} {
		b.Run("ring/"+size.String(), func(b *testing.B) {
			e, picture := finished(b, size)
			ring := newRing(b, e, size)
			target, err := ring.Draw(picture)
			if err := errors.Join(err, ring.Wait(target, patience)); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				ring.Fetch(target)
				if _, err := ring.Pixels(target, patience); err != nil {
					b.Fatal(err)
				}
				ring.Release(target)
			}
		})
		b.Run("read/"+size.String(), func(b *testing.B) {
			e, picture := finished(b, size)
			pixels := make([]byte, 4*size.Width*size.Height)
			if err := errors.Join(e.renderer.Draw(picture), e.renderer.Read(pixels)); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := e.renderer.Read(pixels); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// finished is an easel with a picture for it. Its context belongs to the calling thread.
func finished(b *testing.B, size media.Size) (*easel, *scene.Picture) {
	e := newEasel(b, 1, size)
	view := e.game.At(0, scene.Controls{}, scene.Pointer{})
	return e, e.studio.Compose(&view, size)
}
