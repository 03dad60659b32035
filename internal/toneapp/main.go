// Command toneapp is the tests' source of sound: an ordinary client of the session's sound server that plays a tone, or clicks, and
// begins again when the server comes back. Where there is a display it shows a stripe, so that there is a picture as well.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/internal/tone/player"
)

func main() {
	hertz := flag.Float64("hertz", 440, "frequency of the tone")
	clicks := flag.Bool("clicks", false, "click instead, whenever the monotonic clock passes half a second")
	length := flag.Duration("for", 0, "be silent after that long (0: never)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, player.Config{Hertz: *hertz, Clicks: *clicks, Length: *length, Log: os.Stderr}); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "toneapp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c player.Config) error {
	if os.Getenv("DISPLAY") != "" {
		window, err := show()
		if err != nil {
			return err
		}
		defer window.Close()
	}
	return player.Run(ctx, c)
}

// show puts a window with a stripe on the display.
func show() (*xgb.Conn, error) {
	x, err := xgb.NewConn()
	if err != nil {
		return nil, err
	}
	screen := xproto.Setup(x).DefaultScreen(x)
	window, err := xproto.NewWindowId(x)
	if err != nil {
		return nil, err
	}
	pencil, err := xproto.NewGcontextId(x)
	if err != nil {
		return nil, err
	}
	xproto.CreateWindow(x, screen.RootDepth, window, screen.Root, 0, 0, screen.WidthInPixels, screen.HeightInPixels, 0,
		xproto.WindowClassInputOutput, screen.RootVisual, xproto.CwBackPixel|xproto.CwEventMask, []uint32{0x101010, xproto.EventMaskExposure})
	xproto.CreateGC(x, pencil, xproto.Drawable(window), xproto.GcForeground, []uint32{0xc0c0c0})
	if err := xproto.MapWindowChecked(x, window).Check(); err != nil {
		return nil, err
	}
	go func() {
		for {
			event, problem := x.WaitForEvent()
			if event == nil && problem == nil {
				return // the display is gone, and the app with it
			}
			if _, is := event.(xproto.ExposeEvent); is {
				xproto.PolyFillRectangle(x, xproto.Drawable(window), pencil, []xproto.Rectangle{{Y: int16(screen.HeightInPixels / 2), Width: screen.WidthInPixels, Height: 60}})
			}
		}
	}()
	return x, nil
}
