package display_test

import (
	"encoding/binary"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/edge/display"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
)

// game is a client as a game's toolkit would be one.
type game struct {
	t    *testing.T
	conn *xgb.Conn
}

func (g game) window(width, height uint16, overrideRedirect uint32) xproto.Window {
	g.t.Helper()
	id, err := xproto.NewWindowId(g.conn)
	if err != nil {
		g.t.Fatal(err)
	}
	err = xproto.CreateWindowChecked(g.conn, 0, id, root(g.conn), 30, 40, width, height, 0, xproto.WindowClassInputOutput, 0,
		xproto.CwOverrideRedirect, []uint32{overrideRedirect}).Check()
	if err != nil {
		g.t.Fatal(err)
	}
	return id
}

func (g game) show(id xproto.Window) {
	g.t.Helper()
	if err := xproto.MapWindowChecked(g.conn, id).Check(); err != nil {
		g.t.Fatal(err)
	}
}

func (g game) atom(name string) xproto.Atom {
	g.t.Helper()
	reply, err := xproto.InternAtom(g.conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		g.t.Fatal(err)
	}
	return reply.Atom
}

func (g game) set(id xproto.Window, property, kind xproto.Atom, values ...uint32) {
	g.t.Helper()
	var octets []byte
	for _, value := range values {
		octets = binary.LittleEndian.AppendUint32(octets, value)
	}
	if err := xproto.ChangePropertyChecked(g.conn, xproto.PropModeReplace, id, property, kind, 32, uint32(len(values)), octets).Check(); err != nil {
		g.t.Fatal(err)
	}
}

func (g game) has(id xproto.Window, property string, value uint32) bool {
	g.t.Helper()
	reply, err := xproto.GetProperty(g.conn, false, id, g.atom(property), xproto.AtomAny, 0, 64).Reply()
	if err != nil {
		g.t.Fatal(err)
	}
	for octets := reply.Value; reply.Format == 32 && len(octets) >= 4; octets = octets[4:] {
		if binary.LittleEndian.Uint32(octets) == value {
			return true
		}
	}
	return false
}

// ask sends the window manager a request about a window.
func (g game) ask(id xproto.Window, kind string, values ...uint32) {
	g.t.Helper()
	event := xproto.ClientMessageEvent{Format: 32, Window: id, Type: g.atom(kind), Data: xproto.ClientMessageDataUnionData32New(append(values, make([]uint32, 5-len(values))...))}
	err := xproto.SendEventChecked(g.conn, false, root(g.conn), xproto.EventMaskSubstructureNotify|xproto.EventMaskSubstructureRedirect, string(event.Bytes())).Check()
	if err != nil {
		g.t.Fatal(err)
	}
}

type place struct{ x, y, width, height int }

// liesAt waits until a window is shown at a place.
func (g game) liesAt(id xproto.Window, what string, want place) {
	g.t.Helper()
	var got place
	sandboxtest.Eventually(g.t, what, func() bool {
		attributes, err := xproto.GetWindowAttributes(g.conn, id).Reply()
		if err != nil {
			g.t.Fatal(err)
		}
		reply, err := xproto.GetGeometry(g.conn, xproto.Drawable(id)).Reply()
		if err != nil {
			g.t.Fatal(err)
		}
		got = place{int(reply.X), int(reply.Y), int(reply.Width), int(reply.Height)}
		return attributes.MapState == xproto.MapStateViewable && got == want
	})
}

func (g game) isFocused(id xproto.Window, what string) {
	g.t.Helper()
	sandboxtest.Eventually(g.t, what, func() bool {
		reply, err := xproto.GetInputFocus(g.conn).Reply()
		if err != nil {
			g.t.Fatal(err)
		}
		return reply.Focus == id
	})
}

func play(t *testing.T, w way) (game, *display.Display) {
	t.Helper()
	d := start(t, w, media.Size{Width: 1280, Height: 720}, media.Size{Width: 1920, Height: 1080})
	return game{t, dial(t, d)}, d
}

const sizeHintsMin, sizeHintsMax = 1 << 4, 1 << 5

func TestAWindowGetsTheScreenAndTheFocus(t *testing.T) {
	caged(t, func(t *testing.T, w way) {
		g, d := play(t, w)
		window := g.window(640, 480, 0)
		g.show(window)
		g.liesAt(window, "it fills the screen", place{0, 0, 1280, 720})
		g.isFocused(window, "it has the keyboard")
		sandboxtest.Eventually(t, "it is the active one", func() bool { return g.has(root(g.conn), "_NET_ACTIVE_WINDOW", uint32(window)) })
		if err := xproto.ConfigureWindowChecked(g.conn, window, xproto.ConfigWindowX|xproto.ConfigWindowWidth, []uint32{100, 200}).Check(); err != nil {
			t.Fatal(err)
		}
		g.liesAt(window, "it fills the screen whatever it asks for", place{0, 0, 1280, 720})
		for _, size := range sizes("1000x700", "801x601", "640x480") {
			if err := d.Resize(size); err != nil {
				t.Fatal(err)
			}
			g.liesAt(window, "it follows the screen", place{0, 0, size.Width, size.Height})
		}
	})
}

