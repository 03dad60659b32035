package edge

import (
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
)

func TestLateKeyframesAreRareAndPrepared(t *testing.T) {
	var a audience
	now := media.Now()
	step := func(reason string, after time.Duration, wantKeyframe, wantMore bool) {
		t.Helper()
		now = now.Add(after)
		keyframe, more := a.plan(now)
		if keyframe != wantKeyframe || more != wantMore {
			t.Errorf("%s: keyframe %v, more bits %v", reason, keyframe, more)
		}
		a.end(keyframe, now)
	}
	const frame = 16 * time.Millisecond
	step("nobody looks on", frame, false, false)
	first, second := new(streamer.Peer), new(streamer.Peer)
	a.add(first)
	step("somebody comes: the frame before the keyframe", frame, false, true)
	step("the keyframe", frame, true, true)
	step("no other", frame, false, false)
	a.add(second)
	a.wantKeyframe()
	step("another comes at once: not within a second", 500*time.Millisecond, false, false)
	step("but then", 500*time.Millisecond, false, true)
	a.end(true, now) // the player asked for one meanwhile, which serves all
	step("a keyframe that was made for the player", frame, false, false)
	a.remove(first)
	a.remove(second)
	a.wantKeyframe()
	step("the last one has left", 2*time.Second, false, false)
}
