package scene

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"nearlight/edge/capture"
	"nearlight/internal/alarm"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/internal/scene/play"
)

var _ capture.Source = (*Source)(nil)

// errClosed is what Next returns once the source is closed.
var errClosed = fmt.Errorf("%w: capture was closed", capture.ErrGone)

// show is what the source shows: the game, or what a checker asks for.
type show interface {
	Begin(size media.Size, period time.Duration, now media.Instant)
	SetPeriod(time.Duration)
	Take(e play.Event, now media.Instant)
	Still() bool
	Input() uint32
	Picture(size media.Size, now media.Instant) *scene.Picture
	Mark(picture *scene.Picture, at media.Instant)
	Shown(took time.Duration)
}

var (
	_ show = (*play.Show)(nil)
	_ show = (*arena.Show)(nil)
)

// Source is one run of the game, or of a challenge.
type Source struct {
	config    Config
	target    gles.Target
	inbox     inbox
	frameRate atomic.Int64
	size      atomic.Pointer[media.Size] // as it was set
	resting   atomic.Bool                // Next waits for input: put has to wake it
	challenge atomic.Bool                // is what is to be shown
	waker     capture.Waker

	// running is held by Next for as long as it runs, and guards all that follows.
	running sync.Mutex
	canvas  *canvas      // nil once closed
	alarm   *alarm.Alarm // nil once closed
	show    show
	asked   bool // show is what a checker asks for
	pacer   play.Pacer
	paced   int64         // the frame rate that pacer was made for
	due     media.Instant // the next picture
	last    media.Instant // when the last picture was made
	frame   media.Frame
}

// Open readies the game and draws a first picture, which nobody sees, so that none that is seen waits for shaders. The error wraps
// gles.ErrUnavailable where this machine cannot draw, or cannot on Config.GPU.
func Open(config Config) (*Source, error) { return open(config, gles.OpenOn) }

