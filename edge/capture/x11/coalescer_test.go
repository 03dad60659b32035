package x11

import (
	"math"
	"testing"
	"time"

	"nearlight/internal/media"
)

const (
	ms       = time.Millisecond
	us       = time.Microsecond
	full     = 1280 * 720
	interval = 16750 * us
)

// drawn is one burst of an app: when its damage came, relative to the one before.
type drawn struct {
	after    time.Duration // from the last burst's first damage
	lasts    time.Duration // from its first to its last damage
	grabbed  time.Duration // from its last damage
	area     int
	found    bool
	capped   bool
	repeated int // zero means once
}

func learn(bursts []drawn) coalescer {
	var c coalescer
	at := media.Instant(time.Hour)
	for _, d := range bursts {
		for range max(d.repeated, 1) {
			at = at.Add(d.after)
			last := at.Add(d.lasts)
			c.observe(burst{first: at, last: last, grabbed: last.Add(d.grabbed), area: d.area, found: d.found, capped: d.capped})
		}
	}
	return c
}

func TestCoalescerLearnsWhetherToGrabAtOnce(t *testing.T) {
	single := drawn{after: interval, grabbed: 600 * us, area: full, repeated: 10}
	for _, row := range []struct {
		name   string
		bursts []drawn
		atOnce bool
		reason string
	}{
		{"nothing known", nil, false, "an app may well draw piece by piece: its first frames are followed"},
		{"two single frames", []drawn{{after: interval, area: full, repeated: 2}}, false, "could be chance"},
		{"three single frames", []drawn{{after: interval, area: full, repeated: 3}}, true, "this app draws a frame by one request"},
		{"frames drawn over 2 ms", []drawn{{after: interval, lasts: 2 * ms, area: full, repeated: 20}}, false, "grabbing at once would tear each"},
		{"damage 1 ms after a grab", []drawn{single, {after: 1600 * us, grabbed: 600 * us, area: full}}, false, "the frame grabbed before was unfinished"},
		{"damage 3.4 ms after a grab", []drawn{single, {after: 4 * ms, grabbed: 600 * us, area: full}}, false, "no game draws at more than 240 Hz"},
		{"a 240 Hz source", []drawn{{after: 4166 * us, grabbed: 600 * us, area: full, repeated: 10}}, true, "3.56 ms after a grab is its next frame"},
		{"a 144 Hz source", []drawn{{after: 6940 * us, grabbed: 600 * us, area: full, repeated: 10}}, true, "6.3 ms after a grab is the next frame"},
		{"damage found 6 ms after a grab", []drawn{single, {after: 6600 * us, grabbed: 600 * us, area: full, found: true}}, false,
			"it came at any time in these 6 ms, so probably late"},
		{"a caller slower than the app", []drawn{{after: 12 * ms, grabbed: 600 * us, area: full, found: true, repeated: 10}}, true,
			"damage that is there after 11 ms is the next frame"},
		{"damage 1 ms after a capped grab", []drawn{{after: interval, grabbed: 6 * ms, area: full, capped: true, repeated: 10}, {after: 7 * ms, area: full}},
			true, "the cap chose that instant, not the app"},
		{"three single frames after one mistake", []drawn{single, {after: 1600 * us, grabbed: 600 * us, area: full}, {after: interval, area: full, repeated: 3}},
			false, "after a mistake twice as many are asked for"},
		{"six single frames after one mistake", []drawn{single, {after: 1600 * us, grabbed: 600 * us, area: full}, {after: interval, area: full, repeated: 6}},
			true, "and then it is believed again"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := learn(row.bursts)
			if got := c.plan().enough != math.MaxInt; got != row.atOnce {
				t.Errorf("at once: %v, because %s", got, row.reason)
			}
		})
	}
}

func TestAnAppThatKeepsMisleadingIsTrustedEverMoreRarely(t *testing.T) {
	var c coalescer
	at := media.Instant(time.Hour)
	mistakes := 0
	for range 60 * 60 { // a minute of frames that are finished by late damage whenever they are grabbed at once
		at = at.Add(interval)
		c.observe(burst{first: at, last: at, grabbed: at.Add(600 * us), area: full})
		if c.atOnce() {
			mistakes++
			late := at.Add(2 * ms)
			c.observe(burst{first: late, last: late, grabbed: late.Add(600 * us), area: full})
		}
	}
	if mistakes > 30 {
		t.Errorf("%d torn frames a minute", mistakes)
	}
}

func TestTrustComesBackWhenAnAppMendsItsWays(t *testing.T) {
	misled := drawn{after: 2 * ms, grabbed: 600 * us, area: full}
	good := drawn{after: interval, grabbed: 600 * us, area: full, repeated: 200}
	c := learn([]drawn{good, misled, good, misled, good, misled, good, misled})
	strict := c.asked
	good.repeated = 10000
	c2 := learn([]drawn{good, misled, good})
	if c2.asked >= strict || c2.asked != fewestSingles {
		t.Errorf("still asks for %d singles after thousands (%d after four mistakes)", c2.asked, strict)
	}
}

func TestPlanDeadline(t *testing.T) {
	const first = media.Instant(time.Hour)
	waiting := (&coalescer{}).plan()
	trained := learn([]drawn{{after: interval, grabbed: 600 * us, area: full, repeated: 10}})
	atOnce := trained.plan()
	for _, row := range []struct {
		name   string
		plan   plan
		last   time.Duration
		area   int
		want   time.Duration
		reason string
	}{
		{"waiting, first damage", waiting, 0, full, ms, "a quiet millisecond ends the burst"},
		{"waiting, more damage", waiting, 2 * ms, full, 3 * ms, "each damage starts the quiet anew"},
		{"waiting, without end", waiting, 3800 * us, full, 4 * ms, "no burst lasts longer than 4 ms"},
		{"at once, a whole frame", atOnce, 0, full, 0, "it is complete"},
		{"at once, most of a frame", atOnce, 0, full * 4 / 5, 0, "as good as a whole frame"},
		{"at once, a small part", atOnce, 0, 100, ms, "the frame itself may be about to follow; without the wait it would have to wait for the next slot"},
		{"at once, the rest of it", atOnce, 700 * us, full, 700 * us, "the frame followed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.plan.deadline(first, first.Add(row.last), row.area).Sub(first); got != row.want {
				t.Errorf("grabs after %v, want %v: %s", got, row.want, row.reason)
			}
		})
	}
}

func TestTheUsualFrameShrinksWithTheApp(t *testing.T) {
	c := learn([]drawn{
		{after: interval, grabbed: 600 * us, area: full, repeated: 10},
		{after: interval, grabbed: 600 * us, area: 64 * 64, repeated: 60},
	})
	if enough := c.plan().enough; enough > 64*64 {
		t.Errorf("after a second of small frames %d pixels are still asked for", enough)
	}
}
