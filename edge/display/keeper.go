package display

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/internal/media"
)

// keeper is the session's window manager. Games are written for a desktop: they wait for one to give their window the
// focus and to make it full screen (EWMH, _NET_WM_STATE_FULLSCREEN). The keeper does that and draws nothing.
//
// run owns everything but conn, which is safe for concurrent use.
type keeper struct {
	conn   *xgb.Conn
	root   xproto.Window
	atoms  map[string]xproto.Atom
	log    *slog.Logger
	screen media.Size

	windows map[xproto.Window]*window
	stack   []xproto.Window // managed and mapped, the one on top last
	focused xproto.Window
}

// supported is what the keeper announces of EWMH.
var supported = []string{
	"_NET_SUPPORTED", "_NET_SUPPORTING_WM_CHECK", "_NET_WM_NAME", "_NET_WM_STATE", "_NET_WM_STATE_FULLSCREEN", "_NET_WM_STATE_FOCUSED",
	"_NET_ACTIVE_WINDOW", "_NET_CLIENT_LIST", "_NET_WORKAREA", "_NET_DESKTOP_GEOMETRY", "_NET_NUMBER_OF_DESKTOPS", "_NET_CURRENT_DESKTOP",
	"_NET_FRAME_EXTENTS", "_NET_REQUEST_FRAME_EXTENTS", "_NET_WM_WINDOW_TYPE", "_NET_WM_WINDOW_TYPE_NORMAL", "_NET_WM_WINDOW_TYPE_DIALOG",
}

// other atoms that the keeper uses.
var otherAtoms = []string{
	"UTF8_STRING", "WM_STATE", "WM_PROTOCOLS", "WM_TAKE_FOCUS", "WM_S0",
	"_NET_WM_WINDOW_TYPE_UTILITY", "_NET_WM_WINDOW_TYPE_SPLASH", "_NET_WM_WINDOW_TYPE_MENU", "_NET_WM_WINDOW_TYPE_TOOLBAR",
}

func newKeeper(conn *xgb.Conn, log *slog.Logger) (*keeper, error) {
	screen := xproto.Setup(conn).DefaultScreen(conn)
	k := &keeper{
		conn: conn, root: screen.Root, log: log, atoms: map[string]xproto.Atom{}, windows: map[xproto.Window]*window{},
		screen: media.Size{Width: int(screen.WidthInPixels), Height: int(screen.HeightInPixels)},
	}
	if err := UseExtension(conn, "RANDR"); err != nil {
		return nil, err
	}
	names := slices.Concat(supported, otherAtoms)
	cookies := make([]xproto.InternAtomCookie, len(names))
	for n, name := range names { // all asked before the first answer is awaited: one round trip
		cookies[n] = xproto.InternAtom(conn, false, uint16(len(name)), name)
	}
	for n, name := range names {
		reply, err := cookies[n].Reply()
		if err != nil {
			return nil, fmt.Errorf("naming %s: %w", name, err)
		}
		k.atoms[name] = reply.Atom
	}
	err := xproto.ChangeWindowAttributesChecked(conn, k.root, xproto.CwEventMask, []uint32{
		xproto.EventMaskSubstructureRedirect | xproto.EventMaskSubstructureNotify | xproto.EventMaskStructureNotify,
	}).Check()
	if err != nil {
		return nil, fmt.Errorf("taking charge of the windows: %w", err)
	}
	return k, k.announce()
}

// announce says what programs look for before they ask a window manager for anything.
func (k *keeper) announce() error {
	check, err := xproto.NewWindowId(k.conn)
	if err != nil {
		return fmt.Errorf("making a window: %w", err)
	}
	err = xproto.CreateWindowChecked(k.conn, 0, check, k.root, -1, -1, 1, 1, 0, xproto.WindowClassInputOnly, 0,
		xproto.CwOverrideRedirect, []uint32{1}).Check()
	if err != nil {
		return fmt.Errorf("making a window: %w", err)
	}
	for _, window := range []xproto.Window{k.root, check} {
		k.set32(window, "_NET_SUPPORTING_WM_CHECK", xproto.AtomWindow, uint32(check))
	}
	k.set(check, "_NET_WM_NAME", k.atoms["UTF8_STRING"], 8, []byte("Nearlight"))
	list := make([]uint32, len(supported))
	for n, name := range supported {
		list[n] = uint32(k.atoms[name])
	}
	k.set32(k.root, "_NET_SUPPORTED", xproto.AtomAtom, list...)
	k.set32(k.root, "_NET_NUMBER_OF_DESKTOPS", xproto.AtomCardinal, 1)
	k.set32(k.root, "_NET_CURRENT_DESKTOP", xproto.AtomCardinal, 0)
	xproto.SetSelectionOwner(k.conn, check, k.atoms["WM_S0"], xproto.TimeCurrentTime)
	k.describeScreen()
	k.arrow()
	return nil
}