func open(config Config, context func(gles.Adapter) (*gles.Context, error)) (_ *Source, err error) {
	if config.FrameRate == 0 {
		config.FrameRate = DefaultFrameRate
	}
	if config.FrameRate < 0 {
		return nil, fmt.Errorf("the scene at %d frames per second: must be positive", config.FrameRate)
	}
	if err := config.Size.Check(); err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	s := &Source{config: config}
	s.frameRate.Store(int64(config.FrameRate))
	if s.canvas, err = openCanvas(config.GPU, config.Chroma, context); err != nil {
		return nil, fmt.Errorf("draw the scene off screen: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.alarm, err = alarm.New(); err != nil {
		return nil, err
	}
	s.waker.Arm(s.alarm.Wake)
	s.target = s.canvas.renderer.Target()
	s.show = play.New(play.Config{Seed: config.Seed, Measure: config.Stamp})
	s.SetSize(config.Size)
	s.follow(media.Now())
	s.show.Begin(config.Size, s.pacer.Period(), media.Now())
	if _, err := s.draw(media.Now()); err != nil {
		return nil, fmt.Errorf("draw the scene off screen: %w", err)
	}
	return s, nil
}

// Target says what draws the pictures. Its Software is false on a GPU.
func (s *Source) Target() gles.Target { return s.target }

// Next implements capture.Source. A zero or negative idle waits for a picture alone.
func (s *Source) Next(ctx context.Context, idle time.Duration) (*media.Frame, error) {
	s.running.Lock()
	defer s.running.Unlock()
	until := alarm.Never
	if idle > 0 && s.last != 0 {
		until = media.Now().Add(idle)
	}
	s.waker.Watch(ctx)
	defer s.resting.Store(false)
	for {
		if s.canvas == nil || s.waker.Closed() {
			return nil, errClosed
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := media.Now()
		s.follow(now)
		if s.challenge.Load() && !s.asked {
			s.show, s.asked = arena.NewShow(), true
			s.show.Begin(s.Size(), s.pacer.Period(), now)
			now = media.Now()
		}
		s.resting.Store(s.show.Still())
		for _, e := range s.inbox.take() {
			s.show.Take(e, now)
		}
		wake := s.due
		if s.show.Still() && s.last != 0 {
			wake = alarm.Never
		}
		switch {
		case now >= wake:
			return s.draw(now)
		case now >= until:
			return s.still(now), nil
		}
		if err := s.alarm.SleepUntil(min(wake, until)); err != nil {
			return nil, err
		}
	}
}

// follow takes in a frame rate that was set meanwhile.
func (s *Source) follow(now media.Instant) {
	rate := s.frameRate.Load()
	if rate == s.paced {
		return
	}
	s.paced = rate
	s.pacer = play.NewPacer(int(rate), now)
	s.due = now
	if s.last != 0 { // a faster grid begins no sooner than it allows
		s.due = max(now, s.last.Add(s.pacer.Period()))
		s.pacer = play.NewPacer(int(rate), s.due)
	}
	s.show.SetPeriod(s.pacer.Period())
}

// draw makes the picture of now.
func (s *Source) draw(now media.Instant) (_ *media.Frame, err error) {
	if err := s.canvas.enter(); err != nil {
		return nil, gone(err)
	}
	defer func() {
		if left := s.canvas.leave(); left != nil && err == nil {
			err = gone(left)
		}
	}()
	if size := s.Size(); size != s.canvas.size {
		if err := s.canvas.resize(size); err != nil {
			return nil, gone(err)
		}
	}
	f := &s.frame
	picture := s.show.Picture(s.canvas.drawnSize(), now)
	s.show.Mark(picture, media.Now())
	if err := s.canvas.draw(picture, f); err != nil {
		return nil, gone(err)
	}
	f.Input, f.Still = s.show.Input(), false
	s.show.Shown(media.Now().Sub(now))
	s.last = now
	s.due = s.pacer.Next(media.Now())
	return f, nil
}

// gone makes an error of what ends the source.
func gone(err error) error {
	return fmt.Errorf("%w: the scene cannot be drawn any more: %w", capture.ErrGone, err)
}

// still hands out the last picture again, as of now.
func (s *Source) still(now media.Instant) *media.Frame {
	s.frame.Still = true
	s.frame.Times = media.StageTimes{Damaged: now, GrabBegun: now, Grabbed: now, Converted: now}
	return &s.frame
}

// Challenge ends the game: from the next picture on a checker is shown what it types (package arena), each picture with its marker.
func (s *Source) Challenge() {
	s.challenge.Store(true)
	s.wakeResting()
}

// SetFrameRate implements capture.Source; a rate below 1 counts as 1. It holds from the next call of Next.
func (s *Source) SetFrameRate(framesPerSecond int) { s.frameRate.Store(int64(max(framesPerSecond, 1))) }

// SetSize sets the size of the following pictures, which has to be one that Size.Check takes.
func (s *Source) SetSize(size media.Size) {
	s.size.Store(&size)
	s.inbox.resize(size)
	s.wakeResting()
}

// Size implements capture.Source.
func (s *Source) Size() media.Size { return *s.size.Load() }

// Announce tells the sequence of the input whose events follow, 0 for none yet: Frame.Input and the marker name it from the
// next picture on.
func (s *Source) Announce(sequence uint32) { s.inbox.announce(sequence) }

// Key presses or releases a physical key, by the kernel's code (linux/input-event-codes.h).
func (s *Source) Key(evdev uint16, down bool) {
	kind := play.KeyUp
	if down {
		kind = play.KeyDown
	}
	symbol := play.Symbol(evdev)
	if s.challenge.Load() {
		symbol = arena.Symbol(evdev)
	}
	s.inbox.put(kind, symbol)
	s.wakeResting()
}

// Button presses or releases a button, by X's number of it.
func (s *Source) Button(number byte, down bool) {
	kind := play.ButtonUp
	if down {
		kind = play.ButtonDown
	}
	s.inbox.put(kind, uint32(number))
	s.wakeResting()
}

// MoveTo puts the pointer to a place, in pixels.
func (s *Source) MoveTo(x, y int) {
	s.inbox.move(false, x, y)
	s.wakeResting()
}

// MoveBy moves the pointer from where it is.
func (s *Source) MoveBy(dx, dy int) {
	s.inbox.move(true, dx, dy)
	s.wakeResting()
}

// wakeResting makes a Next that waits for input, since the game is paused, look for it.
func (s *Source) wakeResting() {
	if s.resting.Load() {
		s.waker.Wake()
	}
}

// Close implements capture.Source; it may be called more than once. No encoder that was given a frame is at work.
func (s *Source) Close() error {
	s.waker.Close()
	s.running.Lock()
	defer s.running.Unlock()
	s.waker.Release()
	var errs []error
	if s.canvas != nil {
		errs = append(errs, s.canvas.close())
		s.canvas = nil
	}
	if s.alarm != nil {
		errs = append(errs, s.alarm.Close())
		s.alarm = nil
	}
	return errors.Join(errs...)
}
