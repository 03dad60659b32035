package wayland

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

var _ capture.Source = (*Source)(nil)

// Source is the first output of one compositor.
type Source struct {
	config Config

	size    atomic.Pointer[media.Size]
	limiter capture.Limiter
	waker   capture.Waker

	// running is held by Next for as long as it runs, and guards all that follows.
	running sync.Mutex
	client  *client // nil once closed
	frame   *media.Frame
	lent    media.Frame // what Next hands out: frame, or in place of its planes a Surface
	fresh   bool        // nothing of frame was converted yet
	counter uint16      // of the marker
}

// Open connects to the compositor and learns its screen's size. ctx bounds that only. The error wraps ErrUnavailable when
// the compositor lacks what capture needs, and capture.ErrGone when it hung up.
func Open(ctx context.Context, config Config) (_ *Source, err error) {
	if config.FrameRate == 0 {
		config.FrameRate = DefaultFrameRate
	}
	if config.FrameRate < 0 {
		return nil, fmt.Errorf("capture at %d frames per second: must be positive", config.FrameRate)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	conn, err := dial(ctx, config.Socket)
	if err != nil {
		return nil, fmt.Errorf("open the compositor at %s: %w", config.Socket, err)
	}
	s := &Source{config: config, client: &client{conn: conn, device: config.Device}}
	s.limiter.SetFrameRate(config.FrameRate)
	s.waker.Arm(conn.Interrupt)
	stop := context.AfterFunc(ctx, s.waker.Wake)
	err = s.meet()
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the compositor at %s: %w", config.Socket, err), s.Close())
	}
	return s, nil
}

