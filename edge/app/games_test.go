package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb/xproto"

	"nearlight/edge/app"
	"nearlight/edge/display"
	"nearlight/edge/sandbox/sandboxtest"
)

// The games themselves: each must come up on the whole screen, with the keyboard, and draw something.
func TestGamesOfTheCatalogueFillTheScreen(t *testing.T) {
	for _, kind := range display.Kinds() {
		t.Run(string(kind), func(t *testing.T) { gamesFillTheScreen(t, kind) })
	}
}

func gamesFillTheScreen(t *testing.T, kind display.Kind) {
	catalogue, err := app.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	s := sandboxtest.Probe(t)
	for _, game := range catalogue.Apps() {
		if game.Own {
			continue // nearlight's own program has its own tests
		}
		t.Run(game.Name, func(t *testing.T) {
			if !game.Installed() {
				t.Skipf("SKIPPED, %s is not installed; run: apt install %s", game.Title, game.Package)
			}
			in := surroundingsOn(t, kind, s)
			p, err := app.Launch(game, in)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop(time.Second)
			conn, err := in.Display.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			root := xproto.Setup(conn).DefaultScreen(conn).Root
			sandboxtest.Eventually(t, game.Title+" fills the screen, has the keyboard and draws", func() bool {
				select {
				case <-p.Done():
					t.Fatal(p.Ending(), strings.Join(p.LastLines(5), "\n"))
				default:
				}
				focus, err := xproto.GetInputFocus(conn).Reply()
				if err != nil {
					t.Fatal(err)
				}
				if focus.Focus <= xproto.InputFocusPointerRoot {
					return false
				}
				place, err := xproto.GetGeometry(conn, xproto.Drawable(focus.Focus)).Reply()
				if err != nil || place.X != 0 || place.Y != 0 || place.Width != 1280 || place.Height != 720 {
					return false
				}
				picture, err := xproto.GetImage(conn, xproto.ImageFormatZPixmap, xproto.Drawable(root), 0, 0, 1280, 720, ^uint32(0)).Reply()
				if err != nil {
					t.Fatal(err)
				}
				colours := map[[3]byte]bool{}
				for n := 0; n+4 <= len(picture.Data); n += 4 {
					colours[[3]byte(picture.Data[n:n+3])] = true
				}
				return len(colours) > 16
			})
		})
	}
}
