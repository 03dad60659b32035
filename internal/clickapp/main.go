// Command clickapp is the browser tests' X client: it paints a white square where it is clicked and turns green while a
// key is down, so that a test can read from the picture what reached the app. With -exit-on-key it prints a line and ends
// with status 3 at the first key.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

const (
	black  = 0x101010
	stripe = 0x203060
	white  = 0xffffff
	green  = 0x00c000
	square = 8 // half of a side
)

func main() {
	exitOnKey := flag.Bool("exit-on-key", false, "end with status 3 at the first key")
	flag.Parse()
	if err := run(*exitOnKey); err != nil {
		fmt.Fprintln(os.Stderr, "clickapp:", err)
		os.Exit(1)
	}
}

func run(exitOnKey bool) error {
	x, err := xgb.NewConn()
	if err != nil {
		return err
	}
	defer x.Close()
	screen := xproto.Setup(x).DefaultScreen(x)
	window, err := xproto.NewWindowId(x)
	if err != nil {
		return err
	}
	err = xproto.CreateWindowChecked(x, screen.RootDepth, window, screen.Root, 0, 0, screen.WidthInPixels, screen.HeightInPixels, 0,
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask, []uint32{black,
			xproto.EventMaskExposure | xproto.EventMaskButtonPress | xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease}).Check()
	if err != nil {
		return err
	}
	gc, err := xproto.NewGcontextId(x)
	if err != nil {
		return err
	}
	if err := xproto.CreateGCChecked(x, gc, xproto.Drawable(window), 0, nil).Check(); err != nil {
		return err
	}
	if err := xproto.MapWindowChecked(x, window).Check(); err != nil {
		return err
	}
	fill := func(colour uint32, r xproto.Rectangle) {
		xproto.ChangeGC(x, gc, xproto.GcForeground, []uint32{colour})
		xproto.PolyFillRectangle(x, xproto.Drawable(window), gc, []xproto.Rectangle{r})
	}
	all := xproto.Rectangle{Width: screen.WidthInPixels, Height: screen.HeightInPixels}
	background := func() {
		fill(black, all)
		fill(stripe, xproto.Rectangle{Y: int16(screen.HeightInPixels / 2), Width: screen.WidthInPixels, Height: 40})
	}
	for {
		event, fault := x.WaitForEvent()
		if fault != nil {
			return fault
		}
		switch e := event.(type) {
		case nil:
			return nil // the display is gone
		case xproto.ExposeEvent:
			background()
		case xproto.ButtonPressEvent:
			fill(white, xproto.Rectangle{X: e.EventX - square, Y: e.EventY - square, Width: 2*square + 1, Height: 2*square + 1})
		case xproto.KeyPressEvent:
			if exitOnKey {
				fmt.Println("clickapp was told to end by key", e.Detail)
				os.Exit(3)
			}
			fill(green, all)
		case xproto.KeyReleaseEvent:
			background()
		}
	}
}
