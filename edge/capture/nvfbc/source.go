//go:build cgo

package nvfbc

// #include "grabber.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"nearlight/edge/capture"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

var _ capture.Source = (*Source)(nil)

// Source is the screen of one X server. It has a capture session or waits for one:
//
//	capturing -> waiting      NvFBC wants a new session: the screen changes its mode
//	waiting -> capturing      the change is over
//	waiting -> failed         it takes longer than mostModeset
type Source struct {
	config   Config
	patience time.Duration // mostModeset
	size     atomic.Pointer[media.Size]
	limiter  capture.Limiter
	waker    capture.Waker

	// running is held by Next for as long as it runs, and guards all that follows.
	running sync.Mutex
	context *cuda.Context // nil for host memory
	grabber *C.grabber    // nil once closed
	session bool
	since   media.Instant // when the first of the sessions that brought no frame was lost, 0 for none
	gone    bool          // the X server is, and the driver answers nothing any more
	surface *cuda.Picture // nil for host memory, and before the first frame
	frame   *media.Frame  // nil before the first frame
	stamped media.Instant // Times.Damaged of the last frame

	// Arguments of the call into C, kept here so that they are not allocated for each frame.
	want C.struct_grabber_want
	got  C.struct_grabber_got
}

const (
	// modesetNap is how long Next waits before it asks for a session again: NvFBC reports no end of a mode change.
	modesetNap = 50 * time.Millisecond
	// mostModeset bounds a mode change. One takes a second or two; an X server on another virtual terminal never ends.
	mostModeset = 30 * time.Second
)

var errClosed = fmt.Errorf("%w: capture was closed", capture.ErrGone)

// Next implements capture.Source. A zero or negative idle waits for a change alone.
func (s *Source) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	s.running.Lock()
	defer s.running.Unlock()
	s.want.idle_at = 0
	if idle > 0 {
		s.want.idle_at = C.int64_t(media.Now().Add(idle))
	}
	s.waker.Watch(ctx)
	status, err := s.step(ctx)
	switch {
	case err != nil:
		return nil, err
	case status == C.GRABBER_IDLE:
		return s.still(), nil
	}
	return s.changed(), nil
}

