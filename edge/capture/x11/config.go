package x11

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"nearlight/internal/media"
)

// ErrUnavailable reports that this build or this X server cannot be captured; the message says what is missing.
var ErrUnavailable = errors.New("X11 capture unavailable")

// DefaultFrameRate is what most displays and encoders agree on.
const DefaultFrameRate = 60

// Config opens a display. Socket is required, the zero values of the rest are useful.
type Config struct {
	Socket    string         // path of the X server's unix socket, for example /run/session/x11/X7
	Cookie    []byte         // MIT-MAGIC-COOKIE-1; empty connects without authorization
	FrameRate int            // cap in frames per second; zero means DefaultFrameRate
	Input     *atomic.Uint32 // sequence of the last input injected into the app; nil leaves Frame.Input zero
	Stamp     bool           // draw a marker (package marker) with Times.Damaged and Frame.Input into each frame
	Chroma    media.Chroma   // of the frames
	Logger    *slog.Logger   // nil means slog.Default()
}
