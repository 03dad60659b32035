package play

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

var size = media.Size{Width: 1000, Height: 500}

func TestPicturesAreDueOnOneGridHoweverLateTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := media.Instant(rapid.Int64Range(1, 1<<50).Draw(t, "start"))
		p := NewPacer(rapid.IntRange(1, 240).Draw(t, "rate"), start)
		now := start
		for range 50 {
			due := p.Next(now)
			switch {
			case due <= now:
				t.Fatalf("due at %d, now is %d", due, now)
			case due.Sub(start)%p.period != 0:
				t.Fatal("off the grid")
			case due.Sub(now) > 2*p.period:
				t.Fatalf("waits %v", due.Sub(now))
			}
			now = due.Add(time.Duration(rapid.Int64Range(0, int64(5*p.period)).Draw(t, "late")))
		}
	})
}

func TestQualityGivesWayToSlowPicturesAndComesBackSlowly(t *testing.T) {
	const period = 16 * time.Millisecond
	q := newQuality(period)
	show := func(n int, took time.Duration) (reach float64) {
		for range n {
			reach = q.observe(took)
		}
		return reach
	}
	for _, step := range []struct {
		reason   string
		pictures int
		took     time.Duration
		low      float64
		high     float64
	}{
		{"quick pictures change nothing", 300, 4 * time.Millisecond, 1, 1},
		{"a slow window costs reach at once", qualityWindow, 14 * time.Millisecond, 0.85, 0.9},
		{"long overload goes to the floor and no further", 600, 30 * time.Millisecond, reachLeast, reachLeast},
		{"neither slow nor quick stays", 600, 8 * time.Millisecond, reachLeast, reachLeast},
		{"time to spare must last", (calmWindows - 1) * qualityWindow, 4 * time.Millisecond, reachLeast, reachLeast},
		{"then it gains a little", qualityWindow, 4 * time.Millisecond, reachLeast + 0.01, reachLeast + reachGained},
		{"and in the end all", 3000, 4 * time.Millisecond, 1, 1},
	} {
		if reach := show(step.pictures, step.took); reach < step.low-1e-9 || reach > step.high+1e-9 {
			t.Errorf("%s: reach %v, want %v to %v", step.reason, reach, step.low, step.high)
		}
	}
}

func TestAHeldKeysRepeatsAreDroppedAndATapIsNot(t *testing.T) {
	down, up := Event{Kind: KeyDown, Symbol: 'a', Time: 5}, Event{Kind: KeyUp, Symbol: 'a', Time: 9}
	repeatUp, repeatDown := Event{Kind: KeyUp, Symbol: 'a', Time: 7}, Event{Kind: KeyDown, Symbol: 'a', Time: 7}
	again := Event{Kind: KeyDown, Symbol: 'a', Time: 12}
	other := Event{Kind: KeyDown, Symbol: 'b', Time: 9}
	for _, row := range []struct {
		reason   string
		in, want []Event
	}{
		{"a repeat", []Event{down, repeatUp, repeatDown, repeatUp, repeatDown, up}, []Event{down, up}},
		{"released and pressed again later", []Event{down, up, again}, []Event{down, up, again}},
		{"another key at the same time", []Event{up, other}, []Event{up, other}},
		{"nothing", nil, nil},
	} {
		if got := WithoutRepeats(slices.Clone(row.in)); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.reason, got, row.want)
		}
	}
}

func TestKeysSteerWhileHeldAndATapLastsOnePicture(t *testing.T) {
	p := newPilot(size)
	if begun := p.apply(Event{Kind: KeyDown, Symbol: 'd', Sequence: 3}); begun != goRight || p.sequence != 3 {
		t.Errorf("begun %v, sequence %d", begun, p.sequence)
	}
	p.drawn()
	p.apply(Event{Kind: KeyDown, Symbol: keyUpward})
	p.apply(Event{Kind: KeyUp, Symbol: keyUpward})
	if got := p.controls(); got != (scene.Controls{Turn: 1, Climb: 1}) {
		t.Errorf("right held and up tapped: %+v", got)
	}
	p.drawn()
	if got := p.controls(); got != (scene.Controls{Turn: 1}) {
		t.Errorf("right held: %+v", got)
	}
	p.apply(Event{Kind: KeyDown, Symbol: 'a'})
	if got := p.controls(); got.Turn != 0 {
		t.Errorf("left and right: %+v", got)
	}
	p.apply(Event{Kind: FocusLost})
	p.drawn()
	if got := p.controls(); got != (scene.Controls{}) {
		t.Errorf("without focus: %+v", got)
	}
}

func TestTheMouseSteersOnceItIsMeantAndKeysTakeOver(t *testing.T) {
	p := newPilot(size)
	p.apply(Event{Kind: Motion, X: 900, Y: 250})
	if p.controls() != (scene.Controls{}) || p.used {
		t.Error("the first place of the pointer steers")
	}
	p.apply(Event{Kind: Motion, X: 950, Y: 250})
	if got := p.controls(); got.Turn != 1 || got.Climb != 0 || !p.used {
		t.Errorf("far right: %+v", got)
	}
	p.apply(Event{Kind: Motion, X: 500, Y: 20})
	if got := p.controls(); got.Turn != 0 || got.Climb != 1 {
		t.Errorf("top: %+v", got)
	}
	p.apply(Event{Kind: KeyDown, Symbol: 's'})
	p.apply(Event{Kind: KeyUp, Symbol: 's'})
	p.drawn()
	if got := p.controls(); got != (scene.Controls{}) || p.pointer().Shown {
		t.Errorf("after a key: %+v", got)
	}
	p.apply(Event{Kind: Motion, X: 300, Y: 250})
	if got := p.controls(); got.Turn >= 0 {
		t.Errorf("moved again: %+v", got)
	}
}

func TestAnyEventsLeaveControlsInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPilot(size)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			p.apply(Event{
				Kind:   Kind(rapid.IntRange(0, int(Closed)).Draw(t, "kind")),
				Symbol: rapid.SampledFrom([]uint32{0, 1, 2, 3, 'a', 'W', ' ', keyLeft, keyReturn, 1 << 31}).Draw(t, "symbol"),
				X:      rapid.IntRange(-40000, 40000).Draw(t, "x"), Y: rapid.IntRange(-40000, 40000).Draw(t, "y"),
			})
			c := p.controls()
			if !(c.Turn >= -1 && c.Turn <= 1 && c.Climb >= -1 && c.Climb <= 1) {
				t.Fatalf("%+v", c)
			}
		}
	})
}
