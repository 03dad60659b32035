package edge

import (
	"slices"
	"testing"
	"time"

	"nearlight/internal/media"
)

func TestGovernorFollowsTheLoadAndDoesNotSwing(t *testing.T) {
	g := newGovernor(1, 60)
	now := media.Instant(0)
	changes := 0
	// run works for so many seconds at a load: the time that a frame takes at the fastest preset and the whole size.
	run := func(seconds int, load time.Duration) {
		for range seconds * g.now().rate {
			now = now.Add(g.now().interval())
			if g.observe(now, time.Duration(float64(load)*g.now().cost())) {
				changes++
			}
		}
	}
	for _, step := range []struct {
		reason  string
		seconds int
		load    time.Duration
		want    economy
	}{
		{"easy work: what was asked for", 5, 3 * time.Millisecond, economy{1, 60, 8}},
		{"too long with this preset, not with the fastest", 5, 10 * time.Millisecond, economy{0, 60, 8}},
		{"longer than a frame at 60, not at 45", 5, 18 * time.Millisecond, economy{0, 45, 8}},
		{"still too long for 60 with room to spare: no swinging", 30, 18 * time.Millisecond, economy{0, 45, 8}},
		{"too long for 45 as well", 5, 25 * time.Millisecond, economy{0, 30, 8}},
		{"too long for 30: three quarters of the size", 5, 36 * time.Millisecond, economy{0, 30, 6}},
		{"would fit the whole size, but not with room to spare", 30, 26 * time.Millisecond, economy{0, 30, 6}},
		{"never below the last step", 30, 300 * time.Millisecond, economy{0, 24, 4}},
		{"easy again, but only just now: patience", 5, 3 * time.Millisecond, economy{0, 24, 4}},
		{"easy for long: back to what was asked for, step by step", 120, 3 * time.Millisecond, economy{1, 60, 8}},
	} {
		run(step.seconds, step.load)
		if g.now() != step.want {
			t.Errorf("%s: %+v, want %+v", step.reason, g.now(), step.want)
		}
	}
	if want := 2 * (len(g.steps) - 1); changes != want {
		t.Errorf("%d changes, want %d: every step down and up once", changes, want)
	}
}

func TestGovernorForgivesASingleSlowSecond(t *testing.T) {
	g := newGovernor(0, 60)
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

func TestEconomiesNameEachStepOnce(t *testing.T) {
	for _, c := range []struct {
		reason      string
		speed, rate int
		want        []economy
	}{
		{"presets, then rates, then sizes", 2, 60, []economy{{2, 60, 8}, {1, 60, 8}, {0, 60, 8}, {0, 45, 8}, {0, 30, 8}, {0, 30, 6}, {0, 30, 4}, {0, 24, 4}}},
		{"a low rate has fewer steps", 0, 30, []economy{{0, 30, 8}, {0, 30, 6}, {0, 30, 4}, {0, 24, 4}}},
		{"the lowest rate has only sizes", 0, 24, []economy{{0, 24, 8}, {0, 24, 6}, {0, 24, 4}}},
	} {
		if got := economies(c.speed, c.rate); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.reason, got, c.want)
		}
	}
}

func TestASmallerPictureKeepsEvenSides(t *testing.T) {
	for _, c := range []struct {
		scale eighth
		of    media.Size
		want  media.Size
	}{
		{8, media.Size{Width: 1281, Height: 721}, media.Size{Width: 1281, Height: 721}},
		{6, media.Size{Width: 1280, Height: 720}, media.Size{Width: 960, Height: 540}},
		{4, media.Size{Width: 1366, Height: 768}, media.Size{Width: 682, Height: 384}},
		{4, media.Size{Width: 20, Height: 16}, media.Size{Width: 16, Height: 16}},
	} {
		if got := c.scale.of(c.of); got != c.want {
			t.Errorf("%d eighths of %v: %v, want %v", c.scale, c.of, got, c.want)
		}
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
