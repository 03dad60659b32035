//go:build cgo

package x11

// #cgo pkg-config: xcb xcb-shm xcb-damage xcb-xfixes xcb-randr
// #cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra
// #cgo LDFLAGS: -lyuv
// #include "display.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"nearlight/edge/capture"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

var _ capture.Source = (*Source)(nil)

// Source is the screen of one X server.
type Source struct {
	config  Config
	cursors chan capture.Cursor

	patience time.Duration // mostRefusal
	size     atomic.Pointer[media.Size]
	limiter  capture.Limiter
	waker    capture.Waker

	// running is held by Next for as long as it runs, and guards all that follows.
	running   sync.Mutex
	display   *C.display // nil once closed
	frame     *media.Frame
	counter   uint16 // of the marker
	coalescer coalescer
	refused   media.Instant // when the server refused the first of the grabs that brought no frame, 0 for none

	// Arguments of the call into C, kept here so that they are not allocated for each frame.
	want    C.struct_display_want
	planes  C.struct_display_planes
	got     C.struct_display_got
	failure C.struct_display_failure
}

// Open connects to the X server. ctx bounds the connection only. The error wraps ErrUnavailable when the server lacks
// what capture needs, and capture.ErrGone when it hung up.
func Open(ctx context.Context, config Config) (*Source, error) {
	if config.FrameRate == 0 {
		config.FrameRate = DefaultFrameRate
	}
	if config.FrameRate < 0 {
		return nil, fmt.Errorf("capture at %d frames per second: must be positive", config.FrameRate)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	s := &Source{config: config, cursors: make(chan capture.Cursor, 1), patience: mostRefusal}
	s.limiter.SetFrameRate(config.FrameRate)
	if err := s.connect(ctx, true); err != nil {
		return nil, fmt.Errorf("open X display at %s: %w", config.Socket, err)
	}
	if err := s.allocate(); err != nil {
		return nil, errors.Join(fmt.Errorf("open X display at %s: %w", config.Socket, err), s.Close())
	}
	return s, nil
}

func (s *Source) connect(ctx context.Context, pixels bool) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", s.config.Socket)
	if err != nil {
		return err
	}
	socket := connection.(*net.UnixConn)
	defer socket.Close() // C keeps a descriptor of its own
	file, err := socket.File()
	if err != nil {
		return err
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		return os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(fd)
	// A server that accepts and then says nothing would block C: hang up on it when the context ends.
	stop := context.AfterFunc(ctx, func() { _ = socket.CloseRead() })
	var cookie *C.uint8_t
	if len(s.config.Cookie) > 0 {
		cookie = (*C.uint8_t)(unsafe.Pointer(&s.config.Cookie[0]))
	}
	var display *C.display
	status := C.display_open(C.int(fd), cookie, C.size_t(len(s.config.Cookie)), C.bool(pixels), &display, &s.failure)
	stopped := stop()
	if status != C.DISPLAY_FRAME {
		if !stopped {
			return ctx.Err()
		}
		return s.failed(status)
	}
	s.display = display
	s.waker.Arm(func() { C.display_interrupt(display) })
	return nil
}

// allocate makes the frame for the size that the display has now.
func (s *Source) allocate() error {
	var width, height C.int
	C.display_size(s.display, &width, &height)
	size := media.Size{Width: int(width), Height: int(height)}
	if err := size.Check(); err != nil {
		return err
	}
	s.frame = media.NewFrameIn(s.config.Chroma, size)
	s.planes = C.struct_display_planes{
		width: width, height: height,
		stride_y: C.int(s.frame.Y.Stride), stride_u: C.int(s.frame.U.Stride), stride_v: C.int(s.frame.V.Stride),
	}
	if s.config.Chroma == media.Chroma444 {
		s.planes.yuv444 = 1
	}
	s.size.Store(&size)
	return nil
}

// Next implements capture.Source. A zero or negative idle waits for a change alone.
func (s *Source) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	s.running.Lock()
	defer s.running.Unlock()
	s.want.wake_at, s.got.waited = 0, 0
	if idle > 0 {
		s.want.wake_at = C.int64_t(media.Now().Add(idle))
	}
	s.waker.Watch(ctx)
	for {
		if s.display == nil || s.waker.Closed() {
			return nil, errClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch status := s.call(); status {
		case C.DISPLAY_FRAME:
			return s.changed(), nil
		case C.DISPLAY_IDLE:
			return s.still(), nil
		case C.DISPLAY_INTERRUPTED:
			C.display_resume(s.display) // its reason, a context or Close, is looked at above
		case C.DISPLAY_CURSOR:
			if err := s.fetchCursor(); err != nil {
				return nil, err
			}
		case C.DISPLAY_RESIZED:
			if err := s.resize(); err != nil {
				return nil, err
			}
		case C.DISPLAY_REFUSED:
			if err := s.settle(); err != nil {
				return nil, err
			}
		default:
			return nil, s.failed(status)
		}
	}
}

const (
	// mostRefusal bounds for how long the server may refuse every grab before the screen counts as broken. A change of size is
	// over within milliseconds; a busy machine may need many times that.
	mostRefusal = 2 * time.Second
	// refusalNap is how long Next waits before it asks again a server that refuses a screen of the size that it tells.
	refusalNap = 5 * time.Millisecond
)

var errClosed = fmt.Errorf("%w: capture was closed", capture.ErrGone)

// call waits for the next picture in C.
func (s *Source) call() uint32 {
	plan := s.coalescer.plan()
	s.want.not_before = C.int64_t(s.limiter.Earliest())
	s.want.enough = C.int64_t(plan.enough)
	s.want.quiet = C.int64_t(plan.quiet)
	s.want.limit = C.int64_t(plan.limit)
	f := s.frame
	return C.display_next(s.display, &s.want, &s.planes,
		(*C.uint8_t)(unsafe.Pointer(&f.Y.Data[0])), (*C.uint8_t)(unsafe.Pointer(&f.U.Data[0])), (*C.uint8_t)(unsafe.Pointer(&f.V.Data[0])),
		(*C.uint32_t)(unsafe.Pointer(s.config.Input)), &s.got, &s.failure)
}

// changed completes a frame that C has just converted.
func (s *Source) changed() *media.Frame {
	got, f := &s.got, s.frame
	b := burst{
		first: media.Instant(got.first), last: media.Instant(got.last), grabbed: media.Instant(got.grabbed),
		area: int(got.area), found: got.waited == 0,
	}
	b.capped = int64(s.want.not_before) > int64(b.last)
	s.refused = 0
	s.limiter.Took(b.grabbed)
	s.coalescer.observe(b)
	f.Still = false
	f.Input = uint32(got.input)
	f.Times = media.StageTimes{Damaged: b.first, GrabBegun: media.Instant(got.begun), Grabbed: b.grabbed, Converted: media.Instant(got.converted)}
	if s.config.Stamp && marker.Size.Fits(f.Visible) {
		s.counter++
		marker.DrawI420(f, marker.New(b.first, f.Input, s.counter))
	}
	return f
}

// still hands out the last picture again, as of now.
func (s *Source) still() *media.Frame {
	now := media.Now()
	s.frame.Still = true
	s.frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return s.frame
}

// settle waits for a screen that the server does not let be grabbed.
func (s *Source) settle() error {
	now, before := media.Now(), s.Size()
	if s.refused == 0 {
		s.refused = now
	}
	if now.Sub(s.refused) > s.patience {
		return fmt.Errorf("screen of %v cannot be grabbed: the X server has refused it for %v", before, s.patience)
	}
	if err := s.resize(); err != nil || s.Size() != before {
		return err
	}
	if !C.display_nap(s.display, C.int64_t(now.Add(refusalNap))) {
		C.display_resume(s.display)
	}
	return nil
}

// resize takes in the screen's size. Next comes back to it if it is interrupted.
func (s *Source) resize() error {
	switch status := C.display_resize(s.display, &s.failure); status {
	case C.DISPLAY_FRAME:
	case C.DISPLAY_INTERRUPTED:
		C.display_resume(s.display) // or the next try would be interrupted too
		return nil
	default:
		return s.failed(status)
	}
	var width, height C.int
	C.display_size(s.display, &width, &height)
	if s.Size() == (media.Size{Width: int(width), Height: int(height)}) {
		return nil
	}
	before := s.Size()
	if err := s.allocate(); err != nil {
		return fmt.Errorf("screen changed its size: %w", err)
	}
	s.config.Logger.Info("screen changed its size", "from", before, "to", s.Size())
	return nil
}

// fetchCursor asks for the cursor's shape and offers it to whoever reads Cursors.
func (s *Source) fetchCursor() error {
	var shape C.struct_display_cursor_shape
	switch status := C.display_cursor(s.display, &shape, &s.failure); status {
	case C.DISPLAY_FRAME:
	case C.DISPLAY_INTERRUPTED:
		C.display_resume(s.display) // as in resize
		return nil
	default:
		return s.failed(status)
	}
	cursor, err := readCursor(cursorShape{
		serial: uint32(shape.serial), size: media.Size{Width: int(shape.width), Height: int(shape.height)},
		hotX: int(shape.hot_x), hotY: int(shape.hot_y),
		pixels: unsafe.Slice((*uint32)(unsafe.Pointer(shape.argb)), int(shape.pixels)),
	})
	if err != nil {
		// The pointer's picture is not worth the stream.
		s.config.Logger.Warn("ignoring the cursor's new shape", "error", err)
		return nil
	}
	offerNewest(s.cursors, cursor)
	return nil
}

// Cursors delivers the pointer's picture whenever it changes, the first soon after the first Next. It holds one, the
// newest, and is never closed.
func (s *Source) Cursors() <-chan capture.Cursor { return s.cursors }

// SetFrameRate implements capture.Source; a rate below 1 counts as 1.
func (s *Source) SetFrameRate(framesPerSecond int) { s.limiter.SetFrameRate(framesPerSecond) }

// Size implements capture.Source.
func (s *Source) Size() media.Size { return *s.size.Load() }

// Close implements capture.Source; it may be called more than once.
func (s *Source) Close() error {
	s.waker.Close() // nobody interrupts what is about to be freed
	s.running.Lock()
	defer s.running.Unlock()
	s.waker.Release()
	if s.display != nil {
		C.display_close(s.display)
		s.display = nil
	}
	return nil
}

// failed makes an error of a status that ends capture.
func (s *Source) failed(status uint32) error {
	what := C.GoString(s.failure.what)
	switch {
	case status == C.DISPLAY_GONE:
		return fmt.Errorf("%w: the X server closed the connection", capture.ErrGone)
	case status == C.DISPLAY_LACKS:
		return fmt.Errorf("%w: the X server lacks %s", ErrUnavailable, what)
	case s.failure.system_error != 0:
		return fmt.Errorf("%s: %w", what, syscall.Errno(s.failure.system_error))
	case s.failure.x_error != 0:
		return fmt.Errorf("%s: X error %d (%s)", what, int(s.failure.x_error), xErrorName(int(s.failure.x_error)))
	}
	return errors.New(what)
}
