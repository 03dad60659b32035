package input

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/streamer/control"
)

func TestTextIsTypedWholeAndInOrderWithFewKeycodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, display := newFake(t) // eight free keycodes
		text := "größer 漢字かな交じり文 😀€ und so weiter"
		start := time.Now()
		in.Join().Handle(&control.Text{Seq: 1, Text: text})
		if got := string(display.typed); got != text {
			t.Errorf("typed %q, want %q", got, text)
		}
		if waited := time.Since(start); waited == 0 || waited > 3*quarantine {
			t.Errorf("took %v", waited)
		}
	})
}

func TestARepeatedCharacterKeepsItsKeycode(t *testing.T) {
	in, display := newFake(t)
	p := in.Join()
	p.Handle(&control.Text{Seq: 1, Text: "ää"})
	p.Handle(&control.Text{Seq: 2, Text: "ä"})
	if len(display.symbols) != 1 || string(display.typed) != "äää" {
		t.Errorf("%d keycodes for %q", len(display.symbols), string(display.typed))
	}
}

func TestAKeycodeIsNotLentAgainBeforeTheAppCouldLook(t *testing.T) {
	var clock time.Time
	clock = clock.Add(time.Hour)
	ty := newTypist([]keycode{8, 9, 11})
	codes, fresh, wait := ty.lend([]rune("abcd"), clock)
	if len(codes) != 3 || len(fresh) != 3 || wait != quarantine {
		t.Fatalf("lent %v, %v, wait %v", codes, fresh, wait)
	}
	clock = clock.Add(quarantine - time.Millisecond)
	if codes, _, wait = ty.lend([]rune("ad"), clock); len(codes) != 1 || wait != time.Millisecond {
		t.Errorf("lent %v, wait %v, want a's own keycode and a millisecond", codes, wait)
	}
	clock = clock.Add(time.Millisecond)
	if codes, _, wait = ty.lend([]rune("d"), clock); len(codes) != 1 || codes[0] == 8 || wait != 0 {
		t.Errorf("lent %v, wait %v, want one that rested longer than a's", codes, wait)
	}
}

func TestNeighbouringKeycodesAreMappedTogether(t *testing.T) {
	var got []keycode
	runs([]slot{{code: 8, char: 'a'}, {code: 9, char: '€'}, {code: 11, char: 'c'}}, func(first keycode, symbols []keysym) {
		got = append(got, first, keycode(len(symbols)))
	})
	if want := []keycode{8, 2, 11, 1}; string(got) != string(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLeavingAndClosingEndALongText(t *testing.T) {
	for name, end := range map[string]func(*Injector, *Player){
		"leave": func(_ *Injector, p *Player) { p.Leave() },
		"close": func(in *Injector, _ *Player) { in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, _ := newFake(t)
				p := in.Join()
				done := make(chan struct{})
				go func() {
					defer close(done)
					p.Handle(&control.Text{Seq: 1, Text: "abcdefghijklmnopqrstuvwxyz"})
				}()
				synctest.Wait() // it waits for keycodes, and motion goes on meanwhile
				p.Handle(&control.Move{Seq: 2})
				start := time.Now()
				end(in, p)
				<-done
				if waited := time.Since(start); waited != 0 {
					t.Errorf("it took %v", waited)
				}
			})
		})
	}
}

func TestAPasteLargerThanAPageIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, display := newFake(t)
		p := in.Join()
		for i := range uint32(100) {
			p.Handle(&control.Text{Seq: i + 1, Text: strings.Repeat("ab", control.MaxText/2)})
		}
		if len(display.typed) != textBurst || in.Stats().Dropped[TooFast] != 100-textBurst/control.MaxText {
			t.Errorf("typed %d characters, dropped %v", len(display.typed), in.Stats().Dropped)
		}
	})
}
