package edge

import (
	"testing"
	"time"

	"nearlight/internal/media"
)

func TestGovernorFollowsTheLoadAndDoesNotSwing(t *testing.T) {
	g := newGovernor(60)
	now := media.Instant(0)
	changes := 0
	run := func(seconds int, work time.Duration) {
		for range seconds * g.rate() {
			now = now.Add(time.Second / time.Duration(g.rate()))
			if g.observe(now, work) {
				changes++
			}
		}
	}
	for _, step := range []struct {
		reason  string
		seconds int
		work    time.Duration
		want    int
	}{
		{"easy work: what was asked for", 5, 3 * time.Millisecond, 60},
		{"longer than a frame at 60, not at 45", 5, 18 * time.Millisecond, 45},
		{"still too long for 60 with room to spare: no swinging", 30, 18 * time.Millisecond, 45},
		{"too long for 45 as well", 5, 25 * time.Millisecond, 30},
		{"never below the lowest rate", 20, 200 * time.Millisecond, 24},
		{"easy again, but only just now: patience", 5, 3 * time.Millisecond, 24},
		{"easy for long: back to what was asked for, step by step", 60, 3 * time.Millisecond, 60},
	} {
		run(step.seconds, step.work)
		if g.rate() != step.want {
			t.Errorf("%s: %d frames per second, want %d", step.reason, g.rate(), step.want)
		}
	}
	if changes != 6 {
		t.Errorf("%d changes of rate, want 6: three down, three up", changes)
	}
}

func TestGovernorForgivesASingleSlowSecond(t *testing.T) {
	g := newGovernor(60)
	for i := range 60 * 10 {
		work := 3 * time.Millisecond
		if i/60 == 4 {
			work = 40 * time.Millisecond
		}
		g.observe(media.Instant(i)*media.Instant(time.Second/60), work)
	}
	if !g.full() {
		t.Error("one slow second lowered the rate")
	}
}

func TestStillPictureIsSharpenedThenOnlyKeptAlive(t *testing.T) {
	var s still
	s.coded(false, 35)
	for range mostSharpenings {
		if s.idle() != sharpenAfter {
			t.Fatal("a coarse picture is not sent again soon")
		}
		s.coded(true, 30)
	}
	if s.idle() != keepAlive {
		t.Error("a picture that does not get sharper is sent for ever")
	}
	s.coded(false, 35)
	s.coded(true, sharpEnough)
	if s.idle() != keepAlive {
		t.Error("a sharp picture is sent again soon")
	}
}