// arrow replaces the root window's cross, which shows until the app sets a pointer of its own.
func (k *keeper) arrow() {
	const leftPointer = 68 // in the font "cursor" (X11/cursorfont.h); its mask follows
	font, err := xproto.NewFontId(k.conn)
	if err != nil {
		return // the connection has ended, as run will see
	}
	cursor, err := xproto.NewCursorId(k.conn)
	if err != nil {
		return
	}
	xproto.OpenFont(k.conn, font, uint16(len("cursor")), "cursor")
	xproto.CreateGlyphCursor(k.conn, cursor, font, font, leftPointer, leftPointer+1, 0, 0, 0, 0xffff, 0xffff, 0xffff)
	xproto.ChangeWindowAttributes(k.conn, k.root, xproto.CwCursor, []uint32{uint32(cursor)})
	xproto.CloseFont(k.conn, font)
}

// run serves the windows until the connection ends. Errors that the server reports are about windows that have gone
// meanwhile.
func (k *keeper) run() {
	for {
		event, problem := k.conn.WaitForEvent()
		switch {
		case event == nil && problem == nil:
			return
		case problem != nil:
			k.log.Debug("window keeper", "error", problem)
			continue
		}
		k.handle(event)
	}
}

func (k *keeper) handle(event xgb.Event) {
	switch e := event.(type) {
	case xproto.MapRequestEvent:
		k.manage(e.Window)
	case xproto.ConfigureRequestEvent:
		k.configure(e)
	case xproto.UnmapNotifyEvent:
		k.forget(e.Window)
	case xproto.DestroyNotifyEvent:
		k.forget(e.Window)
	case xproto.PropertyNotifyEvent:
		if w := k.windows[e.Window]; w != nil && e.Atom == xproto.AtomWmNormalHints {
			w.hints = parseSizeHints(k.property(e.Window, xproto.AtomWmNormalHints, xproto.AtomWmSizeHints))
			k.fit(e.Window, w)
		}
	case xproto.ConfigureNotifyEvent:
		if e.Window == k.root {
			k.screen = media.Size{Width: int(e.Width), Height: int(e.Height)}
			k.describeScreen()
			for id, w := range k.windows {
				k.fit(id, w)
			}
		}
	case xproto.ClientMessageEvent:
		k.message(e)
	}
}

// manage shows a window that an app wants shown, full screen where it may be, and gives it the focus.
func (k *keeper) manage(id xproto.Window) {
	w := k.windows[id]
	if w == nil {
		geometry, err := xproto.GetGeometry(k.conn, xproto.Drawable(id)).Reply()
		if err != nil {
			return // the window has gone
		}
		w = k.learn(id)
		w.asked = media.Size{Width: int(geometry.Width), Height: int(geometry.Height)}
		w.at = rectangle{int(geometry.X), int(geometry.Y), w.asked}
		k.windows[id] = w
		xproto.ChangeWindowAttributes(k.conn, id, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange})
	}
	const normalState = 1
	k.set32(id, "WM_STATE", k.atoms["WM_STATE"], normalState, 0)
	k.set32(id, "_NET_FRAME_EXTENTS", xproto.AtomCardinal, 0, 0, 0, 0)
	k.fit(id, w)
	// Raised before it shows: a program may answer by covering it with a window that is none of the keeper's (SDL 1.2
	// does for full screen), which must stay on top.
	k.raise(id)
	xproto.MapWindow(k.conn, id)
	k.focus(id)
	k.log.Debug("window shown", "window", id, "at", fmt.Sprint(w.at), "asked", w.asked, "fullscreen", w.fullscreen)
}

