package scene

import (
	"testing"

	"nearlight/internal/media"
	"nearlight/internal/scene/play"
)

func TestAFloodOfInputLeavesNothingPressed(t *testing.T) {
	b := inbox{size: media.Size{Width: 640, Height: 360}}
	b.announce(7)
	for range mostEvents + 1 {
		b.put(play.KeyDown, 'w')
	}
	events := b.take()
	if len(events) != 2 || events[0].Kind != play.FocusLost || events[1].Kind != play.KeyDown || events[1].Sequence != 7 {
		t.Errorf("%d events, the first %+v", len(events), events[0])
	}
}

func TestThePointerStaysWithinThePicture(t *testing.T) {
	b := inbox{}
	b.resize(media.Size{Width: 640, Height: 360})
	for _, c := range []struct {
		relative   bool
		x, y       int
		atX, atY   int
		afterwards string
	}{
		{false, 100, 50, 100, 50, "a place"},
		{true, -30, 20, 70, 70, "a little motion"},
		{true, -5000, 5000, 0, 359, "a great one"},
		{false, 9999, -1, 639, 0, "a place outside"},
	} {
		b.move(c.relative, c.x, c.y)
		events := b.take()
		if last := events[len(events)-1]; last.Kind != play.Motion || last.X != c.atX || last.Y != c.atY {
			t.Errorf("after %s: %+v", c.afterwards, last)
		}
	}
	b.resize(media.Size{Width: 320, Height: 180})
	b.put(play.ButtonDown, 1)
	if events := b.take(); len(events) != 2 || events[1].X != 319 {
		t.Errorf("in a smaller picture: %+v", events)
	}
}