func dial(ctx context.Context, socket string) (*wire.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer connection.Close() // we keep a descriptor of our own
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var own int
	var failed error
	err = raw.Control(func(fd uintptr) { own, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	if err := errors.Join(err, os.NewSyscallError("dup", failed)); err != nil {
		return nil, err
	}
	return wire.Open(own)
}

// meet binds what is needed, and begins the first shot to learn the size.
func (s *Source) meet() error {
	if err := s.client.greet(); err != nil {
		return err
	}
	s.client.ask()
	if err := s.client.roundTrip(); err != nil {
		return err
	}
	if s.client.shot.step != offered {
		return fmt.Errorf("%w: the compositor shows no picture of its output", ErrUnavailable)
	}
	s.fit()
	return nil
}

// fit makes a frame for the size that the compositor's picture has now.
func (s *Source) fit() {
	size := s.client.shot.shared.size
	if s.frame != nil && s.frame.Visible == size {
		return
	}
	if s.frame != nil {
		s.config.Logger.Info("screen changed its size", "from", s.frame.Visible, "to", size)
	}
	s.frame, s.fresh = media.NewFrameIn(s.config.Chroma, size), true
	s.size.Store(&s.frame.Visible)
}

// Next implements capture.Source. A zero or negative idle waits for a change alone, as every wait for the first picture
// does: there is none to repeat yet.
func (s *Source) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	s.running.Lock()
	defer s.running.Unlock()
	var wakeAt media.Instant
	if idle > 0 {
		wakeAt = media.Now().Add(idle)
	}
	s.waker.Watch(ctx)
	for refusals := 0; ; {
		if s.client == nil || s.waker.Closed() {
			return nil, errClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.client.dispatch(); err != nil {
			return nil, err
		}
		next := wakeAt
		if s.fresh {
			next = 0
		}
		switch s.client.shot.step {
		case none:
			if earliest := s.limiter.Earliest(); media.Now() < earliest {
				next = sooner(next, earliest)
				break
			}
			s.client.ask()
		case offered:
			s.fit()
			before := s.client.buffer
			if err := s.client.answer(); err != nil {
				return nil, err
			}
			if s.client.buffer != before && s.lent.Surface != nil {
				s.fresh = true // the last picture went with its buffer
			}
			s.tellUseless()
		case taken:
			if f, err := s.changed(); f != nil || err != nil {
				return f, err
			}
			continue
		case refused:
			s.client.done()
			if refusals++; refusals > mostRefusals {
				return nil, fmt.Errorf("the compositor refuses to copy its screen of %v", s.Size())
			}
			continue
		}
		if woken, err := s.wait(next); err != nil {
			return nil, err
		} else if woken == wire.TimedOut && wakeAt != 0 && !s.fresh && media.Now() >= wakeAt {
			return s.still(), nil
		}
	}
}

// mostRefusals bounds how often the compositor may refuse a shot, as it does when the screen has just changed its size,
// before it counts as broken.
const mostRefusals = 100

var errClosed = fmt.Errorf("%w: capture was closed", capture.ErrGone)

// wait sends what is to be said and waits for an answer.
func (s *Source) wait(until media.Instant) (wire.Wake, error) {
	conn := s.client.conn
	if err := conn.Flush(); err != nil {
		return 0, gone(err)
	}
	woken, err := conn.Wait(until)
	switch {
	case err != nil:
		return 0, err
	case woken == wire.Interrupted:
		conn.Resume() // its reason, a context or Close, is looked at next
	case woken == wire.Readable:
		return woken, gone(conn.Receive())
	}
	return woken, nil
}

// sooner is the earlier of two instants, where 0 is never.
func sooner(a, b media.Instant) media.Instant {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// changed converts what the compositor has copied, or returns nil where that was lost with the GPU's memory. The buffer is
// ours until the next shot is answered.
func (s *Source) changed() (*media.Frame, error) {
	shot, size := &s.client.shot, s.frame.Visible
	part := shot.damaged(size)
	if s.fresh {
		part = image.Rect(0, 0, size.Width, size.Height)
	}
	s.lent = *s.frame
	if err := s.client.buffer.convert(&s.lent, part, shot.flags&frameYInvert != 0); err != nil {
		if !s.client.onDevice() {
			return nil, err
		}
		s.fresh, s.lent.Surface = true, nil
		err = s.client.forsake(err)
		s.tellUseless()
		return nil, err
	}
	defer s.client.done()
	s.fresh = false
	f := &s.lent
	if f.Surface != nil {
		f.Y, f.U, f.V = media.Plane{}, media.Plane{}, media.Plane{}
	}
	at := shot.time()
	s.limiter.Took(at)
	f.Still, f.Input = false, 0
	// An input of the last millisecond, in which the compositor copied, may be claimed too soon. The one before the shot was
	// asked for would be too late by up to a frame.
	if s.config.Input != nil {
		f.Input = s.config.Input.Load()
	}
	f.Times = media.StageTimes{Damaged: at, GrabBegun: at, Grabbed: shot.arrived, Converted: media.Now()}
	if s.config.Stamp && f.Surface == nil && marker.Size.Fits(f.Visible) {
		s.counter++
		marker.DrawI420(f, marker.New(at, f.Input, s.counter))
	}
	return f, nil
}

// still hands out the last picture again, as of now.
func (s *Source) still() *media.Frame {
	now := media.Now()
	s.lent.Still = true
	s.lent.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return &s.lent
}

// tellUseless says, once, why pictures do not stay in the GPU's memory.
func (s *Source) tellUseless() {
	if reason := s.client.useless; reason != nil {
		s.client.useless = nil
		s.config.Logger.Warn("the GPU's memory cannot be used for capture; going on in shared memory", "reason", reason)
	}
}

// SetFrameRate implements capture.Source; a rate below 1 counts as 1.
func (s *Source) SetFrameRate(framesPerSecond int) { s.limiter.SetFrameRate(framesPerSecond) }

// Size implements capture.Source.
func (s *Source) Size() media.Size { return *s.size.Load() }

// Close implements capture.Source; it may be called more than once.
func (s *Source) Close() error {
	s.waker.Close() // nobody interrupts what is about to be closed
	s.running.Lock()
	defer s.running.Unlock()
	s.waker.Release()
	if s.client == nil {
		return nil
	}
	err := s.client.close()
	s.client = nil
	return err
}
