package redraw_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"nearlight/checker/challenge/redraw"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
)

func TestAPictureIsDrawnTheSameWhateverWasDrawnBefore(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	p, err := redraw.Open(arena.Task{Seed: 3, Objects: 12}, size)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.Driver() == "" {
		t.Error("nobody draws")
	}
	paint := func(nonce arena.Nonce, since time.Duration) []byte {
		f := media.NewFrame(size)
		if err := p.Paint(nonce, since, f); err != nil {
			t.Fatal(err)
		}
		return f.Y.Data
	}
	first, other := paint(7, time.Second), paint(8, time.Second)
	if bytes.Equal(first, other) {
		t.Error("two nonces show the same")
	}
	if again := paint(7, time.Second); !bytes.Equal(first, again) {
		t.Error("drawn again it is another picture")
	}
	if err := p.Paint(7, 0, media.NewFrame(media.Size{Width: 64, Height: 64})); err == nil {
		t.Error("a frame of another size is painted")
	}
	if _, err := redraw.Open(arena.Task{}, media.Size{}); !errors.Is(err, media.ErrSize) {
		t.Errorf("no size: %v", err)
	}
}