func TestAWindowOfAFixedSizeIsCentredUntilItAsksForTheScreen(t *testing.T) {
	caged(t, func(t *testing.T, w way) {
		g, _ := play(t, w)
		window := g.window(640, 480, 0)
		g.set(window, xproto.AtomWmNormalHints, xproto.AtomWmSizeHints, sizeHintsMin|sizeHintsMax, 0, 0, 0, 0, 640, 480, 640, 480, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		g.show(window)
		g.liesAt(window, "it is in the middle", place{320, 120, 640, 480})
		const add, remove = 1, 0
		fullscreen := uint32(g.atom("_NET_WM_STATE_FULLSCREEN"))
		g.ask(window, "_NET_WM_STATE", add, fullscreen)
		g.liesAt(window, "it is full screen", place{0, 0, 1280, 720})
		sandboxtest.Eventually(t, "it is told so", func() bool { return g.has(window, "_NET_WM_STATE", fullscreen) })
		g.ask(window, "_NET_WM_STATE", remove, fullscreen)
		g.liesAt(window, "it is back in the middle", place{320, 120, 640, 480})
		g.set(window, xproto.AtomWmNormalHints, xproto.AtomWmSizeHints, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		g.liesAt(window, "without bounds it fills the screen", place{0, 0, 1280, 720})
	})
}

func TestFocusReturnsWhenADialogCloses(t *testing.T) {
	caged(t, func(t *testing.T, w way) {
		g, _ := play(t, w)
		main, dialog := g.window(640, 480, 0), g.window(400, 200, 0)
		g.show(main)
		g.isFocused(main, "the game has the keyboard")
		g.set(dialog, xproto.AtomWmTransientFor, xproto.AtomWindow, uint32(main))
		g.show(dialog)
		g.liesAt(dialog, "the dialog keeps its size", place{440, 260, 400, 200})
		g.isFocused(dialog, "the dialog has the keyboard")
		if err := xproto.UnmapWindowChecked(g.conn, dialog).Check(); err != nil {
			t.Fatal(err)
		}
		g.isFocused(main, "the game has the keyboard again")
		g.show(dialog)
		g.isFocused(dialog, "the dialog is shown again")
		if err := xproto.DestroyWindowChecked(g.conn, dialog).Check(); err != nil {
			t.Fatal(err)
		}
		g.isFocused(main, "the game has the keyboard after all")
	})
}

func TestAWindowThatManagesItselfStaysOnTop(t *testing.T) {
	caged(t, func(t *testing.T, w way) {
		g, _ := play(t, w)
		main, own := g.window(640, 480, 0), g.window(300, 200, 1)
		g.show(main)
		g.isFocused(main, "the game has the keyboard")
		g.show(own)
		g.liesAt(own, "it lies where it was put", place{30, 40, 300, 200})
		tree, err := xproto.QueryTree(g.conn, root(g.conn)).Reply()
		if err != nil {
			t.Fatal(err)
		}
		if top := tree.Children[len(tree.Children)-1]; top != own {
			t.Errorf("on top lies %d, want %d", top, own)
		}
	})
}

func TestProgramsFindAWindowManager(t *testing.T) {
	caged(t, func(t *testing.T, w way) {
		g, _ := play(t, w)
		if !g.has(root(g.conn), "_NET_SUPPORTED", uint32(g.atom("_NET_WM_STATE_FULLSCREEN"))) {
			t.Error("full screen is not announced")
		}
		check, err := xproto.GetProperty(g.conn, false, root(g.conn), g.atom("_NET_SUPPORTING_WM_CHECK"), xproto.AtomWindow, 0, 1).Reply()
		if err != nil || len(check.Value) != 4 {
			t.Fatalf("no window stands for the manager: %v, %v", check, err)
		}
		id := binary.LittleEndian.Uint32(check.Value)
		if !g.has(xproto.Window(id), "_NET_SUPPORTING_WM_CHECK", id) {
			t.Error("the manager's window does not confirm it")
		}
		name, err := xproto.GetProperty(g.conn, false, xproto.Window(id), g.atom("_NET_WM_NAME"), xproto.AtomAny, 0, 16).Reply()
		if err != nil || string(name.Value) != "Nearlight" {
			t.Errorf("the manager is called %q, %v", name.Value, err)
		}
	})
}
