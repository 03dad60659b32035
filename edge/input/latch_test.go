package input

import (
	"testing"

	"pgregory.net/rapid"

	"nearlight/streamer/control"
)

// However late control is, and whichever Held messages are lost or overtake each other: once everything has come the
// display is as the player is, and it never saw a press that was not made.
func TestLateAndLostMessagesNeverStickNorInventAPress(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in, display := newFake(t)
		p := in.Join()
		var late []*control.Key // sent, not come yet
		var flying []*control.Held
		down, presses, seq := false, 0, uint32(0)
		deliver := func() {
			p.Handle(late[0])
			late = late[1:]
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			seq++
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				down = !down
				if down {
					presses++
				}
				late = append(late, &control.Key{Seq: seq, Down: down, Code: keyW})
			case 2:
				held := &control.Held{Seq: seq}
				if down {
					held.Keys = []uint16{keyW}
				}
				flying = append(flying, held)
			case 3:
				if len(late) > 0 {
					deliver()
				}
			case 4:
				if len(flying) > 0 {
					i := rapid.IntRange(0, len(flying)-1).Draw(rt, "which")
					p.Handle(flying[i])
					flying = append(flying[:i], flying[i+1:]...)
				}
			}
		}
		for len(late) > 0 {
			deliver()
		}
		if display.down[keyW+evdevOffset] != down {
			rt.Fatalf("the display has the key down=%v, the player %v: %q", !down, down, display.log)
		}
		made := 0
		for _, event := range display.log {
			if event == "key 17 true" {
				made++
			}
		}
		if made > presses {
			rt.Fatalf("%d presses of %d: %q", made, presses, display.log)
		}
	})
}
