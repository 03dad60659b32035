package display_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slots keeps the displays of tests apart.
const slot = 21

// way is how a display of a test is made.
type way struct {
	kind display.Kind
	*sandbox.Sandbox
}

func start(t *testing.T, w way, size, largest media.Size) *display.Display {
	t.Helper()
	if err := w.kind.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		t.Fatal(err)
	}
	d, err := display.Start(t.Context(), display.Config{
		Kind: w.kind, Sandbox: w.Sandbox, Identity: identity, Slot: slot, Folder: sandboxtest.Folder(t, identity), Size: size, MaxSize: largest,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func dial(t *testing.T, d *display.Display) *xgb.Conn {
	t.Helper()
	conn, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func root(conn *xgb.Conn) xproto.Window { return xproto.Setup(conn).DefaultScreen(conn).Root }

func rootSize(t *testing.T, conn *xgb.Conn) media.Size {
	t.Helper()
	reply, err := xproto.GetGeometry(conn, xproto.Drawable(root(conn))).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return media.Size{Width: int(reply.Width), Height: int(reply.Height)}
}

func sizes(texts ...string) (sizes []media.Size) {
	for _, text := range texts {
		size, _ := media.ParseSize(text) // its verdict on the range is not wanted here
		sizes = append(sizes, size)
	}
	return sizes
}

// ways runs a test for displays of each kind, in cages and unconfined.
func ways(t *testing.T, test func(t *testing.T, w way)) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		for _, kind := range display.Kinds() {
			t.Run(string(kind)+" in a cage", func(t *testing.T) { test(t, way{kind, sandboxtest.Probe(t)}) })
			t.Run(string(kind)+" unconfined", func(t *testing.T) { test(t, way{kind, sandbox.Disabled()}) })
		}
	})
}

// caged runs a test for displays of each kind in cages.
func caged(t *testing.T, test func(t *testing.T, w way)) {
	for _, kind := range display.Kinds() {
		t.Run(string(kind), func(t *testing.T) { test(t, way{kind, sandboxtest.Probe(t)}) })
	}
}

func TestTheScreenHasTheSessionsSizeAndFollowsIt(t *testing.T) {
	ways(t, func(t *testing.T, w way) {
		d := start(t, w, media.Size{Width: 1280, Height: 720}, media.Size{Width: 1920, Height: 1080})
		conn := dial(t, d)
		if err := display.UseExtension(conn, "RANDR"); err != nil {
			t.Fatal(err)
		}
		wanted := sizes("1280x720", "1920x1080", "1000x1080", "641x361", "16x16", "1920x400", "1280x720")
		if w.kind == display.Wayland {
			if err := d.Resize(media.Size{Width: 1281, Height: 16}); !errors.Is(err, display.ErrCannotGrow) {
				t.Errorf("growing: %v", err)
			}
			wanted = sizes("1280x720", "1280x400", "641x361", "16x16")
		}
		for _, size := range wanted {
			if err := d.Resize(size); err != nil {
				t.Fatal(err)
			}
			if got := rootSize(t, conn); got != size {
				t.Errorf("the root window is %v, want %v", got, size)
			}
			resources, err := randr.GetScreenResourcesCurrent(conn, root(conn)).Reply()
			if err != nil {
				t.Fatal(err)
			}
			crtc, err := randr.GetCrtcInfo(conn, resources.Crtcs[0], 0).Reply()
			if err != nil {
				t.Fatal(err)
			}
			monitor := size
			if w.kind == display.Wayland {
				monitor.Width &^= 7 // Xwayland's modes follow CVT, whose widths are multiples of 8
			}
			if got := (media.Size{Width: int(crtc.Width), Height: int(crtc.Height)}); got != monitor {
				t.Errorf("the monitor is %v, want %v", got, monitor)
			}
			output, err := randr.GetOutputInfo(conn, resources.Outputs[0], 0).Reply()
			if err != nil {
				t.Fatal(err)
			}
			if output.Crtc != resources.Crtcs[0] {
				t.Error("the monitor is switched off")
			}
		}
		if w.kind == display.Xvfb {
			manySizes(t, d, conn)
		}
		for _, size := range sizes("1921x1080", "15x15", "100000x100000") {
			if err := d.Resize(size); !errors.Is(err, media.ErrSize) {
				t.Errorf("resizing to %v: %v", size, err)
			}
		}
	})
}

// manySizes sees to it that a screen does not remember each size that it ever had.
func manySizes(t *testing.T, d *display.Display, conn *xgb.Conn) {
	for width := range 60 {
		if err := d.Resize(media.Size{Width: 700 + width, Height: 400}); err != nil {
			t.Fatal(err)
		}
	}
	if resources, err := randr.GetScreenResourcesCurrent(conn, root(conn)).Reply(); err != nil || len(resources.Modes) > 34 {
		t.Errorf("%d modes have accumulated, %v", len(resources.Modes), err)
	}
}

func TestNobodyEntersWithoutTheCookie(t *testing.T) {
	ways(t, func(t *testing.T, w way) {
		d := start(t, w, media.Size{Width: 640, Height: 480}, media.Size{})
		for name, cookie := range map[string]string{"none": "", "a wrong one": strings.Repeat("x", 16)} {
			socket, err := net.Dial("unix", d.Socket())
			if err != nil {
				t.Fatal(err)
			}
			request := []byte{'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0}
			if cookie != "" {
				request[6], request[8] = 18, 16
				request = append(append(request, "MIT-MAGIC-COOKIE-1\x00\x00"...), cookie...)
			}
			if _, err := socket.Write(request); err != nil {
				t.Fatal(err)
			}
			answer := make([]byte, 1)
			if _, err := socket.Read(answer); err != nil || answer[0] != 0 {
				t.Errorf("with %s the server answers %v, %v, want a refusal", name, answer, err)
			}
			socket.Close()
		}
		info, err := os.Stat(d.Authority())
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the cookie's file has mode %v, %v", info.Mode(), err)
		}
	})
}

