//go:build linux && cgo

package window

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
)

// maxCatchUp bounds the time that one picture steps the game by: after a longer stall the game goes on where it was.
const maxCatchUp = 100 * time.Millisecond

// Run plays the game in a window until ctx ends or the window is closed, which is no error, or the display goes away. It
// locks its thread meanwhile.
func Run(ctx context.Context, config Config) error { return run(ctx, config, openScreen) }

func run(ctx context.Context, config Config, openScreen func(*display) (*screen, error)) error {
	config = config.withDefaults()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	started := media.Now()

	// The first picture's ground is built while the driver starts.
	stage := make(chan *theatre, 1)
	var building errgroup.Group
	building.Go(func() error {
		stage <- newTheatre(config.Seed)
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
	t := <-stage
	config.Logger.Info("scene ready", "size", d.size().String(), "driver", screen.renderer.Target().Driver,
		"offscreen", screen.renderer.Target().Offscreen, "shared_memory", d.shared(), "after", media.Now().Sub(started))

	l := &loop{
		config: config, display: d, screen: screen, theatre: t, started: started,
		pilot: newPilot(d.size()), pacer: newPacer(config.FrameRate, started), log: config.Logger,
		touched: started, visible: true,
	}
	l.quality = newQuality(l.pacer.period)
	err = l.run(ctx)
	config.Logger.Info("scene ended", "pictures", l.drawn, "mean", l.drawing/time.Duration(max(l.drawn, 1)), "reach", l.quality.reach)
	return err
}

// theatre is the game and what composes its pictures.
type theatre struct {
	game   *scene.Game
	studio *scene.Studio
}

func newTheatre(seed uint64) *theatre {
	t := &theatre{scene.New(seed), scene.NewStudio()}
	view := t.game.At(0, scene.Controls{}, scene.Pointer{})
	t.studio.Prepare(&view, media.Size{Width: 1280, Height: 720})
	return t
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

// loop is one run of the game.
//
//	playing --pause key or long idle--> paused --any key or button--> playing
//
// and while nothing of the window is visible nothing is drawn either.
type loop struct {
	config  Config
	display *display
	screen  *screen
	theatre *theatre
	pilot   *pilot
	pacer   pacer
	quality quality
	log     *slog.Logger
	started media.Instant

	stepped media.Instant // how far the game has come
	touched media.Instant // the last input
	paused  bool
	visible bool
	stale   bool // what is on the screen must be drawn again
	counter uint16
	ended   bool
	drawn   int           // pictures
	drawing time.Duration // what they took
}

func (l *loop) run(ctx context.Context) error {
	l.stepped = media.Now()
	l.stale = true
	for {
		if err := l.takeEvents(); err != nil {
			return err
		}
		if ctx.Err() != nil || l.ended {
			return nil
		}
		if !l.visible || (l.paused && !l.stale) {
			l.display.sleepUntilEvent()
			continue
		}
		if err := l.drawPicture(); err != nil && !errors.Is(err, errBusy) {
			return err
		}
		l.display.sleepUntil(l.pacer.next(media.Now()))
	}
}

// takeEvents applies all that the display has said.
func (l *loop) takeEvents() error {
	events, err := l.display.take()
	if err != nil {
		return err
	}
	for _, e := range withoutRepeats(events) {
		begun := l.pilot.apply(e)
		switch e.kind {
		case keyDown, keyUp, buttonDown, buttonUp, motion:
			l.touch(e, begun)
		case resized, exposed:
			l.stale = true
		case hidden:
			l.visible = false
		case shown:
			l.visible, l.stale = true, true
			l.stepped = max(l.stepped, media.Now().Add(-maxCatchUp))
		case closed:
			l.ended = true
		}
	}
	return nil
}

// touch is any input: it ends a pause, and begins or restarts a round.
func (l *loop) touch(e event, begun action) {
	now := media.Now()
	l.touched = now
	l.stale = true // so that even a paused picture answers
	pressed := e.kind == keyDown || e.kind == buttonDown
	switch {
	case l.paused:
		if pressed {
			l.resume(now)
		}
	case begun&pause != 0:
		l.paused = true
	}
	game := l.theatre.game
	switch {
	case begun&restart != 0, begun&(boost|confirm) != 0 && game.MayRestart():
		game.Restart()
	case l.pilot.used || begun&confirm != 0:
		game.Start()
	}
}

func (l *loop) resume(now media.Instant) {
	l.paused = false
	l.stepped = now
}

// drawPicture steps the game up to now and shows it.
func (l *loop) drawPicture() error {
	now := media.Now()
	if !l.config.Measure && !l.paused && now.Sub(l.touched) > l.config.Rest {
		l.paused = true
	}
	controls := l.pilot.controls()
	if !l.paused {
		l.step(now, controls)
	}
	since := min(now.Sub(l.stepped), scene.Tick)
	if l.paused {
		since = 0
	}
	view := l.theatre.game.At(since, controls, l.pilot.pointer())
	view.Paused = l.paused
	size := l.display.size()
	picture := l.theatre.studio.Compose(&view, size)
	if l.config.Measure {
		l.counter++
		picture.Mark(marker.New(media.Now(), l.pilot.sequence, l.counter))
	}
	if err := l.screen.show(picture, size); err != nil {
		return err
	}
	l.stale = false
	l.pilot.drawn()
	done := media.Now()
	if l.started != 0 {
		l.log.Info("first picture shown", "after", done.Sub(l.started))
		l.started = 0
		return nil // it compiled the shaders
	}
	l.drawn++
	l.drawing += done.Sub(now)
	l.theatre.studio.Reach = l.quality.observe(done.Sub(now))
	return nil
}

// step moves the game in whole ticks.
func (l *loop) step(now media.Instant, controls scene.Controls) {
	if behind := now.Sub(l.stepped); behind > maxCatchUp {
		l.stepped = now.Add(-maxCatchUp)
	}
	for now.Sub(l.stepped) >= scene.Tick {
		l.theatre.game.Step(controls)
		l.stepped = l.stepped.Add(scene.Tick)
	}
}
