//go:build cgo

package clockapp

// #cgo pkg-config: xcb xcb-shm
// #cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra
// #include <stdlib.h>
// #include "clock.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"unsafe"

	"nearlight/internal/marker"
	"nearlight/internal/media"
)

// Run shows the clock until ctx ends, and then returns nil. While it connects, and while a server that hangs owes it an
// answer, it does not see ctx end: whoever needs that ends the process. The error wraps ErrUnavailable when the X server lacks
// what the clock needs.
func Run(ctx context.Context, config Config) error {
	if config.Rate == 0 {
		config.Rate = DefaultRate
	}
	if !(config.Rate >= SlowestRate && config.Rate <= FastestRate) {
		return fmt.Errorf("clock at %v pictures a second: want %v to %v", config.Rate, SlowestRate, FastestRate)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	a, err := open(config)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	defer a.close()
	stop := context.AfterFunc(ctx, a.stop)
	defer stop()
	if err := a.run(); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	return nil
}

// app is one window and its pictures.
type app struct {
	config  Config
	failure C.struct_clock_failure
	clock   *C.app_clock

	stopping sync.Mutex
	closed   bool // guarded by stopping

	screen   media.Size
	pictures [tints][]byte
	spoilt   *spoilt
	drawn    uint16
}

func open(config Config) (*app, error) {
	a := &app{config: config}
	var display *C.char
	if config.Display != "" {
		display = C.CString(config.Display)
		defer C.free(unsafe.Pointer(display))
	}
	if status := C.clock_open(display, &a.clock, &a.failure); status != C.CLOCK_OK {
		return nil, a.failed(status)
	}
	return a, nil
}

// stop makes run return; it does nothing once the clock is closed.
func (a *app) stop() {
	a.stopping.Lock()
	defer a.stopping.Unlock()
	if !a.closed {
		C.clock_stop(a.clock)
	}
}

func (a *app) close() {
	a.stopping.Lock()
	defer a.stopping.Unlock()
	a.closed = true
	C.clock_close(a.clock)
}

func (a *app) run() error {
	if err := a.share(); err != nil {
		return err
	}
	schedule := schedule{start: media.Now(), rate: a.config.Rate}
	var received C.struct_clock_received
	for n := int64(0); ; {
		switch status := C.clock_wait(a.clock, C.int64_t(schedule.tick(n)), &received); status {
		case C.CLOCK_OK:
			a.draw(n, uint32(received.input), int(received.presses))
			n = schedule.next(n, media.Now())
		case C.CLOCK_RESIZED:
			if err := a.share(); err != nil {
				return err
			}
			n = schedule.next(n, media.Now())
		case C.CLOCK_STOPPED:
			return nil
		default:
			return a.failed(status)
		}
	}
}

// share makes and paints the pictures for the screen as it is now.
func (a *app) share() error {
	if status := C.clock_share(a.clock, tints, travel, &a.failure); status != C.CLOCK_OK {
		return a.failed(status)
	}
	var width, height C.int
	C.clock_screen(a.clock, &width, &height)
	a.screen = media.Size{Width: int(width), Height: int(height)}
	if !marker.Size.Fits(a.screen) {
		return fmt.Errorf("%w: %v is smaller than a marker, %v", media.ErrSize, a.screen, marker.Size)
	}
	size := pictureSize(a.screen)
	canvas := newCanvas()
	for tint := range a.pictures {
		a.pictures[tint] = unsafe.Slice((*byte)(unsafe.Pointer(C.clock_picture(a.clock, C.int(tint)))), 4*size.Width*size.Height)
		canvas.paint(a.pictures[tint], size, tint)
	}
	a.spoilt = nil
	a.config.Logger.Info("clock runs", "size", a.screen, "rate", a.config.Rate)
	return nil
}

// draw shows picture n with its marker, which is taken off again before the next one is drawn.
func (a *app) draw(n int64, input uint32, presses int) {
	tint := presses % tints
	left, top := position(n)
	stride := 4 * pictureSize(a.screen).Width
	if a.spoilt == nil {
		a.spoilt = &spoilt{stride: stride}
	}
	a.spoilt.restore()
	corner := a.pictures[tint][top*stride+4*left:]
	a.spoilt.save(corner)
	a.drawn++
	marker.DrawBGRX(corner, stride, marker.New(media.Now(), input, a.drawn))
	C.clock_show(a.clock, C.int(tint), C.int(left), C.int(top))
}

// spoilt is what the marker covers.
type spoilt struct {
	stride int
	corner []byte // nil when nothing is covered
	saved  [marker.Height][4 * marker.Width]byte
}

func (s *spoilt) save(corner []byte) {
	for y := range s.saved {
		copy(s.saved[y][:], corner[y*s.stride:])
	}
	s.corner = corner
}

func (s *spoilt) restore() {
	if s.corner == nil {
		return
	}
	for y := range s.saved {
		copy(s.corner[y*s.stride:], s.saved[y][:])
	}
	s.corner = nil
}

func (a *app) failed(status uint32) error {
	what := C.GoString(a.failure.what)
	switch {
	case status == C.CLOCK_GONE:
		return errors.New("the X server closed the connection")
	case status == C.CLOCK_LACKS:
		return fmt.Errorf("%w: the X server lacks %s", ErrUnavailable, what)
	case a.failure.system_error != 0:
		return fmt.Errorf("%s: %w", what, syscall.Errno(a.failure.system_error))
	case a.failure.x_error != 0:
		return fmt.Errorf("%s: X error %d", what, int(a.failure.x_error))
	}
	return errors.New(what)
}
