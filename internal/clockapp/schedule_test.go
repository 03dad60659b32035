package clockapp

import (
	"bytes"
	"testing"
	"time"

	"nearlight/internal/media"
)

func TestTheScheduleDoesNotDrift(t *testing.T) {
	s := schedule{start: media.Instant(time.Hour), rate: 59.7}
	const pictures = 597 * 60 * 60 // ten hours
	if got := s.tick(pictures).Sub(s.start); got != 10*time.Hour {
		t.Errorf("%v after ten hours of pictures", got)
	}
	for n := int64(1); n < 1000; n++ {
		if gap := s.tick(n).Sub(s.tick(n - 1)); gap < 16_750_418 || gap > 16_750_420 {
			t.Fatalf("%v before picture %d", gap, n)
		}
	}
}

func TestMissedTicksAreNotMadeUpFor(t *testing.T) {
	s := schedule{start: media.Instant(time.Hour), rate: 50}
	for _, row := range []struct {
		name string
		last int64
		now  time.Duration
		want int64
	}{
		{"in time", 4, 81 * time.Millisecond, 5},
		{"woken a little early", 4, 79 * time.Millisecond, 5},
		{"late by half an interval", 4, 110 * time.Millisecond, 5},
		{"late by four intervals", 4, 165 * time.Millisecond, 8},
	} {
		if got := s.next(row.last, s.start.Add(row.now)); got != row.want {
			t.Errorf("%s: picture %d, want %d", row.name, got, row.want)
		}
	}
}

func TestThePictureNeverRestsNorLeavesItsBounds(t *testing.T) {
	lastLeft, lastTop := position(-1)
	for n := int64(0); n < 600; n++ {
		left, top := position(n)
		if left < 0 || top < 0 || left > travel || top > travel {
			t.Fatalf("picture %d begins at %d,%d", n, left, top)
		}
		if left == lastLeft && top == lastTop {
			t.Errorf("picture %d rests at %d,%d", n, left, top)
		}
		lastLeft, lastTop = left, top
	}
}

func TestEachTintIsAPictureOfItsOwn(t *testing.T) {
	size := media.Size{Width: 200, Height: 100}
	var painted [tints][]byte
	for tint := range painted {
		painted[tint] = make([]byte, 4*size.Width*size.Height)
		newCanvas().paint(painted[tint], size, tint)
		for other := range tint {
			if bytes.Equal(painted[tint], painted[other]) {
				t.Errorf("tints %d and %d look alike", other, tint)
			}
		}
	}
}

func BenchmarkPaint(b *testing.B) {
	size := pictureSize(media.Size{Width: 1280, Height: 720})
	pixels := make([]byte, 4*size.Width*size.Height)
	for b.Loop() {
		canvas := newCanvas()
		for tint := range tints {
			canvas.paint(pixels, size, tint)
		}
	}
}
