package input

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/streamer/control"
)

const keyW, keyA, keyEnter = 17, 30, 28

func TestInputsBecomeTheRightEvents(t *testing.T) {
	for name, row := range map[string]struct {
		messages []control.Message
		want     []string
	}{
		"a key goes down and up": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Key{Seq: 2, Code: keyW}},
			[]string{"key 17 true", "key 17 false"}},
		"a key that is told twice is pressed once": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Key{Seq: 2, Down: true, Code: keyW}},
			[]string{"key 17 true"}},
		"a key that was never down does not go up": {
			[]control.Message{&control.Key{Seq: 1, Code: keyW}}, nil},
		"the picture's corners are the screen's": {
			[]control.Message{&control.Move{Seq: 1}, &control.Move{Seq: 2, X: 65535, Y: 65535}, &control.Move{Seq: 3, X: 65535}},
			[]string{"to 0,0", "to 1279,719", "to 1279,0"}},
		"an older move comes too late": {
			[]control.Message{&control.Move{Seq: 2, X: 65535}, &control.Move{Seq: 1}},
			[]string{"to 1279,0"}},
		"a button clicks at its own place": {
			[]control.Message{&control.Button{Seq: 1, Down: true, At: true, X: 65535, Y: 65535}, &control.Button{Seq: 2, At: true}},
			[]string{"to 1279,719", "button 1 true at 1279,719", "to 0,0", "button 1 false at 0,0"}},
		"a late button clicks where the player did, then the pointer is where it was": {
			[]control.Message{&control.Move{Seq: 2, X: 65535, Y: 65535}, &control.Button{Seq: 1, Down: true, At: true}},
			[]string{"to 1279,719", "to 0,0", "button 1 true at 0,0", "to 1279,719"}},
		"a move from before a click does not undo its place": {
			[]control.Message{&control.Button{Seq: 2, Down: true, At: true, X: 65535}, &control.Move{Seq: 1}},
			[]string{"to 1279,0", "button 1 true at 1279,0"}},
		"five buttons have X's numbers": {
			[]control.Message{&control.Button{Seq: 1, Down: true, Button: 0}, &control.Button{Seq: 2, Down: true, Button: 1}, &control.Button{Seq: 3, Down: true, Button: 2},
				&control.Button{Seq: 4, Down: true, Button: 3}, &control.Button{Seq: 5, Down: true, Button: 4}},
			[]string{"button 1 true at 0,0", "button 2 true at 0,0", "button 3 true at 0,0", "button 8 true at 0,0", "button 9 true at 0,0"}},
		"a turn in parts of a pixel adds up": {
			[]control.Message{&control.Turn{Seq: 1, DX: 15}, &control.Turn{Seq: 2, DX: 31, DY: -8}, &control.Turn{Seq: 3, DX: 32, DY: -16}},
			[]string{"by 1,0", "by 1,-1"}},
		"a lost turn is made good by the next, an older one ignored": {
			[]control.Message{&control.Turn{Seq: 1, DX: 160}, &control.Turn{Seq: 3, DX: 480}, &control.Turn{Seq: 2, DX: 320}},
			[]string{"by 10,0", "by 20,0"}},
		"a place from before pointer lock does not throw the view around": {
			[]control.Message{&control.Turn{Seq: 3, DX: 16}, &control.Move{Seq: 2}, &control.Button{Seq: 1, Down: true, At: true, X: 65535}},
			[]string{"by 1,0", "button 1 true at 1,0"}},
		"movement from before the lock ended does not move the pointer": {
			[]control.Message{&control.Turn{Seq: 1, DX: 16}, &control.Move{Seq: 3}, &control.Turn{Seq: 2, DX: 1600}, &control.Turn{Seq: 4, DX: 1616}},
			[]string{"by 1,0", "to 0,0", "by 1,0"}},
		"the wheel clicks once a notch, right and down being positive": {
			[]control.Message{&control.Wheel{Seq: 1, DY: 120}, &control.Wheel{Seq: 2, DY: -120}, &control.Wheel{Seq: 3, DX: 120}, &control.Wheel{Seq: 4, DX: -120}},
			[]string{"button 5 true at 0,0", "button 5 false at 0,0", "button 4 true at 0,0", "button 4 false at 0,0",
				"button 7 true at 0,0", "button 7 false at 0,0", "button 6 true at 0,0", "button 6 false at 0,0"}},
		"a smooth wheel adds up to a notch": {
			[]control.Message{&control.Wheel{Seq: 1, DY: 50}, &control.Wheel{Seq: 2, DY: 50}, &control.Wheel{Seq: 3, DY: 50}, &control.Wheel{Seq: 4, DY: 89}},
			[]string{"button 5 true at 0,0", "button 5 false at 0,0"}},
		"a wheel that turns back forgets the part of a notch": {
			[]control.Message{&control.Wheel{Seq: 1, DY: 119}, &control.Wheel{Seq: 2, DY: -119}, &control.Wheel{Seq: 3, DY: 119}}, nil},
		"held presses what control has not told yet, and control's own press is no second one": {
			[]control.Message{&control.Held{Seq: 2, Keys: []uint16{keyW}}, &control.Key{Seq: 1, Down: true, Code: keyW}, &control.Key{Seq: 3, Code: keyW}},
			[]string{"key 17 true", "key 17 false"}},
		"held releases a key whose release was never noticed": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Held{Seq: 2}, &control.Key{Seq: 3, Down: true, Code: keyW}},
			[]string{"key 17 true", "key 17 false", "key 17 true"}},
		"a held from before the newest key is ignored": {
			[]control.Message{&control.Key{Seq: 2, Down: true, Code: keyW}, &control.Held{Seq: 1}},
			[]string{"key 17 true"}},
		"a tap that held overtook is still a tap": {
			[]control.Message{&control.Held{Seq: 3}, &control.Key{Seq: 1, Down: true, Code: keyW}, &control.Key{Seq: 2, Code: keyW}},
			[]string{"key 17 true", "key 17 false"}},
		"held presses no button that has a place, for its place is not known": {
			[]control.Message{&control.Move{Seq: 1}, &control.Held{Seq: 3, Buttons: 1}, &control.Button{Seq: 2, Down: true, At: true, X: 65535}},
			[]string{"to 0,0", "to 1279,0", "button 1 true at 1279,0"}},
		"held presses a button under pointer lock": {
			[]control.Message{&control.Turn{Seq: 1}, &control.Held{Seq: 3, Buttons: 2}, &control.Button{Seq: 2, Down: true, Button: 1}},
			[]string{"button 2 true at 0,0"}},
		"release lets go of everything": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyA}, &control.Key{Seq: 2, Down: true, Code: keyW}, &control.Button{Seq: 3, Down: true, Button: 2}, &control.Release{Seq: 4}},
			[]string{"key 30 true", "key 17 true", "button 3 true at 0,0", "key 17 false", "key 30 false", "button 3 false at 0,0"}},
		"a release that held overtook lets go of nothing newer": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Held{Seq: 3}, &control.Held{Seq: 5, Keys: []uint16{keyW}}, &control.Release{Seq: 2}, &control.Key{Seq: 4, Down: true, Code: keyW}},
			[]string{"key 17 true", "key 17 false", "key 17 true"}},
		"a line's end in text is Enter": {
			[]control.Message{&control.Text{Seq: 1, Text: "\n"}},
			[]string{"key 28 true", "key 28 false"}},
		"text does not press a key that is held": {
			[]control.Message{&control.Key{Seq: 1, Down: true, Code: keyEnter}, &control.Text{Seq: 2, Text: "\n"}},
			[]string{"key 28 true"}},
	} {
		t.Run(name, func(t *testing.T) {
			in, display := newFake(t)
			p := in.Join()
			for _, m := range row.messages {
				if !p.Handle(m) {
					t.Errorf("%T is not taken for input", m)
				}
			}
			if !slices.Equal(display.log, row.want) {
				t.Errorf("got  %q\nwant %q", display.log, row.want)
			}
		})
	}
}

