// Package capture is the contract of a source of pictures: it waits for the app's screen to change and hands over the
// newest picture, stamped once with the instant at which the change was reported. Drivers live in the folders below.
package capture

import (
	"context"
	"errors"
	"time"

	"nearlight/internal/media"
)

// ErrGone reports that what was captured (the display, the app's device) no longer exists.
var ErrGone = errors.New("captured display is gone")

// Source is a screen. One goroutine at a time calls Next; the other methods may be called from anywhere.
type Source interface {
	// Next waits until the screen has changed since the last call, or idle has passed, and returns the newest picture.
	// After idle without a change it returns the last picture again with Still set. The frame belongs to the source and
	// is valid until the next call of Next. Frames come no faster than the rate that was set; a change in between is
	// shown by the next frame, never queued. The error wraps ErrGone when the screen is gone, or is ctx's.
	Next(ctx context.Context, idle time.Duration) (*media.Frame, error)
	// SetFrameRate caps frames per second.
	SetFrameRate(int)
	// Size is the screen's size now; Next follows changes and returns frames of the new size.
	Size() media.Size
	// Close frees everything and makes a blocked Next return.
	Close() error
}

// Cursor is the pointer's picture, sent beside the video so that the browser moves it without delay.
type Cursor struct {
	Serial     uint32 // changes when the picture does
	Size       media.Size
	HotX, HotY int
	RGBA       []byte // 4*Width*Height bytes, alpha not premultiplied (as PNG has it); empty when the app hides the pointer
}