func TestTheServerListensOnOneFileAndNothingElse(t *testing.T) {
	ways(t, func(t *testing.T, w way) {
		d := start(t, w, media.Size{Width: 640, Height: 480}, media.Size{})
		listening := map[string]bool{}
		pids := d.PIDs()
		if w.Confined() {
			pids = pids[len(pids)-1:] // bubblewrap itself stays in the machine's network
		}
		for _, pid := range pids {
			for _, file := range []string{"unix", "tcp", "tcp6"} {
				table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, file))
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range strings.Split(string(table), "\n") {
					switch fields := strings.Fields(line); {
					case file == "unix" && strings.Contains(line, ".X11-unix"):
						listening[fields[len(fields)-1]] = true
					case file != "unix" && len(fields) > 3 && fields[3] == "0A" && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", 6000+d.Number())):
						t.Errorf("it listens on TCP: %s", line)
					}
				}
			}
		}
		own := fmt.Sprintf("/tmp/.X11-unix/X%d", d.Number())
		if !listening[own] {
			t.Errorf("%s is not among the sockets %v", own, listening)
		}
		if listening["@"+own] {
			t.Errorf("the abstract socket @%s exists", own)
		}
		if w.Confined() && len(listening) != 1 {
			t.Errorf("its network has the sockets %v", listening)
		}
	})
}

func TestCloseLeavesNothing(t *testing.T) {
	ways(t, func(t *testing.T, w way) {
		d := start(t, w, media.Size{Width: 640, Height: 480}, media.Size{})
		pids, socket := d.PIDs(), d.Socket()
		if len(pids) == 0 {
			t.Fatal("the server has no process")
		}
		for range 2 {
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
		}
		<-d.Done()
		for _, pid := range pids {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
				t.Errorf("process %d is still there", pid)
			}
		}
		for _, path := range []string{socket, d.Authority(), filepath.Dir(d.Authority())} {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
		if _, err := d.Dial(t.Context()); !errors.Is(err, display.ErrClosed) {
			t.Errorf("dialling a closed display: %v", err)
		}
	})
}

func TestAServerThatDiesIsReported(t *testing.T) {
	for _, kind := range display.Kinds() {
		for _, program := range kind.Programs() {
			if program == "swaymsg" {
				continue // runs at the end alone
			}
			t.Run(string(kind)+" "+program, func(t *testing.T) {
				d := start(t, way{kind, sandboxtest.Probe(t)}, media.Size{Width: 640, Height: 480}, media.Size{})
				kill(t, d, program)
				<-d.Done()
				if err := d.Resize(media.Size{Width: 320, Height: 240}); err == nil {
					t.Error("a dead display was resized")
				}
			})
		}
	}
}

// kill ends the display's process of that name.
func kill(t *testing.T, d *display.Display, name string) {
	t.Helper()
	for _, pid := range d.PIDs() {
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || strings.TrimSpace(string(comm)) != name {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := process.Kill(); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("there is no %s", name)
}

func TestStartRefusesWhatCannotBe(t *testing.T) {
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	caged(t, func(t *testing.T, w way) {
		for _, step := range []struct {
			name          string
			ctx           context.Context
			size, largest media.Size
			want          error
		}{
			{"a size above the maximum", t.Context(), media.Size{Width: 1280, Height: 720}, media.Size{Width: 640, Height: 480}, media.ErrSize},
			{"no size", t.Context(), media.Size{}, media.Size{}, media.ErrSize},
			{"8K", t.Context(), media.Size{Width: 7680, Height: 4320}, media.Size{}, media.ErrSize},
			{"a start that was given up", cancelled, media.Size{Width: 640, Height: 480}, media.Size{}, context.Canceled},
		} {
			t.Run(step.name, func(t *testing.T) {
				folder := sandboxtest.Folder(t, identity)
				d, err := display.Start(step.ctx, display.Config{
					Kind: w.kind, Sandbox: w.Sandbox, Identity: identity, Slot: slot, Folder: folder, Size: step.size, MaxSize: step.largest,
				})
				if !errors.Is(err, step.want) {
					t.Errorf("got %v, %v", d, err)
				}
				if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
					t.Errorf("left %v, %v", left, err)
				}
			})
		}
	})
}

func BenchmarkStart(b *testing.B) {
	for _, kind := range display.Kinds() {
		b.Run(string(kind), func(b *testing.B) { benchmarkStart(b, kind) })
	}
}

func benchmarkStart(b *testing.B, kind display.Kind) {
	if err := kind.Installed(); err != nil {
		b.Skipf("SKIPPED %s: %v", b.Name(), err)
	}
	s, err := sandbox.Probe(b.Context())
	if err != nil {
		b.Skipf("SKIPPED, this machine cannot confine apps: %v", err)
	}
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		b.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "nearlight-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o711); err != nil {
		b.Fatal(err)
	}
	session := filepath.Join(folder, "session")
	if err := identity.MakeFolder(session); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		d, err := display.Start(b.Context(), display.Config{
			Kind: kind, Sandbox: s, Identity: identity, Slot: slot, Folder: session,
			Size: media.Size{Width: 1280, Height: 720}, MaxSize: media.Size{Width: 1920, Height: 1080},
		})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
