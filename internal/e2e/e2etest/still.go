package e2etest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// Still is the command line of an app that draws its window once, and then only when a key or a button is pressed: the
// window turns from dark to bright, or back.
func Still(t testing.TB) []string {
	t.Helper()
	return []string{self(t), roleStill}
}

// StillName is the name of Still's process.
func StillName(t testing.TB) string {
	t.Helper()
	const longest = 15 // of a name that the kernel keeps (proc_pid_comm(5))
	name := filepath.Base(self(t))
	return name[:min(len(name), longest)]
}

// Bright and Dark tell the two pictures of Still apart by their mean.
func Bright(s Shown) bool { return s.Luma > 128 }

// Dark is the other of the two.
func Dark(s Shown) bool { return !Bright(s) }

// runStill is the app.
func runStill() error {
	if os.Getenv("DISPLAY") == "" {
		return errNoDisplay
	}
	conn, err := xgb.NewConn()
	if err != nil {
		return err
	}
	defer conn.Close()
	screen := xproto.Setup(conn).DefaultScreen(conn)
	window, err := xproto.NewWindowId(conn)
	if err != nil {
		return err
	}
	width, height := screen.WidthInPixels, screen.HeightInPixels
	err = xproto.CreateWindowChecked(conn, screen.RootDepth, window, screen.Root, 0, 0, width, height, 0,
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask,
		[]uint32{screen.BlackPixel, xproto.EventMaskExposure | xproto.EventMaskKeyPress | xproto.EventMaskButtonPress}).Check()
	if err != nil {
		return err
	}
	pen, err := xproto.NewGcontextId(conn)
	if err != nil {
		return err
	}
	if err := xproto.CreateGCChecked(conn, pen, xproto.Drawable(window), 0, nil).Check(); err != nil {
		return err
	}
	// Stripes of a few greys, so that there is more to see than one flat colour.
	bright := false
	draw := func() {
		const stripe = 40
		for x := 0; x < int(width); x += stripe {
			level := uint32(16 + x/stripe%3*16)
			if bright {
				level = 255 - level
			}
			xproto.ChangeGC(conn, pen, xproto.GcForeground, []uint32{level<<16 | level<<8 | level})
			xproto.PolyFillRectangle(conn, xproto.Drawable(window), pen, []xproto.Rectangle{{X: int16(x), Width: stripe, Height: height}})
		}
	}
	if err := xproto.MapWindowChecked(conn, window).Check(); err != nil {
		return err
	}
	for {
		event, failure := conn.WaitForEvent()
		switch event := event.(type) {
		case nil:
			if failure != nil {
				return failure
			}
			return nil // the display is gone
		case xproto.ExposeEvent:
			draw()
		case xproto.KeyPressEvent:
			fmt.Println("key", event.Detail)
			bright = !bright
			draw()
		case xproto.ButtonPressEvent:
			fmt.Println("button", event.Detail)
			bright = !bright
			draw()
		}
	}
}
