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

	frameRate atomic.Int64
	size      atomic.Pointer[media.Size]

	// waking guards what makes a blocked Next return; it is never held while anything blocks.
	waking sync.Mutex
	closed bool
	awake  *wire.Conn // nil once closed

	// running is held by Next for as long as it runs, and guards all that follows.
	running sync.Mutex
	client  *client // nil once closed
	frame   *media.Frame
	fresh   bool   // nothing of frame was converted yet
	counter uint16 // of the marker
	limiter capture.Limiter
	limited int64           // the frame rate that limiter was set to
	watched <-chan struct{} // the context that wakes Next, by its Done channel
	unwatch func() bool
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
	s := &Source{config: config, client: &client{conn: conn, device: config.Device}, awake: conn}
	s.frameRate.Store(int64(config.FrameRate))
	stop := context.AfterFunc(ctx, s.interrupt)
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
	if s.client != nil {
		s.watch(ctx)
	}
	for refusals := 0; ; {
		if s.client == nil || s.isClosed() {
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
			s.limit()
			if earliest := s.limiter.Earliest(); media.Now() < earliest {
				next = sooner(next, earliest)
				break
			}
			s.client.ask()
		case offered:
			s.fit()
			if err := s.client.answer(); err != nil {
				return nil, err
			}
			s.tellUseless()
		case taken:
			return s.changed()
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

func (s *Source) limit() {
	if rate := s.frameRate.Load(); rate != s.limited {
		s.limiter.SetFrameRate(int(rate))
		s.limited = rate
	}
}

// changed converts what the compositor has copied. The buffer is ours until the next shot is answered.
func (s *Source) changed() (*media.Frame, error) {
	shot, f := &s.client.shot, s.frame
	defer s.client.done()
	part := shot.damaged(f.Visible)
	if s.fresh {
		part = image.Rect(0, 0, f.Visible.Width, f.Visible.Height)
	}
	if err := s.client.buffer.convert(f, part, shot.flags&frameYInvert != 0); err != nil {
		return nil, err
	}
	s.fresh = false
	at := shot.time()
	s.limiter.Took(at)
	f.Still, f.Input = false, 0
	// An input of the last millisecond, in which the compositor copied, may be claimed too soon. The one before the shot was
	// asked for would be too late by up to a frame.
	if s.config.Input != nil {
		f.Input = s.config.Input.Load()
	}
	f.Times = media.StageTimes{Damaged: at, GrabBegun: at, Grabbed: shot.arrived, Converted: media.Now()}
	if s.config.Stamp && marker.Size.Fits(f.Visible) {
		s.counter++
		marker.DrawI420(f, marker.New(at, f.Input, s.counter))
	}
	return f, nil
}

// still hands out the last picture again, as of now.
func (s *Source) still() *media.Frame {
	now := media.Now()
	s.frame.Still = true
	s.frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return s.frame
}

// tellUseless says, once, why pictures do not stay in the GPU's memory.
func (s *Source) tellUseless() {
	if reason := s.client.useless; reason != nil {
		s.client.useless = nil
		s.config.Logger.Warn("the GPU's memory cannot be used for capture; going on in shared memory", "reason", reason)
	}
}

// SetFrameRate implements capture.Source; a rate below 1 counts as 1. It holds from the next call of Next.
func (s *Source) SetFrameRate(framesPerSecond int) { s.frameRate.Store(int64(max(framesPerSecond, 1))) }

// Size implements capture.Source.
func (s *Source) Size() media.Size { return *s.size.Load() }

// Close implements capture.Source; it may be called more than once.
func (s *Source) Close() error {
	s.waking.Lock()
	s.closed = true
	if s.awake != nil {
		s.awake.Interrupt()
	}
	s.awake = nil // nobody interrupts what is about to be closed
	s.waking.Unlock()

	s.running.Lock()
	defer s.running.Unlock()
	if s.unwatch != nil {
		s.unwatch()
		s.unwatch = nil
	}
	if s.client == nil {
		return nil
	}
	err := s.client.close()
	s.client = nil
	return err
}

func (s *Source) isClosed() bool {
	s.waking.Lock()
	defer s.waking.Unlock()
	return s.closed
}

// interrupt makes Next return from its wait. It stays so until the wait has noticed.
func (s *Source) interrupt() {
	s.waking.Lock()
	defer s.waking.Unlock()
	if s.awake != nil {
		s.awake.Interrupt()
	}
}

// watch makes the end of ctx interrupt Next. A caller passes the same context for each frame, so it is told apart by
// its Done channel and registered once.
func (s *Source) watch(ctx context.Context) {
	if ctx.Done() == s.watched {
		return
	}
	if s.unwatch != nil {
		s.unwatch()
		s.unwatch = nil
	}
	s.watched = ctx.Done()
	if s.watched != nil {
		s.unwatch = context.AfterFunc(ctx, s.interrupt)
	}
}
