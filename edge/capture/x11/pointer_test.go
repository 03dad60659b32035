//go:build cgo

package x11_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/edge/capture"
	"nearlight/edge/capture/x11"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
)

// slot keeps the displays of these tests apart from others'.
const slot = 26

func TestAPointerAloneTellsTheCursorsShapeOnEveryKindOfDisplay(t *testing.T) {
	for _, kind := range display.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			if err := kind.Installed(); err != nil {
				t.Skipf("SKIPPED %s: %v", t.Name(), err)
			}
			identity, err := sandbox.IdentityFor(slot)
			must(t, err)
			d, err := display.Start(t.Context(), display.Config{
				Kind: kind, Sandbox: sandboxtest.Probe(t), Identity: identity, Slot: slot, Folder: sandboxtest.Folder(t, identity), Size: small,
			})
			must(t, err)
			defer func() { must(t, d.Close()) }()
			pointer, err := x11.OpenPointer(t.Context(), x11.Config{Socket: d.Socket(), Cookie: d.Cookie()})
			must(t, err)
			defer func() { must(t, pointer.Close()) }()
			watching, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- pointer.Run(watching) }()

			conn, err := d.Dial(t.Context())
			must(t, err)
			defer conn.Close()
			first := <-pointer.Cursors()
			if len(first.RGBA) == 0 {
				t.Error("the arrow that the display begins with is not told")
			}
			cross(t, conn)
			if shown := <-pointer.Cursors(); shown.Serial == first.Serial || len(shown.RGBA) == 0 {
				t.Errorf("the crosshair is serial %d after %d, %v", shown.Serial, first.Serial, shown.Size)
			}
			stop()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("after its context had ended: %v", err)
			}
			go func() { ended <- pointer.Run(context.Background()) }()
			must(t, d.Close())
			if err := <-ended; !errors.Is(err, capture.ErrGone) {
				t.Errorf("after its display had gone: %v", err)
			}
		})
	}
}

// cross gives the root window a crosshair.
func cross(t *testing.T, conn *xgb.Conn) {
	t.Helper()
	font, err := xproto.NewFontId(conn)
	must(t, err)
	must(t, xproto.OpenFontChecked(conn, font, 6, "cursor").Check())
	cursor, err := xproto.NewCursorId(conn)
	must(t, err)
	const crosshair = 34 // X11/cursorfont.h
	must(t, xproto.CreateGlyphCursorChecked(conn, cursor, font, font, crosshair, crosshair+1, 0xffff, 0, 0, 0, 0, 0).Check())
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	must(t, xproto.ChangeWindowAttributesChecked(conn, root, xproto.CwCursor, []uint32{uint32(cursor)}).Check())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
