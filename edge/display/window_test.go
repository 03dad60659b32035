package display

import (
	"testing"

	"nearlight/internal/media"
)

func TestPlace(t *testing.T) {
	screen := media.Size{Width: 1280, Height: 720}
	size := func(w, h int) media.Size { return media.Size{Width: w, Height: h} }
	for _, step := range []struct {
		reason string
		window window
		want   rectangle
	}{
		{"an ordinary window fills the screen", window{asked: size(640, 480)}, rectangle{0, 0, screen}},
		{"one that is larger than the screen shrinks", window{asked: size(1920, 1080)}, rectangle{0, 0, screen}},
		{"one of a fixed size is centred", window{asked: size(640, 480), hints: sizeHints{size(640, 480), size(640, 480)}}, rectangle{320, 120, size(640, 480)}},
		{"a largest width alone bounds the width", window{hints: sizeHints{max: size(800, 4000)}}, rectangle{240, 0, size(800, 720)}},
		{"one that cannot be as small as the screen starts at the corner", window{hints: sizeHints{min: size(1600, 900)}}, rectangle{0, 0, size(1600, 900)}},
		{"full screen overrules a fixed size", window{fullscreen: true, hints: sizeHints{size(640, 480), size(640, 480)}}, rectangle{0, 0, screen}},
		{"a dialog keeps its size", window{aside: true, asked: size(400, 200)}, rectangle{440, 260, size(400, 200)}},
		{"a full-screen dialog does not", window{aside: true, fullscreen: true, asked: size(400, 200)}, rectangle{0, 0, screen}},
	} {
		if got := step.window.place(screen); got != step.want {
			t.Errorf("%s: %v, want %v", step.reason, got, step.want)
		}
	}
}

func FuzzProperties(f *testing.F) {
	f.Add(octets32(1<<4|1<<5, 0, 0, 0, 0, 640, 480, 1280, 720, 0, 0, 0, 0, 0, 0, 0, 0, 0))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, property []byte) {
		hints := parseSizeHints(property)
		for _, side := range []int{hints.min.Width, hints.min.Height, hints.max.Width, hints.max.Height} {
			if side < 0 || side > largestWindow {
				t.Errorf("side %d", side)
			}
		}
		w := window{hints: hints, asked: media.Size{Width: 10, Height: 10}}
		if at := w.place(media.Size{Width: 1280, Height: 720}); at.x < 0 || at.y < 0 || at.size.Width < 0 || at.size.Height < 0 {
			t.Errorf("placed at %v", at)
		}
		refusesInput(property)
		if got := octets32(words32(property)...); len(got) != len(property)&^3 {
			t.Errorf("%d octets became %d", len(property), len(got))
		}
	})
}

func TestTheAuthorityFileIsReadByOthers(t *testing.T) {
	cookie := [cookieBytes]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	want := "\xff\xff\x00\x00\x00\x00\x00\x12MIT-MAGIC-COOKIE-1\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
	if got := string(authorityFile(cookie)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := setupRequest(cookie); len(got) != 12+20+16 {
		t.Errorf("the setup request has %d octets", len(got))
	}
}
