package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"nearlight/edge/app"
	"nearlight/edge/audio"
	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland"
	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/capture/x11"
	"nearlight/edge/display"
	"nearlight/edge/input"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// stopGrace is how long an app may take to save when its session ends.
const stopGrace = 2 * time.Second

// screen is a session's display with what the edge attaches to it: capture, input, and the app once it is launched. The scene
// off screen has no display, and is the app itself.
type screen struct {
	folder    string
	identity  sandbox.Identity
	sandbox   *sandbox.Sandbox
	display   *display.Display // nil off screen
	offscreen *offscreen       // nil with a display
	source    capture.Source
	memory    *gpubuffer.Device     // of the GPU that source's pictures lie on; nil for the host's
	pointer   pointer               // nil where source sees the pointer itself
	cursors   <-chan capture.Cursor // nil where there are none
	injector  *input.Injector
	audio     *audio.Server // nil where there is none: silence says why
	silence   error
	app       *app.Process // nil before launch, and off screen
}

// pointer watches the pointer's picture while it runs.
type pointer interface {
	Run(context.Context) error
	Close() error
}

// screenConfig says how a screen begins.
type screenConfig struct {
	kind          display.Kind
	sandbox       *sandbox.Sandbox
	slot          int
	folder        string // parent of the screen's own
	size, maxSize media.Size
	frameRate     int
	chroma        media.Chroma
	stamp         bool
	audio         bool
	nvidia        string // folder of NVIDIA's libraries, empty for where the system looks
	logger        *slog.Logger
}

// gpu is where the screen's pictures lie; zero for the host's memory, or a card that CUDA does not know.
func (s *screen) gpu() encoder.GPU {
	var context *cuda.Context
	switch {
	case s.offscreen != nil:
		context = s.offscreen.gpu
	case s.memory != nil:
		context = s.memory.CUDA()
	}
	if context == nil {
		return encoder.GPU{}
	}
	return context.Device().UUID
}

// openScreen starts a display and attaches capture and input. Whatever fails, nothing is left behind.
func openScreen(ctx context.Context, config screenConfig) (_ *screen, err error) {
	s := &screen{sandbox: config.sandbox}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if config.kind == display.Offscreen {
		return s, s.openOffscreen(config)
	}
	if s.identity, err = sandbox.IdentityFor(config.slot); err != nil {
		return nil, err
	}
	s.folder = filepath.Join(config.folder, fmt.Sprintf("slot-%d", config.slot))
	if err := os.RemoveAll(s.folder); err != nil { // of an edge that was killed
		return nil, fmt.Errorf("clear the session's folder: %w", err)
	}
	if err := s.identity.MakeFolder(s.folder); err != nil {
		return nil, fmt.Errorf("make the session's folder: %w", err)
	}
	if config.audio { // beside the display, which takes longer
		s.audio, s.silence = audio.Start(audio.Config{Sandbox: config.sandbox, Identity: s.identity, Folder: s.folder, Log: config.logger})
	}
	s.display, err = display.Start(ctx, display.Config{
		Kind: config.kind, Sandbox: config.sandbox, Identity: s.identity, Slot: config.slot, Folder: s.folder,
		Size: config.size, MaxSize: config.maxSize, FrameRate: config.frameRate, Log: config.logger,
	})
	if err != nil {
		return nil, err
	}
	last := new(atomic.Uint32)
	connection, err := s.display.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect input to the display: %w", err)
	}
	if s.injector, err = input.New(connection, input.Config{Logger: config.logger, Last: last, Tap: input.ShortestTap}); err != nil {
		connection.Close()
		return nil, err
	}
	return s, s.capture(ctx, config, last)
}

// capture attaches the source of pictures that fits the display. A compositor's pictures come without the pointer, which
// its X server tells.
func (s *screen) capture(ctx context.Context, config screenConfig, last *atomic.Uint32) error {
	server := x11.Config{
		Socket: s.display.Socket(), Cookie: s.display.Cookie(), FrameRate: config.frameRate, Input: last, Stamp: config.stamp,
		Chroma: config.chroma, Logger: config.logger,
	}
	if compositor := s.display.CompositorSocket(); compositor != "" {
		screen := wayland.Config{Socket: compositor, FrameRate: config.frameRate, Input: last, Stamp: config.stamp, Chroma: config.chroma, Logger: config.logger}
		if s.memory = openGPUMemory(config); s.memory != nil {
			screen.Device = s.memory
		}
		source, err := wayland.Open(ctx, screen)
		if err != nil {
			return err
		}
		s.source = source
		pointer, err := x11.OpenPointer(ctx, server)
		if err != nil {
			return err
		}
		s.pointer, s.cursors = pointer, pointer.Cursors()
		return nil
	}
	source, err := x11.Open(ctx, server)
	if err != nil {
		return err
	}
	s.source, s.cursors = source, source.Cursors()
	return nil
}

// openOffscreen readies the scene without a display.
func (s *screen) openOffscreen(config screenConfig) (err error) {
	if s.offscreen, err = openOffscreen(config); err != nil {
		return err
	}
	s.source = s.offscreen.source
	s.injector = input.NewDirect(s.offscreen.source, input.Config{Logger: config.logger, Tap: input.ShortestTap})
	s.injector.SetSize(config.size.Width, config.size.Height)
	return nil
}

// resize gives the screen another size.
func (s *screen) resize(size media.Size) error {
	if s.offscreen == nil {
		return s.display.Resize(size)
	}
	if err := size.Check(); err != nil {
		return fmt.Errorf("resize the scene: %w", err)
	}
	s.offscreen.source.SetSize(size)
	s.injector.SetSize(size.Width, size.Height)
	return nil
}

// ended is closed when the display is gone; nil, which never is, where there is none: its source fails then.
func (s *screen) ended() <-chan struct{} {
	if s.display == nil {
		return nil
	}
	return s.display.Done()
}

// appEnded is closed when the app has ended; nil where it is the screen itself.
func (s *screen) appEnded() <-chan struct{} {
	if s.app == nil {
		return nil
	}
	return s.app.Done()
}

// launch starts the app on the screen. Off screen our own scene plays already, and becomes what checkers ask for where its arguments would
// have the program do that.
func (s *screen) launch(ctx context.Context, d app.Description, logger *slog.Logger) error {
	if s.offscreen != nil {
		if slices.Contains(d.Arguments, "--challenge") {
			s.offscreen.source.Challenge()
		}
		return nil
	}
	in := app.Surroundings{Sandbox: s.sandbox, Identity: s.identity, Display: s.display, Audio: s.audio, Folder: s.folder}
	if s.audio != nil {
		awaitSound(ctx, s.audio, logger)
	}
	process, err := app.Launch(d, in)
	if err != nil {
		return err
	}
	s.app = process
	return nil
}

// close ends the app, then the rest, and returns when nothing is left. It may be called more than once, not concurrently.
func (s *screen) close() error {
	var errs []error
	if s.app != nil {
		s.app.Stop(stopGrace)
	}
	if s.pointer != nil {
		errs = append(errs, s.pointer.Close())
	}
	if s.source != nil {
		errs = append(errs, s.source.Close())
	}
	if s.memory != nil {
		errs = append(errs, s.memory.Close()) // after the source's buffers
	}
	if s.injector != nil {
		s.injector.Close()
	}
	if s.offscreen != nil {
		errs = append(errs, s.offscreen.close())
	}
	if s.audio != nil {
		errs = append(errs, s.audio.Close())
	}
	if s.display != nil {
		errs = append(errs, s.display.Close())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}
