package wayland

import (
	"errors"
	"log/slog"
	"sync/atomic"

	"nearlight/internal/media"
)

// ErrUnavailable reports that this compositor cannot be captured; the message says what is missing.
var ErrUnavailable = errors.New("Wayland capture unavailable")

// DefaultFrameRate is what most displays and encoders agree on.
const DefaultFrameRate = 60

// Config opens a compositor's screen. Socket is required, the zero values of the rest are useful.
type Config struct {
	Socket    string         // path of the compositor's unix socket, for example /run/session/wayland-1
	FrameRate int            // cap in frames per second; zero means DefaultFrameRate
	Input     *atomic.Uint32 // sequence of the last input injected into the app; nil leaves Frame.Input zero
	Stamp     bool           // draw a marker (package marker) with Times.Damaged and Frame.Input into each frame that has planes
	Chroma    media.Chroma   // of the frames
	Device    Device         // makes buffers in a GPU's memory; it stays the caller's, and outlives the source; nil for shared memory
	Logger    *slog.Logger   // nil means slog.Default()
}