// learn reads what a window says about itself.
func (k *keeper) learn(id xproto.Window) *window {
	w := &window{
		hints:   parseSizeHints(k.property(id, xproto.AtomWmNormalHints, xproto.AtomWmSizeHints)),
		noInput: refusesInput(k.property(id, xproto.AtomWmHints, xproto.AtomWmHints)),
	}
	for _, protocol := range words32(k.property(id, k.atoms["WM_PROTOCOLS"], xproto.AtomAtom)) {
		w.takesFocus = w.takesFocus || xproto.Atom(protocol) == k.atoms["WM_TAKE_FOCUS"]
	}
	for _, state := range words32(k.property(id, k.atoms["_NET_WM_STATE"], xproto.AtomAtom)) {
		w.fullscreen = w.fullscreen || xproto.Atom(state) == k.atoms["_NET_WM_STATE_FULLSCREEN"]
	}
	transient := words32(k.property(id, xproto.AtomWmTransientFor, xproto.AtomWindow))
	w.aside = len(transient) > 0 && transient[0] != 0 && transient[0] != uint32(k.root)
	for _, kind := range words32(k.property(id, k.atoms["_NET_WM_WINDOW_TYPE"], xproto.AtomAtom)) {
		if xproto.Atom(kind) == k.atoms["_NET_WM_WINDOW_TYPE_NORMAL"] {
			break // types are listed by preference
		}
		for _, small := range []string{"DIALOG", "UTILITY", "SPLASH", "MENU", "TOOLBAR"} {
			w.aside = w.aside || xproto.Atom(kind) == k.atoms["_NET_WM_WINDOW_TYPE_"+small]
		}
	}
	return w
}

// fit puts a window where it belongs, and tells it where that is even when nothing moved, as ICCCM 4.1.5 asks.
func (k *keeper) fit(id xproto.Window, w *window) {
	at := w.place(k.screen)
	if at == w.at {
		k.tellPlace(id, at)
		return
	}
	w.at = at
	xproto.ConfigureWindow(k.conn, id,
		xproto.ConfigWindowX|xproto.ConfigWindowY|xproto.ConfigWindowWidth|xproto.ConfigWindowHeight|xproto.ConfigWindowBorderWidth,
		[]uint32{uint32(at.x), uint32(at.y), uint32(at.size.Width), uint32(at.size.Height), 0})
}

func (k *keeper) tellPlace(id xproto.Window, at rectangle) {
	event := xproto.ConfigureNotifyEvent{
		Event: id, Window: id, X: int16(at.x), Y: int16(at.y), Width: uint16(at.size.Width), Height: uint16(at.size.Height),
	}
	xproto.SendEvent(k.conn, false, id, xproto.EventMaskStructureNotify, string(event.Bytes()))
}

// configure answers a window's wish for a place. One that is not shown yet gets its wish.
func (k *keeper) configure(e xproto.ConfigureRequestEvent) {
	if w := k.windows[e.Window]; w != nil {
		if e.ValueMask&xproto.ConfigWindowWidth != 0 {
			w.asked.Width = int(e.Width)
		}
		if e.ValueMask&xproto.ConfigWindowHeight != 0 {
			w.asked.Height = int(e.Height)
		}
		k.fit(e.Window, w)
		return
	}
	var values []uint32
	for _, field := range []struct {
		mask  uint16
		value uint32
	}{
		{xproto.ConfigWindowX, uint32(e.X)}, {xproto.ConfigWindowY, uint32(e.Y)},
		{xproto.ConfigWindowWidth, uint32(e.Width)}, {xproto.ConfigWindowHeight, uint32(e.Height)},
		{xproto.ConfigWindowBorderWidth, uint32(e.BorderWidth)},
		{xproto.ConfigWindowSibling, uint32(e.Sibling)}, {xproto.ConfigWindowStackMode, uint32(e.StackMode)},
	} {
		if e.ValueMask&field.mask != 0 {
			values = append(values, field.value)
		}
	}
	xproto.ConfigureWindow(k.conn, e.Window, e.ValueMask, values)
}

// message serves the requests of EWMH that games make.
func (k *keeper) message(e xproto.ClientMessageEvent) {
	w := k.windows[e.Window]
	switch {
	case e.Type == k.atoms["_NET_REQUEST_FRAME_EXTENTS"]:
		k.set32(e.Window, "_NET_FRAME_EXTENTS", xproto.AtomCardinal, 0, 0, 0, 0)
	case e.Format != 32 || w == nil:
	case e.Type == k.atoms["_NET_WM_STATE"]:
		const remove, add = 0, 1 // and 2, toggle
		fullscreen := uint32(k.atoms["_NET_WM_STATE_FULLSCREEN"])
		if values := e.Data.Data32; values[1] == fullscreen || values[2] == fullscreen {
			w.fullscreen = values[0] == add || values[0] != remove && !w.fullscreen
			k.setState(e.Window, w)
			k.fit(e.Window, w)
			k.log.Debug("window state", "window", e.Window, "fullscreen", w.fullscreen, "at", fmt.Sprint(w.at))
		}
	case e.Type == k.atoms["_NET_ACTIVE_WINDOW"]:
		k.raise(e.Window)
		k.focus(e.Window)
	}
}

