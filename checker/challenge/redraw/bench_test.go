package redraw_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nearlight/checker/challenge/redraw"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
)

func painter(t testing.TB, task arena.Task, size media.Size) *redraw.Painter {
	t.Helper()
	p, err := redraw.Open(task, size)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// What a task costs, with reading the picture and making luma of it.
func BenchmarkPaint(b *testing.B) {
	for _, size := range []media.Size{{Width: 640, Height: 360}, {Width: 1280, Height: 720}, {Width: 1920, Height: 1080}} {
		for _, objects := range []uint16{12, 48, 200, 1000, 4000, 16000} {
			b.Run(fmt.Sprintf("%v/%d", size, objects), func(b *testing.B) {
				p := painter(b, arena.Task{Seed: 5, Objects: objects}, size)
				b.Log(p.Driver())
				f := media.NewFrame(size)
				if err := p.Paint(9, 0, f); err != nil { // which builds the land
					b.Fatal(err)
				}
				for i := 0; b.Loop(); i++ {
					if err := p.Paint(9, time.Duration(i)*time.Second/60, f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