func TestEachInputIsAnnouncedOnceBeforeItsEvents(t *testing.T) {
	in, display := newFake(t)
	p := in.Join()
	if in.LastInput() != 0 {
		t.Errorf("last input %d before the first", in.LastInput())
	}
	for _, m := range []control.Message{
		&control.Key{Seq: 1, Down: true, Code: keyW}, &control.Turn{Seq: 2, DX: 1}, &control.Wheel{Seq: 3, DY: 1}, // 2 and 3 move nothing yet
		&control.Held{Seq: 4, Keys: []uint16{keyW}}, &control.Button{Seq: 5, Down: true, At: true}, &control.Text{Seq: 6, Text: "äb"}, &control.Release{Seq: 7},
	} {
		p.Handle(m)
	}
	if want := []uint32{1, 5, 6, 7}; !slices.Equal(display.seqs, want) {
		t.Errorf("announced %v, want %v", display.seqs, want)
	}
	if in.LastInput() != 7 || in.Stats().Injected != 4 {
		t.Errorf("last input %d, %d injected, want 7 and 4", in.LastInput(), in.Stats().Injected)
	}
}

func TestANewConnectionsInputsAreAnnouncedThoughTheirNumbersAreOld(t *testing.T) {
	in, display := newFake(t)
	in.Join().Handle(&control.Key{Seq: 1, Down: true, Code: keyW})
	again := in.Join()
	if in.LastInput() != 0 {
		t.Errorf("last input %d of a connection that had none", in.LastInput())
	}
	again.Handle(&control.Key{Seq: 1, Down: true, Code: keyA})
	if want := []uint32{1, 0, 1}; !slices.Equal(display.seqs, want) {
		t.Errorf("announced %v, want %v", display.seqs, want)
	}
}

