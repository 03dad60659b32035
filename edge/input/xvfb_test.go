package input

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	session "nearlight/edge/display" // this package has a display of its own
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
	"nearlight/streamer/control"
)

const patience = 10 * time.Second // for an X server on a busy machine

func TestMain(m *testing.M) {
	xgb.Logger.SetOutput(io.Discard) // it reports each hang-up, which these tests cause
	goleak.VerifyTestMain(m)
}

// server is an X server of the test's own.
type server struct {
	t       testing.TB
	process *os.Process // nil for a session's display
	name    string
	session *session.Display // nil for an Xvfb alone
}

// eachServer runs a test for Xvfb, and for Xwayland as a session has it.
func eachServer(t *testing.T, test func(t *testing.T, start func(width, height int) *server)) {
	t.Run("xvfb", func(t *testing.T) {
		test(t, func(width, height int) *server { return startServer(t, width, height) })
	})
	t.Run("wayland", func(t *testing.T) {
		test(t, func(width, height int) *server { return startWayland(t, width, height) })
	})
}

// testSlot keeps the displays of these tests apart from others'.
const testSlot = 25

func startWayland(t *testing.T, width, height int) *server {
	t.Helper()
	if err := session.Wayland.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	identity, err := sandbox.IdentityFor(testSlot)
	if err != nil {
		t.Fatal(err)
	}
	d, err := session.Start(t.Context(), session.Config{
		Kind: session.Wayland, Sandbox: sandboxtest.Probe(t), Identity: identity, Slot: testSlot, Folder: sandboxtest.Folder(t, identity),
		Size: media.Size{Width: width, Height: height},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{t: t, session: d}
}

func startServer(t testing.TB, width, height int) *server {
	t.Helper()
	path, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skipf("SKIPPED: Xvfb is not installed (apt-get install xvfb): %v", err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var said strings.Builder
	command := exec.Command(path, "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", width, height), "-nolisten", "tcp", "-noreset")
	command.ExtraFiles, command.Stderr = []*os.File{write}, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGCONT) // a test may have stopped or killed it
		_ = command.Process.Kill()
		_ = command.Wait() // "signal: killed"
	})
	if err := read.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb did not start: %v: %s", err, said.String())
	}
	if _, err := strconv.Atoi(strings.TrimSpace(number)); err != nil {
		t.Fatal(err)
	}
	return &server{t: t, process: command.Process, name: ":" + strings.TrimSpace(number)}
}

// dial connects one more client.
func (s *server) dial() *xgb.Conn {
	s.t.Helper()
	var conn *xgb.Conn
	var err error
	if s.session != nil {
		conn, err = s.session.Dial(context.Background())
	} else {
		conn, err = xgb.NewConnDisplay(s.name)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// inject starts an injector for the display. What Run returned is sent when it has ended.
func (s *server) inject() (*Injector, <-chan error) {
	s.t.Helper()
	in, err := New(s.dial(), Config{})
	if err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- in.Run(context.Background()) }()
	s.t.Cleanup(in.Close)
	return in, ended
}

// program is an X client as an app is: a window over the whole screen, with the focus, that notes what happens to it.
type program struct {
	t      testing.TB
	conn   *xgb.Conn
	root   xproto.Window
	events chan xgb.Event
	atom   xproto.Atom
}

func (s *server) program(width, height int) *program {
	s.t.Helper()
	p := &program{t: s.t, conn: s.dial(), events: make(chan xgb.Event, 10_000)}
	s.t.Cleanup(p.conn.Close)
	screen := xproto.Setup(p.conn).DefaultScreen(p.conn)
	p.root = screen.Root
	go func() {
		defer close(p.events)
		for {
			event, xerr := p.conn.WaitForEvent()
			if event == nil && xerr == nil {
				return
			}
			if event != nil {
				p.events <- event
			}
		}
	}()
	window, err := xproto.NewWindowId(p.conn)
	p.must(err)
	p.must(xproto.CreateWindowChecked(p.conn, 0, window, p.root, 0, 0, uint16(width), uint16(height), 0, xproto.WindowClassInputOutput, screen.RootVisual,
		xproto.CwOverrideRedirect|xproto.CwEventMask, []uint32{1, xproto.EventMaskKeyPress | xproto.EventMaskKeyRelease | xproto.EventMaskButtonPress |
			xproto.EventMaskButtonRelease | xproto.EventMaskPointerMotion | xproto.EventMaskStructureNotify}).Check())
	p.must(xproto.MapWindowChecked(p.conn, window).Check())
	await[xproto.MapNotifyEvent](p)
	p.must(xproto.SetInputFocusChecked(p.conn, xproto.InputFocusNone, window, xproto.TimeCurrentTime).Check())
	atom, err := xproto.InternAtom(p.conn, false, uint16(len(PropertyName)), PropertyName).Reply()
	p.must(err)
	p.atom = atom.Atom
	return p
}

// listen asks for news of the root window's properties.
func (p *program) listen() {
	p.must(xproto.ChangeWindowAttributesChecked(p.conn, p.root, xproto.CwEventMask, []uint32{xproto.EventMaskPropertyChange}).Check())
}

func (p *program) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// next waits for the next event that is not the window manager's business.
func (p *program) next() xgb.Event {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case event, ok := <-p.events:
			if !ok {
				p.t.Fatal("the display hung up")
			}
			switch event.(type) {
			case xproto.MappingNotifyEvent, xproto.ConfigureNotifyEvent:
				continue
			}
			return event
		case <-deadline:
			p.t.Fatal("no event came")
		}
	}
}

