//go:build linux && cgo

package window

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -lxcb -lxcb-shm
#include <stdlib.h>
#include "display.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/internal/scene/play"
)

// errBusy reports that the X server still reads both pictures that it was given.
var errBusy = errors.New("X server is busy")

// display is one window. It belongs to the thread that opened it, but for wake.
type display struct {
	c      *C.nl_display
	wakeFD int
	events [64]C.nl_event
	batch  []play.Event
}

const title = "Nearlight"

func openDisplay(size media.Size) (*display, error) {
	wakeFD, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	d := &display{wakeFD: wakeFD}
	name := C.CString(title)
	defer C.free(unsafe.Pointer(name))
	if what := C.nl_display_open(name, C.int(size.Width), C.int(size.Height), &d.c); what != C.NL_DISPLAY_OK {
		unix.Close(wakeFD)
		return nil, openFailure(what)
	}
	return d, nil
}

func openFailure(what C.int) error {
	where := os.Getenv("DISPLAY")
	switch what {
	case C.NL_DISPLAY_REFUSED:
		return fmt.Errorf("%w: DISPLAY=%q cannot be reached: start an X server (Xvfb, say) and pass its XAUTHORITY", ErrNoDisplay, where)
	case C.NL_DISPLAY_DEPTH:
		return fmt.Errorf("%w: DISPLAY=%q has no 24-bit true colour: start Xvfb with -screen 0 1280x720x24", ErrNoDisplay, where)
	}
	return fmt.Errorf("%w: DISPLAY=%q shows no window", ErrNoDisplay, where)
}

func (d *display) close() {
	C.nl_display_close(d.c)
	unix.Close(d.wakeFD)
}

// wake makes a wait return, now or the next time. It may be called from anywhere until close.
func (d *display) wake() {
	one := [8]byte{1}
	if _, err := unix.Write(d.wakeFD, one[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
		panic("an eventfd takes a write: " + err.Error())
	}
}

func (d *display) size() media.Size {
	var width, height C.int
	C.nl_display_size(d.c, &width, &height)
	return media.Size{Width: int(width), Height: int(height)}
}

// direct reports whether a GPU stands behind the display.
func (d *display) direct() bool { return C.nl_display_direct(d.c) != 0 }

func (d *display) shared() bool { return C.nl_display_shared(d.c) != 0 }

func (d *display) native() (connection unsafe.Pointer, window, visual uint32) {
	return C.nl_display_connection(d.c), uint32(C.nl_display_window(d.c)), uint32(C.nl_display_visual(d.c))
}

// sleepUntil waits for an instant or wake.
func (d *display) sleepUntil(due media.Instant) {
	C.nl_display_wait(d.c, C.int(d.wakeFD), C.int64_t(due), 0)
}

// sleepUntilEvent waits for an event or wake.
func (d *display) sleepUntilEvent() {
	C.nl_display_wait(d.c, C.int(d.wakeFD), -1, 1)
}

// take returns all events that have come, in order. The slice is valid until the next take.
func (d *display) take() ([]play.Event, error) {
	d.batch = d.batch[:0]
	for {
		n := int(C.nl_display_events(d.c, &d.events[0], C.int(len(d.events))))
		if n < 0 {
			return d.batch, ErrDisplayGone
		}
		for i := range n {
			e := &d.events[i]
			d.batch = append(d.batch, play.Event{
				Kind: play.Kind(e.kind), Symbol: uint32(e.symbol), Time: uint32(e.time), Sequence: uint32(e.sequence), X: int(e.x), Y: int(e.y),
			})
		}
		if n < len(d.events) {
			return d.batch, nil
		}
	}
}

// canvas is memory for a picture, valid until the next canvas. The error is errBusy, ErrDisplayGone or about memory.
func (d *display) canvas(size media.Size) ([]byte, error) {
	var pixels unsafe.Pointer
	switch C.nl_display_canvas(d.c, C.int(size.Width), C.int(size.Height), &pixels) {
	case C.NL_CANVAS_OK:
		return unsafe.Slice((*byte)(pixels), 4*size.Width*size.Height), nil
	case C.NL_CANVAS_BUSY:
		return nil, errBusy
	case C.NL_CANVAS_GONE:
		return nil, ErrDisplayGone
	}
	return nil, fmt.Errorf("no memory for a picture of %v", size)
}

// show hands the canvas to the server.
func (d *display) show() error {
	if C.nl_display_show(d.c) != 0 {
		return ErrDisplayGone
	}
	return nil
}

// The kinds of the C side are play's.
var _ = [1]struct{}{}[C.NL_CLOSED-int(play.Closed)]
