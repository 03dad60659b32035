package input

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"nearlight/streamer/control"
)

type (
	keycode = xproto.Keycode
	keysym  = xproto.Keysym
)

// evdevOffset is what X adds to the kernel's key codes.
const evdevOffset = 8

// display is the X end: each call is one request without an answer.
type display interface {
	announce(seq uint32)
	key(code keycode, down bool)
	button(number byte, down bool)
	moveTo(x, y int16)
	moveBy(dx, dy int16)
	remap(first keycode, symbols []keysym)
}

// xserver is the real display. Relative motion through XTEST is not accelerated, whatever the app sets.
type xserver struct {
	conn     *xgb.Conn
	root     xproto.Window
	property xproto.Atom
	value    [4]byte
}

var _ display = (*xserver)(nil)

// connect prepares conn for injecting and asks for news of the root window's size.
func connect(conn *xgb.Conn) (*xserver, error) {
	if err := xtest.Init(conn); err != nil {
		return nil, fmt.Errorf("XTEST extension: %w", err)
	}
	if _, err := xtest.GetVersion(conn, 2, 2).Reply(); err != nil {
		return nil, fmt.Errorf("XTEST version: %w", err)
	}
	// An app that grabs the server would otherwise hold up the input that it waits for.
	if err := xtest.GrabControlChecked(conn, true).Check(); err != nil {
		return nil, fmt.Errorf("XTEST grab control: %w", err)
	}
	x := &xserver{conn: conn, root: xproto.Setup(conn).DefaultScreen(conn).Root}
	atom, err := xproto.InternAtom(conn, false, uint16(len(PropertyName)), PropertyName).Reply()
	if err != nil {
		return nil, fmt.Errorf("atom %s: %w", PropertyName, err)
	}
	x.property = atom.Atom
	if err := xproto.ChangeWindowAttributesChecked(conn, x.root, xproto.CwEventMask, []uint32{xproto.EventMaskStructureNotify}).Check(); err != nil {
		return nil, fmt.Errorf("watch the root window: %w", err)
	}
	return x, nil
}

// size asks for the screen's size.
func (x *xserver) size() (width, height int, err error) {
	geometry, err := xproto.GetGeometry(x.conn, xproto.Drawable(x.root)).Reply()
	if err != nil {
		return 0, 0, fmt.Errorf("size of the root window: %w", err)
	}
	return int(geometry.Width), int(geometry.Height), nil
}

// keys asks which keycodes are physical keys, and which are free to be lent to characters: those that no physical key
// sends and that are no modifier.
func (x *xserver) keys() (physical [256]bool, free []keycode, err error) {
	setup := xproto.Setup(x.conn)
	first, last := setup.MinKeycode, setup.MaxKeycode
	mapping, err := xproto.GetKeyboardMapping(x.conn, first, byte(last-first)+1).Reply()
	if err != nil {
		return physical, nil, fmt.Errorf("keyboard mapping: %w", err)
	}
	if err := checkEvdev(first, mapping); err != nil {
		return physical, nil, err
	}
	modifiers, err := xproto.GetModifierMapping(x.conn).Reply()
	if err != nil {
		return physical, nil, fmt.Errorf("modifier mapping: %w", err)
	}
	for _, code := range control.Keys() {
		physical[code+evdevOffset] = true
	}
	for code := int(first); code <= int(last); code++ {
		if !physical[code] && !slices.Contains(modifiers.Keycodes, keycode(code)) {
			free = append(free, keycode(code))
		}
	}
	if len(free) == 0 {
		return physical, nil, fmt.Errorf("%w: no keycode is free for typing text", ErrKeymap)
	}
	return physical, free, nil
}

// checkEvdev tells a display that numbers its keys as the kernel does from one that does not (the old "xfree86" rules,
// a VNC server): there, each key would be another one.
func checkEvdev(first keycode, mapping *xproto.GetKeyboardMappingReply) error {
	for code, want := range map[keycode]keysym{9: 0xff1b, 36: 0xff0d, 111: 0xff52, 113: 0xff51, 114: 0xff53, 116: 0xff54} { // Escape, Return, arrows
		at := int(code-first) * int(mapping.KeysymsPerKeycode)
		if code < first || at >= len(mapping.Keysyms) || mapping.Keysyms[at] != want {
			return fmt.Errorf("%w: keycode %d is not keysym %#x", ErrKeymap, code, want)
		}
	}
	return nil
}

func (x *xserver) announce(seq uint32) {
	xgb.Put32(x.value[:], seq)
	xproto.ChangeProperty(x.conn, xproto.PropModeReplace, x.root, x.property, xproto.AtomCardinal, 32, 1, x.value[:])
}

func (x *xserver) key(code keycode, down bool) {
	kind := byte(xproto.KeyRelease)
	if down {
		kind = xproto.KeyPress
	}
	x.fake(kind, byte(code), 0, 0)
}

func (x *xserver) button(number byte, down bool) {
	kind := byte(xproto.ButtonRelease)
	if down {
		kind = xproto.ButtonPress
	}
	x.fake(kind, number, 0, 0)
}

func (x *xserver) moveTo(px, py int16) { x.fake(xproto.MotionNotify, 0, px, py) }

func (x *xserver) moveBy(dx, dy int16) { x.fake(xproto.MotionNotify, 1, dx, dy) }

func (x *xserver) fake(kind, detail byte, px, py int16) {
	xtest.FakeInput(x.conn, kind, detail, 0, x.root, px, py, 0)
}

// remap gives each keycode its symbol with and without Shift, so that what the player holds does not matter.
func (x *xserver) remap(first keycode, symbols []keysym) {
	const levels = 2
	list := make([]keysym, 0, levels*len(symbols))
	for _, s := range symbols {
		list = append(list, s, s)
	}
	xproto.ChangeKeyboardMapping(x.conn, byte(len(symbols)), first, levels, list)
}

// watch reads what the display sends until it hangs up: sizes go to resized, errors to failed.
func (x *xserver) watch(resized func(width, height int), failed func(error)) {
	for {
		event, xerr := x.conn.WaitForEvent()
		switch {
		case xerr != nil:
			failed(errors.New(xerr.Error()))
		case event == nil:
			return
		default:
			if e, ok := event.(xproto.ConfigureNotifyEvent); ok && e.Window == x.root {
				resized(int(e.Width), int(e.Height))
			}
		}
	}
}
