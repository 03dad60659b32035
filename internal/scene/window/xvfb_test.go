//go:build linux && cgo

package window_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/window"
)

// patience bounds every wait for a real process.
const patience = 20 * time.Second

// server is an Xvfb of the test's own.
type server struct {
	t       testing.TB
	process *exec.Cmd
	conn    *xgb.Conn
	root    xproto.Window
	input   xproto.Atom
}

// startServer starts Xvfb and makes it the display of this process.
func startServer(t testing.TB, size media.Size) *server {
	t.Helper()
	xvfb, err := exec.LookPath("Xvfb")
	if err != nil {
		t.Skip("SKIPPED: Xvfb is missing (apt-get install xvfb), so no window was opened")
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	command := exec.Command(xvfb, "-displayfd", "3", "-screen", "0", size.String()+"x24", "-nolisten", "tcp", "-noreset")
	command.ExtraFiles = []*os.File{write}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	if err := read.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb names no display: %v", err)
	}
	t.Setenv("DISPLAY", ":"+strings.TrimSpace(number))
	xgb.Logger.SetOutput(io.Discard) // it tells of a missing .Xauthority
	conn, err := xgb.NewConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	s := &server{t: t, process: command, conn: conn, root: xproto.Setup(conn).DefaultScreen(conn).Root}
	if err := xtest.Init(conn); err != nil {
		t.Fatal(err)
	}
	const name = "_NEARLIGHT_INPUT"
	atom, err := xproto.InternAtom(conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	s.input = atom.Atom
	return s
}

// announce sets the sequence of the event that is injected next.
func (s *server) announce(sequence uint32) {
	octets := []byte{byte(sequence), byte(sequence >> 8), byte(sequence >> 16), byte(sequence >> 24)}
	xproto.ChangeProperty(s.conn, xproto.PropModeReplace, s.root, s.input, xproto.AtomCardinal, 32, 1, octets)
}

func (s *server) inject(kind, detail byte, x, y int16) {
	xtest.FakeInput(s.conn, kind, detail, 0, s.root, x, y, 0)
}

// sync returns when the server has done everything so far.
func (s *server) sync() media.Instant {
	s.t.Helper()
	if _, err := xproto.GetInputFocus(s.conn).Reply(); err != nil {
		s.t.Fatal(err)
	}
	return media.Now()
}

// picture grabs a part of the screen.
func (s *server) picture(size media.Size) []byte {
	s.t.Helper()
	reply, err := xproto.GetImage(s.conn, xproto.ImageFormatZPixmap, xproto.Drawable(s.root), 0, 0, uint16(size.Width), uint16(size.Height), 1<<32-1).Reply()
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.Data
}

// stamp reads the marker on the screen.
func (s *server) stamp() (marker.Stamp, error) {
	pixels := s.picture(marker.Size)
	green := media.Plane{Data: make([]byte, marker.Width*marker.Height), Stride: marker.Width}
	for i := range green.Data {
		green.Data[i] = pixels[4*i+1]
	}
	return marker.Decode(green, marker.Size)
}

// await polls the screen until a marker satisfies a condition.
func (s *server) await(what string, condition func(marker.Stamp) bool) marker.Stamp {
	s.t.Helper()
	var last marker.Stamp
	var lastErr error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if last, lastErr = s.stamp(); lastErr == nil && condition(last) {
			return last
		}
	}
	s.t.Fatalf("not seen within %v: %s; the last marker is %+v, %v", patience, what, last, lastErr)
	return last
}

// play runs the game until stop, which waits for its end and returns what Run returned.
func play(t testing.TB, config window.Config) (stop func() error) {
	t.Helper()
	return playWith(t, window.Run, config)
}

func playWith(t testing.TB, run func(context.Context, window.Config) error, config window.Config) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	config.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	go func() { ended <- run(ctx, config) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("still running %v after it was told to stop", patience)
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}
