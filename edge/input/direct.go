package input

import "nearlight/streamer/control"

// Target takes input in this very process, where no X server stands between it and what is played. Its methods return at
// once; they are called from one goroutine at a time.
type Target interface {
	// Announce tells the sequence of the input whose events follow, 0 for none yet.
	Announce(seq uint32)
	// Key presses or releases a physical key, by the kernel's code (linux/input-event-codes.h).
	Key(evdev uint16, down bool)
	// Button does the same with a button, by X's number: 1 left, 2 middle, 3 right, 4 to 7 the wheel's notches, 8 back, 9 forward.
	Button(number byte, down bool)
	// MoveTo puts the pointer to a place, in pixels, and MoveBy moves it from where it is.
	MoveTo(x, y int)
	MoveBy(dx, dy int)
}

// NewDirect makes an injector for a target. It drops text but for Enter and Tab, since a target has keys only. SetSize tells
// it how large the target's picture is.
func NewDirect(target Target, config Config) *Injector {
	var physical [256]bool
	for _, code := range control.Keys() {
		physical[code+evdevOffset] = true
	}
	return newInjector(direct{target}, physical, nil, config)
}

// direct is a display that is none.
type direct struct{ target Target }

func (d direct) announce(seq uint32)           { d.target.Announce(seq) }
func (d direct) key(code keycode, down bool)   { d.target.Key(uint16(code)-evdevOffset, down) }
func (d direct) button(number byte, down bool) { d.target.Button(number, down) }
func (d direct) moveTo(x, y int16)             { d.target.MoveTo(int(x), int(y)) }
func (d direct) moveBy(dx, dy int16)           { d.target.MoveBy(int(dx), int(dy)) }
func (direct) remap(_ keycode, _ []keysym)     {} // no keycode is free, so none is lent