func TestAcksAndPingsAreNotInput(t *testing.T) {
	in, _ := newFake(t)
	for _, m := range []control.Message{&control.Ack{}, &control.Ping{}, &control.Alive{}, nil} {
		if in.Join().Handle(m) {
			t.Errorf("%T was taken for input", m)
		}
	}
}

func TestLeavingLetsGoOfEverythingAndWhatComesLaterIsDropped(t *testing.T) {
	in, display := newFake(t)
	p := in.Join()
	press := func(p *Player) {
		p.Handle(&control.Key{Seq: 1, Down: true, Code: keyW})
		p.Handle(&control.Button{Seq: 2, Down: true})
	}
	press(p)
	p.Leave()
	p.Leave()
	press(p)
	p.Handle(&control.Text{Seq: 3, Text: "ä"})
	if display.held() != 0 || len(display.typed) != 0 {
		t.Errorf("still held: %v %v, typed %q", display.down, display.pressed, display.typed)
	}
	if late := in.Stats().Dropped[Late]; late != 3 {
		t.Errorf("%d dropped as late, want 3", late)
	}
	again := in.Join() // the connection that resumes the session counts from 1 again
	press(again)
	if display.held() != 2 {
		t.Errorf("a new connection's input is ignored: %q", display.log)
	}
	in.Close()
	if display.held() != 0 {
		t.Errorf("closed with keys down: %v", display.down)
	}
	press(again)
	again.Leave()
	if display.held() != 0 {
		t.Errorf("pressed after Close: %v", display.down)
	}
}

func TestAKeyThatTwoPlayersHoldStaysDownForTheSecond(t *testing.T) {
	in, display := newFake(t)
	one, two := in.Join(), in.Join()
	one.Handle(&control.Key{Seq: 1, Down: true, Code: keyW})
	two.Handle(&control.Key{Seq: 1, Down: true, Code: keyW})
	one.Leave()
	if !display.down[keyW+evdevOffset] {
		t.Error("let go of with a holder left")
	}
	two.Leave()
	if display.held() != 0 {
		t.Error("held by nobody")
	}
}

func TestWhatCannotBeIsDroppedAndCountedByReason(t *testing.T) {
	in, display := newFake(t)
	p := in.Join()
	p.Malformed()
	p.Handle(&control.Key{Seq: 1, Down: true, Code: 464})                 // KEY_FN, which X has no number for
	p.Handle(&control.Key{Seq: 2, Down: true, Code: 84})                  // a code that no key of a browser has
	p.Handle(&control.Held{Seq: 3, Keys: []uint16{767}})                  // the same, held
	p.Handle(&control.Text{Seq: 4, Text: "\x00\x1b"})                     // control characters
	p.Handle(&control.Turn{Seq: 5, DX: 1 << 30})                          // 67 million pixels at once
	p.Handle(&control.Turn{Seq: 6, DX: 1<<30 + 16})                       // and one more
	p.Handle(&control.Wheel{Seq: 7, DY: 32767})                           // 273 notches at once
	p.Handle(&control.Turn{Seq: 6, DX: 0})                                // not newer
	p.Handle(&control.Button{Seq: 8, Down: true, Button: 200, At: false}) // Parse refuses it, yet it must not hurt
	want := map[Reason]uint64{Malformed: 1, Unknown: 6, Excess: 2, Stale: 1, TooFast: 0, Late: 0}
	if got := in.Stats().Dropped; !reflect.DeepEqual(got, want) {
		t.Errorf("dropped %v, want %v", got, want)
	}
	if display.x != 1 {
		t.Errorf("the pixel after the jump was lost: x = %d", display.x)
	}
	if clicks := len(display.log) - 1; clicks != 2*maxNotches {
		t.Errorf("%d clicks of the wheel, want %d notches", clicks, maxNotches)
	}
}

