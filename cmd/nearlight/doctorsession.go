package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/edge/app"
	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland"
	"nearlight/edge/capture/x11"
	"nearlight/edge/display"
	"nearlight/edge/input"
	"nearlight/edge/sandbox"
	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// Patience of the checks on a display; each usually takes a few milliseconds, a scene's first picture a few hundred.
const (
	screenPatience = 3 * time.Second
	scenePatience  = 15 * time.Second
	sceneTrial     = time.Second // for which its pictures are counted
	scenePause     = time.Second // to end by itself
	glance         = 100 * time.Millisecond
)

const glPackages = installFrom + "libegl1 libgles2 libgl1-mesa-dri"

func displayPackages(kind display.Kind) string {
	return installFrom + strings.Join(kind.Packages(), " ")
}

// ward is a display as a session has it, for trying out.
type ward struct {
	kind     display.Kind
	cage     *sandbox.Sandbox
	identity sandbox.Identity
	folder   string
	display  *display.Display
	x        *xgb.Conn
	root     xproto.Window
	source   capture.Source
}

// checkSession starts a display and does on it what a session does: capture, input, an app that draws, and sound.
func (d *doctor) checkSession(ctx context.Context, cage *sandbox.Sandbox, tell func(finding)) {
	w := &ward{kind: display.Kind(d.display), cage: cage}
	defer w.leave(tell)
	started := time.Now()
	if err := w.open(ctx, media.Size(d.size), d.fps); err != nil {
		tell(trouble(fails, "display", err, displayPackages(w.kind)))
		return
	}
	where := "in its cage"
	if !cage.Confined() {
		where = "outside of any cage"
	}
	tell(finding{works, "display", fmt.Sprintf("%s of %v, %s, ready in %s", w.kind, d.size.String(), where, shown(time.Since(started))), ""})
	if err := w.attach(ctx, d.fps); err != nil {
		tell(trouble(fails, "capture", err, "make build"))
		return
	}
	took, err := w.tryCapture(ctx)
	if err != nil {
		tell(trouble(fails, "capture", err, ""))
		return
	}
	tell(finding{works, "capture", "what is drawn arrives, grabbed and converted in " + shown(took), ""})
	if err := w.tryInput(ctx); err != nil {
		tell(trouble(fails, "input", err, displayPackages(w.kind)))
	} else {
		tell(finding{works, "input", "the pointer goes where a player moves it", ""})
	}
	tell(w.tryScene(ctx))
	tell(w.trySound(ctx))
}

// checkOtherDisplays tries the kinds of display that were not asked for: an edge runs without them.
func (d *doctor) checkOtherDisplays(ctx context.Context, cage *sandbox.Sandbox, tell func(finding)) {
	for _, kind := range display.Kinds() {
		if kind == display.Kind(d.display) {
			continue
		}
		w := &ward{kind: kind, cage: cage}
		tell(w.tryAll(ctx, media.Size(d.size), d.fps))
		w.leave(tell)
	}
}

// tryAll is checkSession without an app, in one finding.
func (w *ward) tryAll(ctx context.Context, size media.Size, fps int) finding {
	what, started := "display "+string(w.kind), time.Now()
	if err := w.open(ctx, size, fps); err != nil {
		return trouble(doubts, what, err, displayPackages(w.kind))
	}
	ready := time.Since(started)
	if err := w.attach(ctx, fps); err != nil {
		return trouble(doubts, what, err, "make build")
	}
	took, err := w.tryCapture(ctx)
	if err != nil {
		return trouble(doubts, what, err, "")
	}
	if err := w.tryInput(ctx); err != nil {
		return trouble(doubts, what, err, displayPackages(w.kind))
	}
	detail := fmt.Sprintf("ready in %s, captured in %s, takes input", shown(ready), shown(took))
	if w.kind == display.Wayland && !sandbox.HasGPU() {
		detail += "; without a GPU (/dev/dri) it draws on the processor, where xvfb is sooner"
	}
	return finding{works, what, detail, ""}
}

// leave closes the ward and tells what that left behind.
func (w *ward) leave(tell func(finding)) {
	if err := w.close(); err != nil {
		tell(finding{doubts, "display " + string(w.kind), fmt.Sprintf("left something behind: %v", err), ""})
	}
}

// attach begins to capture the display.
func (w *ward) attach(ctx context.Context, fps int) error {
	quiet := slog.New(slog.DiscardHandler)
	if compositor := w.display.CompositorSocket(); compositor != "" {
		source, err := wayland.Open(ctx, wayland.Config{Socket: compositor, FrameRate: fps, Logger: quiet})
		if err == nil {
			w.source = source
		}
		return err
	}
	source, err := x11.Open(ctx, x11.Config{Socket: w.display.Socket(), Cookie: w.display.Cookie(), FrameRate: fps, Logger: quiet})
	if err == nil {
		w.source = source
	}
	return err
}

// open starts the display in a folder of its own, as an edge does.
func (w *ward) open(ctx context.Context, size media.Size, fps int) (err error) {
	if w.identity, err = sandbox.IdentityFor(0); err != nil {
		return err
	}
	if w.folder, err = os.MkdirTemp("", "nearlight-doctor-"); err != nil {
		return err
	}
	if err := os.Chmod(w.folder, 0o711); err != nil { // the session's user passes through
		return err
	}
	if err := w.identity.MakeFolder(w.session()); err != nil {
		return err
	}
	w.display, err = display.Start(ctx, display.Config{
		Kind: w.kind, Sandbox: w.cage, Identity: w.identity, Folder: w.session(), Size: size, FrameRate: fps,
	})
	if err != nil {
		return err
	}
	if w.x, err = w.display.Dial(ctx); err != nil {
		return err
	}
	w.root = xproto.Setup(w.x).DefaultScreen(w.x).Root
	return nil
}

