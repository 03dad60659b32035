//go:build cgo

package x11

// #include "display.h"
import "C"

import (
	"context"
	"fmt"
	"log/slog"

	"nearlight/edge/capture"
)

// Pointer is the picture of an X server's pointer alone, for a screen whose pixels are captured elsewhere.
type Pointer struct{ source Source }

// OpenPointer connects to the X server; of config it needs Socket, Cookie and Logger. ctx and errors are as for Open.
func OpenPointer(ctx context.Context, config Config) (*Pointer, error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	p := &Pointer{Source{config: config, cursors: make(chan capture.Cursor, 1)}}
	if err := p.source.connect(ctx, false); err != nil {
		return nil, fmt.Errorf("open X display at %s: %w", config.Socket, err)
	}
	return p, nil
}

// Run watches the pointer until ctx ends, the server is gone (the error wraps capture.ErrGone) or Close is called. One
// goroutine runs it.
func (p *Pointer) Run(ctx context.Context) error {
	s := &p.source
	s.running.Lock()
	defer s.running.Unlock()
	s.waker.Watch(ctx)
	for {
		if s.display == nil || s.waker.Closed() {
			return errClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		switch status := C.display_await_cursor(s.display); status {
		case C.DISPLAY_CURSOR:
			if err := s.fetchCursor(); err != nil {
				return err
			}
		case C.DISPLAY_INTERRUPTED:
			C.display_resume(s.display) // its reason, a context or Close, is looked at above
		default:
			return s.failed(status)
		}
	}
}

// Cursors is as Source.Cursors, from Run on.
func (p *Pointer) Cursors() <-chan capture.Cursor { return p.source.cursors }

// Close disconnects and makes Run return; it may be called more than once.
func (p *Pointer) Close() error { return p.source.Close() }