// step waits until there is a frame or idle has passed.
func (s *Source) step(ctx context.Context) (uint32, error) {
	for {
		if s.grabber == nil || s.waker.Closed() {
			return 0, errClosed
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		status, err := s.wait()
		switch {
		case err != nil:
			return 0, s.lost(err)
		case status == C.GRABBER_INTERRUPTED:
			C.grabber_resume(s.grabber) // its reason, a context or Close, is looked at above
		case status == C.GRABBER_IDLE && s.frame == nil:
			s.want.idle_at = 0 // there is nothing to repeat
		case status != C.GRABBER_RESTED:
			return status, nil
		}
	}
}

// wait is one wait in C: for a frame, or for a session.
func (s *Source) wait() (uint32, error) {
	if !s.session {
		if began, err := s.begin(); err != nil {
			return 0, err
		} else if !began {
			return s.rest()
		}
	}
	status, err := s.grab()
	if err == nil || codeOf(err) != statusMustRecreate {
		return status, err
	}
	if err := s.end(); err != nil {
		return 0, err
	}
	if s.since == 0 {
		s.since = media.Now()
		return C.GRABBER_RESTED, nil // at once: the change may be over
	}
	return s.rest()
}

// rest waits for the end of a mode change.
func (s *Source) rest() (uint32, error) {
	now := media.Now()
	if s.since == 0 {
		s.since = now
	}
	if now.Sub(s.since) > s.patience {
		return 0, fmt.Errorf("the screen has been changing its mode for more than %v; look whether its X server has the visible virtual terminal", s.patience)
	}
	until := now.Add(modesetNap)
	idleAt := media.Instant(s.want.idle_at)
	if idleAt != 0 && idleAt <= until && s.frame != nil {
		until = idleAt
	}
	status := C.grabber_rest(s.grabber, C.int64_t(until))
	if status == C.GRABBER_RESTED && until == idleAt {
		return C.GRABBER_IDLE, nil
	}
	return status, nil
}

// end gives up the session: the screen has changed its mode.
func (s *Source) end() error {
	s.session = false
	if C.grabber_end(s.grabber) == C.GRABBER_FAILED {
		return s.failure()
	}
	s.config.Logger.Info("screen changes its mode", "size", s.Size())
	return nil
}

// grab waits for the next frame and brings it to where frames lie.
func (s *Source) grab() (uint32, error) {
	s.want.not_before = C.int64_t(s.limiter.Earliest())
	status := C.grabber_next(s.grabber, &s.want, s.picture(), (*C.uint32_t)(unsafe.Pointer(s.config.Input)), &s.got)
	switch status {
	case C.GRABBER_FAILED:
		return 0, s.failure()
	case C.GRABBER_RESIZED:
		if err := s.allocate(); err != nil {
			return 0, err
		}
		if s.config.Memory == OnGPU && C.grabber_copy(s.grabber, s.picture(), &s.got) == C.GRABBER_FAILED {
			return 0, s.failure()
		}
		status = C.GRABBER_FRAME
	}
	if status == C.GRABBER_FRAME && s.config.Memory == InHost {
		pixels := unsafe.Slice((*byte)(unsafe.Pointer(s.got.pixels)), int(s.got.size))
		if err := yuv.FromBGRX(s.frame, pixels, int(s.got.stride)); err != nil {
			return 0, err
		}
		s.got.copied = C.int64_t(media.Now())
	}
	return status, nil
}

// allocate makes the frame for the size that was grabbed.
func (s *Source) allocate() error {
	size := media.Size{Width: int(s.got.width), Height: int(s.got.height)}
	if err := size.Check(); err != nil {
		return err
	}
	if s.config.Memory == InHost {
		s.frame = media.NewFrame(size)
	} else if err := s.allocateSurface(size); err != nil {
		return err
	}
	s.want.width, s.want.height = s.got.width, s.got.height
	if before := s.Size(); before != size {
		s.config.Logger.Info("screen changed its size", "from", before, "to", size)
	}
	s.size.Store(&size)
	return nil
}

func (s *Source) allocateSurface(size media.Size) error {
	s.want.width, s.want.height, s.frame = 0, 0, nil // should this fail, no frame fits
	if err := s.closeSurface(); err != nil {
		return err
	}
	picture, err := s.context.NewPicture(cuda.Linear, cuda.BGRA, size.Even())
	if err != nil {
		return err
	}
	s.surface = picture
	s.frame = &media.Frame{Visible: size, Coded: size.Even(), Surface: picture}
	return nil
}

func (s *Source) closeSurface() error {
	if s.surface == nil {
		return nil
	}
	err := s.surface.Close()
	s.surface = nil
	return err
}

// changed completes a frame that was just grabbed.
func (s *Source) changed() *media.Frame {
	got, f := &s.got, s.frame
	grabbed := media.Instant(got.grabbed)
	s.limiter.Took(grabbed)
	s.since = 0
	damaged := grabbed
	if rendered := media.Instant(got.rendered); got.first == 0 && rendered > s.stamped && rendered <= grabbed {
		damaged = rendered
	}
	s.stamped = damaged
	f.Still = false
	f.Input = uint32(got.input)
	f.Times = media.StageTimes{
		Damaged: damaged, GrabBegun: max(damaged, media.Instant(got.asked)), Grabbed: grabbed, Converted: media.Instant(got.copied),
	}
	return f
}

// still hands out the last picture again, as of now.
func (s *Source) still() *media.Frame {
	now := media.Now()
	s.stamped = now
	s.frame.Still = true
	s.frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return s.frame
}

// lost gives an error of Next its meaning.
func (s *Source) lost(err error) error {
	if codeOf(err) == statusX {
		s.gone = true
		return fmt.Errorf("%w: the X server has ended: %w", capture.ErrGone, err)
	}
	return err
}

// SetFrameRate implements capture.Source; a rate below 1 counts as 1.
func (s *Source) SetFrameRate(framesPerSecond int) { s.limiter.SetFrameRate(framesPerSecond) }

// Size implements capture.Source.
func (s *Source) Size() media.Size { return *s.size.Load() }

// Close implements capture.Source; it may be called more than once. No encoder that was given a frame on the GPU is in Encode
// then. A driver whose X server is gone is not asked whether it could give everything back: it cannot.
func (s *Source) Close() error {
	s.waker.Close() // nobody interrupts what is about to be freed
	s.running.Lock()
	defer s.running.Unlock()
	s.waker.Release()
	var errs []error
	if s.grabber != nil {
		if C.grabber_close(s.grabber) == C.GRABBER_FAILED && !s.gone {
			errs = append(errs, fmt.Errorf("end NvFBC capture: %w", s.failure()))
		}
		C.grabber_free(s.grabber)
		s.grabber = nil
	}
	errs = append(errs, s.closeSurface())
	if s.context != nil {
		errs = append(errs, s.context.Close())
		s.context = nil
	}
	return errors.Join(errs...)
}
