package play

import (
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

const frame = 16 * time.Millisecond

// begun is a show whose clock has just started.
func begun(config Config) (*Show, media.Instant) {
	s := New(config)
	now := media.Instant(time.Hour)
	s.Begin(size, frame, now)
	return s, now
}

func show(s *Show, now media.Instant) {
	s.Picture(size, now)
	s.Shown(time.Millisecond)
}

func TestAPauseIsShownOnceAndEndsWithAnyKey(t *testing.T) {
	s, now := begun(Config{})
	show(s, now)
	if s.Still() {
		t.Fatal("still from the beginning")
	}
	s.Take(Event{Kind: KeyDown, Symbol: 'p', Sequence: 4}, now)
	if s.Still() || s.Input() != 4 {
		t.Errorf("the pause is to be shown: still %v, input %d", s.Still(), s.Input())
	}
	show(s, now.Add(frame))
	if !s.Still() {
		t.Error("a paused game goes on")
	}
	before := s.game.Ticks
	s.Take(Event{Kind: Exposed}, now.Add(time.Second))
	show(s, now.Add(time.Second))
	if s.game.Ticks != before {
		t.Errorf("a paused game stepped %d ticks", s.game.Ticks-before)
	}
	s.Take(Event{Kind: KeyDown, Symbol: 'd', Sequence: 5}, now.Add(2*time.Second))
	show(s, now.Add(2*time.Second+frame))
	if s.Still() || s.game.Ticks == before || s.game.Ticks-before > uint64(frame/scene.Tick)+1 {
		t.Errorf("after the pause: still %v, %d ticks for one picture", s.Still(), s.game.Ticks-before)
	}
}

func TestNobodysGameRestsButAMeasuredOne(t *testing.T) {
	for _, c := range []struct {
		reason string
		config Config
		rests  bool
	}{
		{"a player who has left", Config{Rest: time.Second}, true},
		{"a benchmark", Config{Rest: time.Second, Measure: true}, false},
	} {
		s, now := begun(c.config)
		for range 80 {
			now = now.Add(frame)
			show(s, now)
		}
		if s.Still() != c.rests {
			t.Errorf("%s: still %v", c.reason, s.Still())
		}
	}
}

func TestAStallIsNotCaughtUpWith(t *testing.T) {
	s, now := begun(Config{})
	show(s, now)
	before := s.game.Ticks
	show(s, now.Add(time.Minute))
	if stepped := s.game.Ticks - before; stepped > uint64(maxCatchUp/scene.Tick) {
		t.Errorf("%d ticks at once", stepped)
	}
}

func TestEveryKeyThatMeansSomethingHasACodeOfTheKernel(t *testing.T) {
	named := map[uint32]bool{}
	for code, symbol := range symbols {
		if Symbol(code) != symbol || keyAction(symbol) == 0 {
			t.Errorf("key %d is %#x, which does nothing", code, symbol)
		}
		named[symbol] = true
	}
	for _, symbol := range []uint32{'w', 'a', 's', 'd', 'r', 'p', ' ', keyReturn, keyShiftL, keyShiftR, keyUpward, keyLeft, keyRight, keyDownw} {
		if !named[symbol] {
			t.Errorf("no key is %#x", symbol)
		}
	}
	if Symbol(1) != 0 {
		t.Error("Escape means something")
	}
}