// await is the next event, which must be of type E.
func await[E xgb.Event](p *program) E {
	p.t.Helper()
	event := p.next()
	wanted, ok := event.(E)
	if !ok {
		p.t.Fatalf("got %T %v, want a %T", event, event, wanted)
	}
	return wanted
}

// announced waits for the property to change and returns its value.
func (p *program) announced() uint32 {
	p.t.Helper()
	if changed := await[xproto.PropertyNotifyEvent](p); changed.Atom != p.atom {
		p.t.Fatalf("property %d changed, want %s", changed.Atom, PropertyName)
	}
	reply, err := xproto.GetProperty(p.conn, false, p.root, p.atom, xproto.AtomCardinal, 0, 1).Reply()
	p.must(err)
	if reply.Format != 32 || reply.ValueLen != 1 {
		p.t.Fatalf("property has format %d, %d values", reply.Format, reply.ValueLen)
	}
	return xgb.Get32(reply.Value)
}

// symbol is what the display's keymap has for a keycode now, without Shift.
func (p *program) symbol(code xproto.Keycode) xproto.Keysym {
	p.t.Helper()
	reply, err := xproto.GetKeyboardMapping(p.conn, code, 1).Reply()
	p.must(err)
	return reply.Keysyms[0]
}

// pointer is where the pointer is.
func (p *program) pointer() (x, y int16) {
	p.t.Helper()
	reply, err := xproto.QueryPointer(p.conn, p.root).Reply()
	p.must(err)
	return reply.RootX, reply.RootY
}

// nothingHeld fails the test if a key or button is down.
func (p *program) nothingHeld() {
	p.t.Helper()
	keymap, err := xproto.QueryKeymap(p.conn).Reply()
	p.must(err)
	for i, octet := range keymap.Keys {
		if octet != 0 {
			p.t.Errorf("keycodes from %d: %08b are down", 8*i, octet)
		}
	}
	reply, err := xproto.QueryPointer(p.conn, p.root).Reply()
	p.must(err)
	if buttons := reply.Mask & 0x1f00; buttons != 0 {
		p.t.Errorf("buttons %#x are down", buttons)
	}
}

// receive waits for a value within patience.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	panic("unreachable")
}

func TestADisplayThatHangsUpEndsRun(t *testing.T) {
	s := startServer(t, 320, 200)
	in, ended := s.inject()
	if err := s.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended, "the end of Run"); !errors.Is(err, ErrGone) {
		t.Errorf("Run returned %v, want ErrGone", err)
	}
	pressAll(in.Join())
}

func TestRunEndsWithItsContextAndAfterClose(t *testing.T) {
	s := startServer(t, 320, 200)
	ctx, cancel := context.WithCancel(context.Background())
	in, err := New(s.dial(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	cancel()
	if err := receive(t, ended, "the end of Run"); !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want the context's error", err)
	}
	in, ended2 := s.inject()
	in.Close()
	if err := receive(t, ended2, "the end of Run"); err != nil {
		t.Errorf("Run returned %v after Close", err)
	}
}

func TestADisplayThatHangsDoesNotHoldUpClose(t *testing.T) {
	s := startServer(t, 320, 200)
	in, ended := s.inject()
	player := in.Join()
	pressAll(player)
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var sent atomic.Uint32
	blocked := make(chan bool)
	go func() { // until the socket is full: then Handle waits for the display
		defer close(blocked)
		for seq := range uint32(motionBurst) {
			player.Handle(&control.Move{Seq: seq + 100})
			sent.Store(seq)
		}
	}()
	deadline := time.Now().Add(patience)
	for before, since := uint32(0), time.Now(); time.Since(since) < 100*time.Millisecond && time.Now().Before(deadline); runtime.Gosched() {
		if now := sent.Load(); now != before {
			before, since = now, time.Now()
		}
	}
	start := time.Now()
	in.Close()
	if took := time.Since(start); took < hangTimeout || took > hangTimeout+patience/2 {
		t.Errorf("Close took %v, want no more than its patience, and all of it", took)
	}
	if err := s.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, ended, "the end of Run"); err != nil {
		t.Errorf("Run returned %v after Close", err)
	}
	receive(t, blocked, "the end of Handle")
}

func TestAKeymapThatIsNotEvdevsIsRefused(t *testing.T) {
	s := startServer(t, 320, 200)
	conn := s.dial()
	if err := xproto.ChangeKeyboardMappingChecked(conn, 1, 111, 1, []xproto.Keysym{0xff61}).Check(); err != nil { // Print, as old rules have it
		t.Fatal(err)
	}
	_, err := New(conn, Config{})
	if !errors.Is(err, ErrKeymap) {
		t.Errorf("got %v, want ErrKeymap", err)
	}
	conn.Close()
}
