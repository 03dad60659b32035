// Package clockapp is the app that Nearlight's benchmarks look at: a window over the whole screen of an X server that
// shows what time it is.
//
// At each tick of an absolute schedule it shows another part of a large picture, so that everything on the screen
// moves, and in the corner a marker (package marker) with the instant of drawing and the last input that it has
// received. Keys and buttons change the picture's tint.
//
// # The input's sequence
//
// Whoever injects an input first sets the property _NEARLIGHT_INPUT of the root window (type CARDINAL, 32 bits, one
// value: the sequence) through the same connection. The app takes the sequence in when the input's event itself has
// arrived, and shows it in the picture drawn at its next tick, as a game would.
//
// # Cost
//
// The pictures lie in memory that the X server maps, attached by descriptor. A tick draws the marker and sends one
// request; only the server copies pixels. The server never reads what is being drawn: the next picture waits for the
// completion of the last.
//
// # Concurrency
//
// Run is one call that occupies one goroutine and one thread.
package clockapp

import (
	"errors"
	"log/slog"

	"nearlight/internal/media"
)

// ErrUnavailable reports that this build or the X server cannot run the clock; the message says what is missing.
var ErrUnavailable = errors.New("clock unavailable")

// DefaultRate is the number of pictures drawn each second. It is no divisor or multiple of a display's rate, so that
// a measurement meets every phase between the app and whoever captures it.
const DefaultRate = 59.7

// Rates outside these bounds are refused.
const (
	SlowestRate = 0.1
	FastestRate = 1000.0
)

// InputProperty is the name of the root window's property that holds the sequence of the input about to be injected.
const InputProperty = "_NEARLIGHT_INPUT"

// Config is how a clock runs. Its zero value is useful.
type Config struct {
	Display string       // as in DISPLAY, for example :7; empty means the environment's, as XAUTHORITY is
	Rate    float64      // pictures a second; zero means DefaultRate
	Logger  *slog.Logger // nil means slog.Default()
}

// tints is how many pictures there are to choose from.
const tints = 3

// travel is how far the picture moves, in pixels in either direction.
const travel = 256

// pictureSize is the size of a picture that a screen's worth is shown of.
func pictureSize(screen media.Size) media.Size {
	return media.Size{Width: screen.Width + travel, Height: screen.Height + travel}
}