func (w *ward) session() string { return filepath.Join(w.folder, "session") }

// close ends what open and the checks began.
func (w *ward) close() error {
	var errs []error
	if w.source != nil {
		errs = append(errs, w.source.Close())
	}
	if w.x != nil {
		w.x.Close()
	}
	if w.display != nil {
		errs = append(errs, w.display.Close())
	}
	if w.folder != "" {
		errs = append(errs, os.RemoveAll(w.folder))
	}
	return errors.Join(errs...)
}

// tryCapture fills the screen white, then black, and waits for frames that show it. It returns the time of the last
// grab and conversion.
func (w *ward) tryCapture(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, screenPatience)
	defer cancel()
	pencil, err := xproto.NewGcontextId(w.x)
	if err != nil {
		return 0, err
	}
	if err := xproto.CreateGCChecked(w.x, pencil, xproto.Drawable(w.root), 0, nil).Check(); err != nil {
		return 0, err
	}
	size := w.display.Size()
	var took time.Duration
	for _, c := range []struct {
		pixel     uint32
		low, high byte // of the luma
	}{{0xffffff, 230, 240}, {0, 11, 21}} {
		xproto.ChangeGC(w.x, pencil, xproto.GcForeground, []uint32{c.pixel})
		xproto.PolyFillRectangle(w.x, xproto.Drawable(w.root), pencil, []xproto.Rectangle{{Width: uint16(size.Width), Height: uint16(size.Height)}})
		for {
			f, err := w.source.Next(ctx, screenPatience)
			if errors.Is(err, context.DeadlineExceeded) || err == nil && f.Still {
				return 0, fmt.Errorf("the screen was filled, and no frame shows it within %v", screenPatience)
			} else if err != nil {
				return 0, err
			}
			middle := f.Y.Data[size.Height/2*f.Y.Stride+size.Width/2]
			if middle >= c.low && middle <= c.high {
				took = f.Times.Converted.Sub(f.Times.GrabBegun)
				break
			}
		}
	}
	return took, nil
}

// tryInput moves the pointer to the picture's last pixel as a player would, and asks the server where it is.
func (w *ward) tryInput(ctx context.Context) error {
	connection, err := w.display.Dial(ctx)
	if err != nil {
		return err
	}
	injector, err := input.New(connection, input.Config{})
	if err != nil {
		connection.Close()
		return err
	}
	defer injector.Close()
	player := injector.Join()
	defer player.Leave()
	player.Handle(&control.Move{Seq: 1, X: 65535, Y: 65535})
	size := w.display.Size()
	for deadline := time.Now().Add(screenPatience); ; {
		at, err := xproto.QueryPointer(w.x, w.root).Reply()
		if err != nil {
			return fmt.Errorf("ask for the pointer: %w", err)
		}
		if int(at.RootX) == size.Width-1 && int(at.RootY) == size.Height-1 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the pointer was moved to the corner and is at %d,%d", at.RootX, at.RootY)
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
}

// tryScene runs Nearlight's own game in the cage and counts its pictures. A machine on which it cannot draw can still run
// games that need no OpenGL.
func (w *ward) tryScene(ctx context.Context) finding {
	const what = "drawing"
	catalogue, err := app.Embedded()
	if err != nil {
		return trouble(doubts, what, err, "")
	}
	scene, err := catalogue.Lookup("scene")
	if err != nil {
		return trouble(doubts, what, err, "")
	}
	started := time.Now()
	process, err := app.Launch(scene, app.Surroundings{Sandbox: w.cage, Identity: w.identity, Display: w.display, Folder: w.session()})
	if err != nil {
		return trouble(doubts, what, err, glPackages)
	}
	defer process.Stop(scenePause)
	var first time.Duration // from its start to its first picture
	pictures := 0
	for first == 0 || time.Since(started) < first+sceneTrial {
		f, err := w.source.Next(ctx, glance)
		if err != nil {
			return trouble(doubts, what, err, "")
		}
		select {
		case <-process.Done():
			return finding{doubts, what, process.Ending() + ": " + strings.Join(process.LastLines(2), " "), glPackages}
		default:
		}
		switch {
		case first != 0 && !f.Still:
			pictures++
		case first == 0 && !f.Still && hasContrast(f):
			first = time.Since(started)
		case first == 0 && time.Since(started) > scenePatience:
			return finding{doubts, what, fmt.Sprintf("%s drew nothing within %v", scene.Title, scenePatience), glPackages}
		}
	}
	rate := float64(pictures) / (time.Since(started) - first).Seconds()
	return finding{works, what, fmt.Sprintf("%s, first picture after %s, then %.0f a second", driverOf(process.LastLines(20)), shown(first), rate), ""}
}

// hasContrast reports whether a picture is more than the black that tryCapture left.
func hasContrast(f *media.Frame) bool {
	const step, bright = 16, 64
	for y := 0; y < f.Visible.Height; y += step {
		for x := 0; x < f.Visible.Width; x += step {
			if f.Y.Data[y*f.Y.Stride+x] > bright {
				return true
			}
		}
	}
	return false
}

// driverName finds what the scene logs of its OpenGL driver.
var driverName = regexp.MustCompile(`driver=(?:"([^"]*)"|(\S+))`)

func driverOf(lines []string) string {
	found := driverName.FindStringSubmatch(strings.Join(lines, "\n"))
	if found == nil {
		return "OpenGL"
	}
	return found[1] + found[2]
}