// raise puts a window above the others that the keeper manages, not above those that manage themselves.
func (k *keeper) raise(id xproto.Window) {
	if n := slices.Index(k.stack, id); n >= 0 {
		k.stack = slices.Delete(k.stack, n, n+1)
	}
	if len(k.stack) > 0 {
		top := k.stack[len(k.stack)-1]
		xproto.ConfigureWindow(k.conn, id, xproto.ConfigWindowSibling|xproto.ConfigWindowStackMode, []uint32{uint32(top), xproto.StackModeAbove})
	}
	k.stack = append(k.stack, id)
}

// focus gives a window the keyboard, in the way that it asks for (ICCCM 4.1.7).
func (k *keeper) focus(id xproto.Window) {
	w := k.windows[id]
	if w == nil {
		return
	}
	if !w.noInput {
		xproto.SetInputFocus(k.conn, xproto.InputFocusPointerRoot, id, xproto.TimeCurrentTime)
	}
	if w.takesFocus {
		event := xproto.ClientMessageEvent{
			Format: 32, Window: id, Type: k.atoms["WM_PROTOCOLS"],
			Data: xproto.ClientMessageDataUnionData32New([]uint32{uint32(k.atoms["WM_TAKE_FOCUS"]), xproto.TimeCurrentTime, 0, 0, 0}),
		}
		xproto.SendEvent(k.conn, false, id, xproto.EventMaskNoEvent, string(event.Bytes()))
	}
	previous := k.focused
	k.focused = id
	if other := k.windows[previous]; other != nil && previous != id {
		k.setState(previous, other)
	}
	k.setState(id, w)
	k.describeWindows()
}

// forget drops a window that was hidden or destroyed, and gives the focus to the one below.
func (k *keeper) forget(id xproto.Window) {
	if k.windows[id] == nil {
		return
	}
	delete(k.windows, id)
	if n := slices.Index(k.stack, id); n >= 0 {
		k.stack = slices.Delete(k.stack, n, n+1)
	}
	if k.focused == id {
		k.focused = 0
		if len(k.stack) > 0 {
			k.focus(k.stack[len(k.stack)-1])
		}
	}
	k.describeWindows()
}

func (k *keeper) setState(id xproto.Window, w *window) {
	var states []uint32
	if w.fullscreen {
		states = append(states, uint32(k.atoms["_NET_WM_STATE_FULLSCREEN"]))
	}
	if id == k.focused {
		states = append(states, uint32(k.atoms["_NET_WM_STATE_FOCUSED"]))
	}
	k.set32(id, "_NET_WM_STATE", xproto.AtomAtom, states...)
}

func (k *keeper) describeWindows() {
	list := make([]uint32, len(k.stack))
	for n, id := range k.stack {
		list[n] = uint32(id)
	}
	k.set32(k.root, "_NET_CLIENT_LIST", xproto.AtomWindow, list...)
	k.set32(k.root, "_NET_ACTIVE_WINDOW", xproto.AtomWindow, uint32(k.focused))
}

func (k *keeper) describeScreen() {
	width, height := uint32(k.screen.Width), uint32(k.screen.Height)
	k.set32(k.root, "_NET_WORKAREA", xproto.AtomCardinal, 0, 0, width, height)
	k.set32(k.root, "_NET_DESKTOP_GEOMETRY", xproto.AtomCardinal, width, height)
}

func (k *keeper) set32(id xproto.Window, name string, kind xproto.Atom, values ...uint32) {
	k.set(id, name, kind, 32, octets32(values...))
}

func (k *keeper) set(id xproto.Window, name string, kind xproto.Atom, format byte, octets []byte) {
	xproto.ChangeProperty(k.conn, xproto.PropModeReplace, id, k.atoms[name], kind, format, uint32(len(octets))*8/uint32(format), octets)
}

// property reads at most 1 KiB of a property; nothing when the window has gone or has none of that type.
func (k *keeper) property(id xproto.Window, name, kind xproto.Atom) []byte {
	const longestWords = 256
	reply, err := xproto.GetProperty(k.conn, false, id, name, kind, 0, longestWords).Reply()
	if err != nil || reply.Format != 32 {
		return nil
	}
	return reply.Value
}
