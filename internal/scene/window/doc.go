// Package window runs the scene as an ordinary X client: it answers how the game that package play plays comes to a display's
// screen, each picture as fresh as it can be.
//
// A picture is made in one go, on one locked thread: sleep until it is due, take all events, step the game up to this
// instant, draw, show. So an input that has reached the client is in the very next picture. Pictures are due on an
// absolute schedule, since a display without a screen has no vertical blank.
//
// Where the display has no GPU behind it (Xvfb), pictures are drawn off screen and handed over in shared memory that is
// passed by descriptor, which needs no common IPC namespace; elsewhere they are drawn to the window.
//
// With Config.Measure each picture carries a marker (internal/marker): the instant just before it is drawn, and the
// sequence of the last input that it answers. An injector sets the root window's property _NEARLIGHT_INPUT (CARDINAL, 32
// bits, one value) to the sequence just before it injects the event, over the same connection.
//
// With Config.Challenge the same window shows another thing, what a checker types (package arena), with its own second block.
package window

import (
	"errors"
	"log/slog"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
)

// Errors that Run returns, wrapped.
var (
	// ErrUnavailable reports that this build or this machine cannot draw; the error says why.
	ErrUnavailable = gles.ErrUnavailable
	// ErrNoDisplay reports that no X server could be reached, or none that shows 24-bit colour.
	ErrNoDisplay = errors.New("no X display")
	// ErrDisplayGone reports that the X server went away.
	ErrDisplayGone = errors.New("X display is gone")
)

// DefaultFrameRate is what most displays and encoders agree on.
const DefaultFrameRate = 60

// Config says what to run. Its zero value is the game as players see it.
//
// On llvmpipe the environment's LP_NUM_THREADS sets how many threads fill triangles; without it there are
// gles.RasterThreads.
type Config struct {
	Size      media.Size    // of the window; zero covers the root window and follows its size
	FrameRate int           // pictures a second, 0 for DefaultFrameRate
	Seed      uint64        // of land and trail
	Measure   bool          // mark every picture, and never rest
	Challenge bool          // draw what a checker types (package arena) in place of the game
	Rest      time.Duration // without input before the picture stands still, 0 for play.DefaultRest
	Logger    *slog.Logger  // nil discards
}

func (c Config) withDefaults() Config {
	if c.FrameRate <= 0 {
		c.FrameRate = DefaultFrameRate
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