func TestFloodsAreLimitedAndNeverLeaveAKeyDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, display := newFake(t)
		p := in.Join()
		seq := uint32(0)
		mash := func(n int) (pressed int) {
			before := len(display.log)
			for range n {
				p.Handle(&control.Key{Seq: seq + 1, Down: true, Code: keyW})
				p.Handle(&control.Key{Seq: seq + 2, Code: keyW})
				seq += 2
			}
			return (len(display.log) - before) / 2
		}
		if n := mash(100_000); n != pressBurst {
			t.Errorf("%d presses at once, want %d", n, pressBurst)
		}
		if display.held() != 0 {
			t.Error("the flood left a key down")
		}
		time.Sleep(time.Second / 4)
		if n := mash(100_000); n != pressRate/4 {
			t.Errorf("%d presses after a quarter of a second, want %d", n, pressRate/4)
		}
		if fast := in.Stats().Dropped[TooFast]; fast != 200_000-pressBurst-pressRate/4 {
			t.Errorf("%d dropped", fast)
		}
		display.log = nil
		for range 10_000 {
			seq++
			p.Handle(&control.Move{Seq: seq, X: uint16(seq)})
		}
		if n := len(display.log); n != motionBurst {
			t.Errorf("%d moves at once, want %d", n, motionBurst)
		}
		time.Sleep(time.Second)
		p.Handle(&control.Turn{Seq: seq + 1, DX: 160})
		display.log = nil
		for i := range 3000 { // what the flood loses, the next message makes good
			p.Handle(&control.Turn{Seq: seq + 2 + uint32(i), DX: 160 + int32(i)*16})
		}
		time.Sleep(time.Second)
		x := display.x
		p.Handle(&control.Turn{Seq: seq + 5000, DX: 160 + 3000*16})
		if moved := x + 3000 - motionBurst; moved == x || !strings.HasPrefix(display.log[len(display.log)-1], "by 200") {
			t.Errorf("last moved %s, want the 2001 pixels that were missing", display.log[len(display.log)-1])
		}
	})
}

func TestAPersonAtFullSpeedIsNeverLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, _ := newFake(t)
		p := in.Join()
		seq := uint32(0)
		next := func() uint32 { seq++; return seq }
		for ms := range 10_000 { // a 1 kHz mouse, ten fingers at 15 taps a second, a spinning wheel, Held at 20 Hz
			p.Handle(&control.Turn{Seq: next(), DX: int32(ms) * 100})
			if ms%66 == 0 {
				for finger := range uint16(10) {
					p.Handle(&control.Key{Seq: next(), Down: true, Code: 16 + finger})
				}
			}
			if ms%66 == 33 {
				for finger := range uint16(10) {
					p.Handle(&control.Key{Seq: next(), Code: 16 + finger})
				}
			}
			if ms%16 == 0 {
				p.Handle(&control.Wheel{Seq: next(), DY: 8 * 120})
			}
			if ms%50 == 49 {
				held := &control.Held{Seq: next()}
				for finger := range uint16(10) {
					if p.keys[16+finger+evdevOffset].down {
						held.Keys = append(held.Keys, 16+finger)
					}
				}
				p.Handle(held)
			}
			time.Sleep(time.Millisecond)
		}
		for reason, n := range in.Stats().Dropped {
			if n != 0 {
				t.Errorf("%d dropped: %s", n, reason)
			}
		}
	})
}

func TestAPauseForgetsThePartOfANotch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, display := newFake(t)
		p := in.Join()
		p.Handle(&control.Wheel{Seq: 1, DY: 119})
		time.Sleep(wheelPause + time.Millisecond)
		p.Handle(&control.Wheel{Seq: 2, DY: 119})
		if len(display.log) != 0 {
			t.Errorf("clicked: %q", display.log)
		}
	})
}
