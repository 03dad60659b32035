package input

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"nearlight/streamer/control"
)

// notebook is a target that writes down what it is told.
type notebook struct{ said []string }

func (n *notebook) note(format string, args ...any) {
	n.said = append(n.said, fmt.Sprintf(format, args...))
}
func (n *notebook) Announce(seq uint32)           { n.note("input %d", seq) }
func (n *notebook) Key(evdev uint16, down bool)   { n.note("key %d %v", evdev, down) }
func (n *notebook) Button(number byte, down bool) { n.note("button %d %v", number, down) }
func (n *notebook) MoveTo(x, y int)               { n.note("to %d,%d", x, y) }
func (n *notebook) MoveBy(dx, dy int)             { n.note("by %d,%d", dx, dy) }

func TestATargetIsToldWhatADisplayWouldBe(t *testing.T) {
	var target notebook
	in := NewDirect(&target, Config{})
	in.SetSize(1280, 720)
	player := in.Join()
	const evdevW = 17
	for _, m := range []control.Message{
		&control.Key{Seq: 1, Code: evdevW, Down: true}, &control.Move{Seq: 2, X: 65535, Y: 0}, &control.Text{Seq: 3, Text: "ü"},
	} {
		player.Handle(m)
	}
	player.Leave()
	want := []string{"input 1", "key 17 true", "input 2", "to 1279,0", "key 17 false"}
	if !slices.Equal(target.said, want) {
		t.Errorf("the target was told %q, want %q", target.said, want)
	}
	if in.LastInput() != 2 || in.Stats().Dropped[Unknown] != 1 {
		t.Errorf("last input %d, %+v", in.LastInput(), in.Stats())
	}
}

func TestADirectInjectorRunsUntilItsContextEnds(t *testing.T) {
	in := NewDirect(&notebook{}, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}
