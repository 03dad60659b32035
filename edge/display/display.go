// Package display answers one question: how does a session get a screen of its own?
//
// A Display is an X server of one of two kinds (Kind). Xvfb is started at the largest size that the session may take,
// because it cannot grow, and set to the session's size through RandR. Wayland is Xwayland with a screen of its own, on
// the screen of a compositor without a monitor, whose size it follows.
//
//	sandbox ── Xvfb                       xvfb
//	sandbox ── sway ── sh ── Xwayland     wayland
//
// Either X server listens on a socket in the session's folder alone, neither on TCP nor on an abstract socket, and lets
// nobody in without its own random cookie. There is no desktop, so a keeper, a window manager of a few rules, gives
// windows the focus and the whole screen. Apps reach the X server alone, never the compositor.
//
//	Start ── ready ── Close, or the server ends ── Done
//
// A Display may be used from several goroutines.
package display

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

// Errors that callers branch on.
var (
	// ErrNoServer reports that this machine lacks a program that makes displays; the message says what to install.
	ErrNoServer = errors.New("no display can be made")
	// ErrStart reports that the display's server did not come up; the message holds its own words.
	ErrStart = errors.New("the display's server did not start")
	// ErrCannotGrow reports a size that a running display cannot take, and a new one could.
	ErrCannotGrow = errors.New("a Wayland display cannot grow")
	// ErrClosed reports a call on a display that is gone.
	ErrClosed = errors.New("display is closed")
)

const (
	// startTimeout is far above the 60 ms that Xvfb takes on an idle core.
	startTimeout = 20 * time.Second
	// stopGrace lets an unconfined Xvfb remove its socket and lock file.
	stopGrace = 2 * time.Second
	// firstNumber keeps the numbers of displays in cages away from a desktop's own, for whoever reads a process list.
	firstNumber = 100
	// longestSocket is what a Unix socket's address holds (unix(7)), less the final zero octet.
	longestSocket = 107
	// dpi is what programs take for an ordinary screen.
	dpi = 96
	// descriptor of the pipe on which the server says that it is ready: the first after the standard ones.
	readyDescriptor = 3
	// resizeTimeout is far above the few milliseconds in which Xwayland follows its compositor, resizeTick how often that is
	// looked at.
	resizeTimeout = 5 * time.Second
	resizeTick    = 2 * time.Millisecond
	// serverWords bounds how much of the server's own output an error shows.
	serverWords = 2048
)

// Where a confined program finds what a display lends it.
const (
	socketsInside   = "/tmp/.X11-unix"
	authorityInside = "/run/display/Xauthority"
)

// Config is what Start needs. All but Kind, Slot, MaxSize, FrameRate and Log must be set.
type Config struct {
	Kind     Kind // empty means Xvfb
	Sandbox  *sandbox.Sandbox
	Identity sandbox.Identity // the user that the server runs as
	Slot     int              // gives a confined display its number; displays that run at the same time differ in it
	Folder   string           // belongs to the identity; the display makes and removes a folder of its own in it
	Size     media.Size
	MaxSize  media.Size // the largest size Resize will be asked for; zero means Size
	// FrameRate is how many pictures a second are taken, 0 for DefaultFrameRate: a compositor's refresh rate follows from it.
	FrameRate int
	Log       *slog.Logger // nil discards
}

// Display is a running X server.
type Display struct {
	number    int
	folder    string
	socket    string
	authority string
	cookie    [cookieBytes]byte
	max       media.Size
	confined  bool

	compositor *compositor // nil for Xvfb
	server     *sandbox.Process
	namespaces *sandbox.Namespaces
	keeper     *keeper
	kept       chan struct{} // closed when the keeper has ended
	close      func() error

	resize sync.Mutex // one at a time
	size   media.Size // under resize
}

// Start starts a server and returns when it is ready and has the session's size. ctx bounds the start alone.
func Start(ctx context.Context, c Config) (_ *Display, err error) {
	if c.MaxSize == (media.Size{}) {
		c.MaxSize = c.Size
	}
	if err := errors.Join(c.Size.Check(), c.MaxSize.Check()); err != nil {
		return nil, fmt.Errorf("starting a display: %w", err)
	}
	if !c.Size.Fits(c.MaxSize) {
		return nil, fmt.Errorf("starting a display: %w: %v is larger than the session's maximum %v", media.ErrSize, c.Size, c.MaxSize)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Kind == "" {
		c.Kind = Xvfb
	}
	if c.FrameRate == 0 {
		c.FrameRate = DefaultFrameRate
	}
	if c.Kind == Offscreen {
		return nil, errors.New("start a display: offscreen is none, its source draws by itself")
	}
	if err := c.Kind.Installed(); err != nil {
		return nil, fmt.Errorf("starting a display: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()

	d := &Display{
		number: firstNumber + c.Slot, folder: filepath.Join(c.Folder, "display"), max: c.MaxSize, size: c.MaxSize,
		confined: c.Sandbox.Confined(), kept: make(chan struct{}),
	}
	d.close = sync.OnceValue(d.end)
	d.authority = filepath.Join(d.folder, "Xauthority")
	sockets := filepath.Join(d.folder, "x11")
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("starting a display: %w", err), d.Close())
		}
	}()
	if _, err := rand.Read(d.cookie[:]); err != nil {
		return nil, err
	}
	if err := errors.Join(
		c.Identity.MakeFolder(d.folder),
		c.Identity.MakeFolder(sockets),
		c.Identity.WriteFile(d.authority, authorityFile(d.cookie)),
	); err != nil {
		return nil, err
	}
	if c.Kind == Wayland {
		d.compositor, d.size = &compositor{frameRate: c.FrameRate}, c.Size
	}
	if err := d.start(ctx, c, sockets); err != nil {
		return nil, err
	}
	conn, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	keeper, err := newKeeper(conn, c.Log)
	if err != nil {
		conn.Close()
		return nil, err
	}
	d.keeper = keeper
	go func() {
		defer close(d.kept)
		d.keeper.run()
	}()
	if err := d.Resize(c.Size); err != nil {
		return nil, err
	}
	return d, nil
}

