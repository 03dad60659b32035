package encoder

import (
	"testing"

	"nearlight/internal/media"
)

func TestHistoryFindsWhatALossSpoils(t *testing.T) {
	type loss struct{ first, last media.Instant }
	for _, c := range []struct {
		reason   string
		coded    int // pictures captured at 0, 10, 20 ...
		idr      int
		earlier  []loss
		loss     loss
		from     int64
		goodLeft bool
	}{
		{"the newest picture", 6, 0, nil, loss{50, 50}, 5, true},
		{"a range is spoilt from its first picture on", 6, 0, nil, loss{30, 40}, 3, true},
		{"instants between captures belong to the next picture", 6, 0, nil, loss{31, 45}, 4, true},
		{"all that is kept", 6, 0, nil, loss{20, 50}, 2, false},
		{"older than what is kept", 6, 0, nil, loss{0, 0}, 0, false},
		{"before the last keyframe nothing matters", 6, 4, nil, loss{0, 30}, -1, true},
		{"the keyframe itself", 6, 4, nil, loss{10, 40}, 4, false},
		{"what was told before does no harm again", 6, 0, []loss{{40, 50}}, loss{40, 50}, -1, true},
		{"a wider report of the same loss", 6, 0, []loss{{40, 50}}, loss{30, 50}, 3, true},
		{"a picture that was never coded", 6, 0, nil, loss{60, 90}, -1, true},
		{"longer ago than is remembered", 300, 0, nil, loss{0, 5}, 300 - remembered, false},
	} {
		h := History{Depth: 4}
		for i := range c.coded {
			h.Add(media.Instant(10*i), i == c.idr)
		}
		for _, l := range c.earlier {
			h.Lose(l.first, l.last)
		}
		if from, good := h.Lose(c.loss.first, c.loss.last); from != c.from || good != c.goodLeft {
			t.Errorf("%s: from %d, good left %v; want %d, %v", c.reason, from, good, c.from, c.goodLeft)
		}
	}
}

func TestHistoryTrustsWhatCameAfterALoss(t *testing.T) {
	h := History{Depth: 4}
	for i := range 6 {
		h.Add(media.Instant(10*i), i == 0)
	}
	h.Lose(40, 50)
	for i := 6; i < 12; i++ {
		h.Add(media.Instant(10*i), false)
	}
	if from, good := h.Lose(40, 50); from >= 0 || !good {
		t.Errorf("a late copy of the report: from %d, good left %v", from, good)
	}
}

func TestHistoryTellsWhatTheNextPictureDoesWithout(t *testing.T) {
	h := History{Depth: 4}
	if h.Skips() != 0 {
		t.Error("before the first picture there is nothing to do without")
	}
	for i := range 6 {
		h.Add(media.Instant(10*i), i == 0)
	}
	for _, c := range []struct {
		reason string
		loss   media.Instant
		skips  int
	}{
		{"a picture that was never coded", 90, 0},
		{"the newest picture", 50, 1},
		{"the third newest and what was made from it", 30, 3},
		{"all that is kept", 20, 0},
	} {
		if h.Lose(c.loss, c.loss); h.Skips() != c.skips {
			t.Errorf("%s: %d, want %d", c.reason, h.Skips(), c.skips)
		}
	}
	h.Add(60, true)
	if h.Skips() != 0 {
		t.Error("the picture after a keyframe refers to it")
	}
}
