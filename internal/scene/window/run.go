//go:build linux && cgo

package window

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/internal/scene/play"
)

// Run plays the game in a window until ctx ends or the window is closed, which is no error, or the display goes away. It
// locks its thread meanwhile.
func Run(ctx context.Context, config Config) error { return run(ctx, config, openScreen) }

func run(ctx context.Context, config Config, openScreen func(*display) (*screen, error)) error {
	config = config.withDefaults()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started := media.Now()

	// The first picture's ground is built while the driver starts.
	built := make(chan show, 1)
	var building errgroup.Group
	building.Go(func() error {
		built <- newShow(config)
		return nil
	})
	defer building.Wait() //nolint:errcheck // it returns nil

	d, err := openDisplay(config.Size)
	if err != nil {
		return err
	}
	defer d.close()
	defer context.AfterFunc(ctx, d.wake)()
	screen, err := openScreen(d)
	if err != nil {
		return err
	}
	defer screen.close()
	show := <-built
	config.Logger.Info("scene ready", "size", d.size().String(), "driver", screen.renderer.Target().Driver,
		"offscreen", screen.renderer.Target().Offscreen, "shared_memory", d.shared(), "after", media.Now().Sub(started))

	l := &loop{
		display: d, screen: screen, show: show, started: started, pacer: play.NewPacer(config.FrameRate, started), log: config.Logger, visible: true,
	}
	err = l.run(ctx)
	config.Logger.Info("scene ended", "pictures", show.Pictures(), "mean", l.drawing/time.Duration(max(show.Pictures()-1, 1)), "reach", show.Reach())
	return err
}

// show is what the window shows: the game, or what a checker asks for.
type show interface {
	Begin(size media.Size, period time.Duration, now media.Instant)
	Take(e play.Event, now media.Instant)
	Still() bool
	Picture(size media.Size, now media.Instant) *scene.Picture
	Mark(picture *scene.Picture, at media.Instant)
	Shown(took time.Duration)
	Pictures() int
	Reach() float64
}

var (
	_ show = (*play.Show)(nil)
	_ show = (*arena.Show)(nil)
)

func newShow(config Config) show {
	if config.Challenge {
		return arena.NewShow()
	}
	return play.New(play.Config{Seed: config.Seed, Measure: config.Measure, Rest: config.Rest})
}

// screen is where pictures go: context and renderer, and whether they pass through memory.
type screen struct {
	context  *gles.Context
	renderer *gles.Renderer
	display  *display
	size     media.Size
}

// openScreen draws to the window if a GPU stands behind it, off screen if not.
func openScreen(d *display) (*screen, error) {
	if d.direct() {
		if s, err := openDirect(d); err == nil {
			if !s.renderer.Target().Software {
				return s, nil
			}
			s.close()
		}
	}
	return newScreen(d, gles.OpenOffscreen)
}

// openDirect draws to the window.
func openDirect(d *display) (*screen, error) {
	return newScreen(d, func() (*gles.Context, error) { return gles.OpenWindow(d.native()) })
}

func newScreen(d *display, open func() (*gles.Context, error)) (*screen, error) {
	c, err := open()
	if err != nil {
		return nil, err
	}
	r, err := gles.NewRenderer(c)
	if err != nil {
		c.Close()
		return nil, err
	}
	return &screen{context: c, renderer: r, display: d}, nil
}

func (s *screen) close() {
	s.renderer.Close()
	s.context.Close()
}

// show draws a picture and hands it to the display.
func (s *screen) show(p *scene.Picture, size media.Size) error {
	if size != s.size {
		if err := s.renderer.Resize(size); err != nil {
			return err
		}
		s.size = size
	}
	if !s.renderer.Target().Offscreen {
		if err := s.renderer.Draw(p); err != nil {
			return err
		}
		return s.context.Swap()
	}
	pixels, err := s.display.canvas(size)
	if err != nil {
		return err
	}
	if err := s.renderer.Draw(p); err != nil {
		return err
	}
	if err := s.renderer.Read(pixels); err != nil {
		return err
	}
	return s.display.show()
}

// loop shows one run of the game. While nothing of the window is visible nothing is drawn.
type loop struct {
	display *display
	screen  *screen
	show    show
	pacer   play.Pacer
	log     *slog.Logger
	started media.Instant // 0 once the first picture was shown

	visible bool
	ended   bool
	drawing time.Duration // what pictures took
}

func (l *loop) run(ctx context.Context) error {
	l.show.Begin(l.display.size(), l.pacer.Period(), media.Now())
	for {
		if err := l.takeEvents(); err != nil {
			return err
		}
		if ctx.Err() != nil || l.ended {
			return nil
		}
		if !l.visible || l.show.Still() {
			l.display.sleepUntilEvent()
			continue
		}
		if err := l.drawPicture(); err != nil && !errors.Is(err, errBusy) {
			return err
		}
		l.display.sleepUntil(l.pacer.Next(media.Now()))
	}
}

// takeEvents applies all that the display has said.
func (l *loop) takeEvents() error {
	events, err := l.display.take()
	if err != nil {
		return err
	}
	for _, e := range play.WithoutRepeats(events) {
		l.show.Take(e, media.Now())
		switch e.Kind {
		case play.Hidden:
			l.visible = false
		case play.Shown:
			l.visible = true
		case play.Closed:
			l.ended = true
		}
	}
	return nil
}

// drawPicture makes the picture of this instant and shows it.
func (l *loop) drawPicture() error {
	now := media.Now()
	size := l.display.size()
	picture := l.show.Picture(size, now)
	l.show.Mark(picture, media.Now())
	if err := l.screen.show(picture, size); err != nil {
		return err
	}
	done := media.Now()
	l.show.Shown(done.Sub(now))
	if l.started != 0 {
		l.log.Info("first picture shown", "after", done.Sub(l.started))
		l.started = 0
		return nil // it compiled the shaders
	}
	l.drawing += done.Sub(now)
	return nil
}