// Number is the display's number, as in :100.
func (d *Display) Number() int { return d.number }

// Name is what DISPLAY holds for programs of the session.
func (d *Display) Name() string { return ":" + strconv.Itoa(d.number) }

// Socket is the path of the server's socket as the edge reaches it.
func (d *Display) Socket() string { return d.socket }

// CompositorSocket is the path of the compositor's socket as the edge reaches it, by which the screen is captured; empty for
// Xvfb.
func (d *Display) CompositorSocket() string {
	if d.compositor == nil {
		return ""
	}
	return d.compositor.socket()
}

// Authority is the path of the file with the display's cookie, in Xauthority form, as the edge reaches it.
func (d *Display) Authority() string { return d.authority }

// Cookie is the MIT-MAGIC-COOKIE-1 that lets a client in.
func (d *Display) Cookie() []byte { return append([]byte(nil), d.cookie[:]...) }

// MaxSize is the largest size that Resize takes.
func (d *Display) MaxSize() media.Size { return d.max }

// Size is the screen's size as it was set last.
func (d *Display) Size() media.Size {
	d.resize.Lock()
	defer d.resize.Unlock()
	return d.size
}

// Lend completes a command so that it runs on this display and, when confined, within its cage.
func (d *Display) Lend(c *sandbox.Command) {
	authority := d.authority
	if d.confined {
		authority = authorityInside
		c.Inside = d.namespaces
		c.Binds = append(c.Binds,
			sandbox.Bind{Outside: filepath.Dir(d.socket), Inside: socketsInside}, sandbox.Bind{Outside: d.authority, Inside: authorityInside})
	}
	c.Env = append(c.Env, "DISPLAY="+d.Name(), "XAUTHORITY="+authority)
}

// Resize gives the screen another size, at most MaxSize. Windows that fill the screen follow. A Wayland display cannot
// grow: Xwayland 22.1 goes on using buffers of the old size, so that every other picture would be of that size.
func (d *Display) Resize(size media.Size) error {
	if err := size.Check(); err != nil {
		return fmt.Errorf("resizing %s: %w", d.Name(), err)
	}
	if !size.Fits(d.max) {
		return fmt.Errorf("resizing %s: %w: %v is larger than the session's maximum %v", d.Name(), media.ErrSize, size, d.max)
	}
	d.resize.Lock()
	defer d.resize.Unlock()
	if size == d.size {
		return nil
	}
	if d.compositor != nil && !size.Fits(d.size) {
		return fmt.Errorf("resizing %s: %w from %v to %v", d.Name(), ErrCannotGrow, d.size, size)
	}
	setSize := func() error { return setScreenSize(d.keeper.conn, d.keeper.root, size) }
	if d.compositor != nil {
		setSize = func() error { return d.resizeCompositor(size) }
	}
	if err := setSize(); err != nil {
		return fmt.Errorf("resizing %s: %w", d.Name(), err)
	}
	d.size = size
	return nil
}

// PIDs lists the server's processes, its cage's included, for measuring them.
func (d *Display) PIDs() []int { return d.server.PIDs() }

// Done is closed when the server has ended, by Close or by itself.
func (d *Display) Done() <-chan struct{} { return d.server.Done() }

// Close ends the server, and with it every program that was started in its cage, and removes its files. It returns when
// nothing is left, and may be called more than once.
func (d *Display) Close() error { return d.close() }

func (d *Display) end() error {
	var errs []error
	if d.keeper != nil {
		d.keeper.conn.Close()
		<-d.kept
	}
	if d.server != nil {
		grace := stopGrace
		if d.confined {
			grace = 0 // its files are in the cage, or in the folder below
		}
		d.server.Stop(grace)
	}
	if d.namespaces != nil {
		errs = append(errs, d.namespaces.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(d.folder))...)
}
