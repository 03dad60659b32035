package audio_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nearlight/edge/audio"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
	"nearlight/internal/tone"
	"nearlight/internal/tone/player"
)

// actApp turns the test's binary into an app that plays a tone.
const (
	actApp   = "NEARLIGHT_TEST_TONE"
	actAgain = "again" // its value for the app itself, and any other for what runs it
)

func TestMain(m *testing.M) {
	if is := os.Getenv(actApp); is != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if is == actAgain {
			_ = player.Run(ctx, player.Config{Hertz: hertz, Log: os.Stderr}) // it ends with its test
			return
		}
		again(ctx)
		return
	}
	goleak.VerifyTestMain(m)
}

// again runs the app as often as it ends: its client of the sound server crashes where that goes while it lets the client in.
func again(ctx context.Context) {
	for ctx.Err() == nil {
		app := exec.CommandContext(ctx, "/proc/self/exe")
		app.Env = append(os.Environ(), actApp+"="+actAgain)
		app.Stderr = os.Stderr
		app.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		_ = app.Run() // whatever its end was
		time.Sleep(100 * time.Millisecond)
	}
}

// slot keeps the servers of these tests apart from other tests'.
const slot = 25

const (
	patience = 20 * time.Second
	hertz    = 700
)

// forEachKind runs a test with each kind of sound server.
func forEachKind(t *testing.T, test func(t *testing.T, kind *audio.Kind)) {
	for _, kind := range audio.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			if err := kind.Installed(); err != nil {
				t.Skipf("SKIPPED %s: %v", t.Name(), err)
			}
			test(t, kind)
		})
	}
}

// hall is a sound server with who listens to it.
type hall struct {
	kind     *audio.Kind
	server   *audio.Server
	sandbox  *sandbox.Sandbox
	identity sandbox.Identity
	folder   string

	mu      sync.Mutex
	heard   []int16 // the newest second
	moments []time.Duration
	ends    media.Instant // of what was captured last
	audible []error
}

func open(t *testing.T, kind *audio.Kind, s *sandbox.Sandbox) *hall {
	t.Helper()
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{kind: kind, sandbox: s, identity: identity, folder: sandboxtest.Folder(t, identity)}
	if h.server, err = audio.Start(audio.Config{Kind: kind, Sandbox: s, Identity: identity, Folder: h.folder}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	captured := make(chan error, 1)
	go func() { captured <- h.server.Capture(ctx, h) }()
	t.Cleanup(func() {
		cancel()
		if err := <-captured; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := h.server.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(h.folder); err != nil || len(left) > 1 { // the sandbox's own stage
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return h
}

// Captured implements audio.Listener.
func (h *hall) Captured(samples []int16, captured media.Instant) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends != 0 {
		h.moments = append(h.moments, captured.Sub(h.ends))
	}
	h.ends = captured.Add(time.Duration(len(samples)/audio.Channels) * time.Second / audio.SampleRate)
	h.heard = append(h.heard, samples...)
	h.heard = h.heard[max(len(h.heard)-audio.SampleRate*audio.Channels, 0):]
}

// Audible implements audio.Listener.
func (h *hall) Audible(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.audible = append(h.audible, err)
}

// lately is what was captured in the newest tenth of a second.
func (h *hall) lately() []int16 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.heard[max(len(h.heard)-audio.SampleRate*audio.Channels/10, 0):])
}

func (h *hall) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v; told %v", what, patience, h.audible)
		}
	}
}

func (h *hall) playing() bool { return tone.Share(h.lately(), hertz) > 0.9 }

// play runs a program of the session that plays.
func (h *hall) play(t *testing.T, arguments ...string) (ended func() string) {
	t.Helper()
	said := new(bytes.Buffer)
	command := sandbox.Command{
		Args: arguments, Env: []string{"PATH=" + sandbox.Path, "HOME=/nonexistent", actApp + "=1"}, Dir: "/", Output: said, Identity: h.identity, Scratch: h.folder,
		Binds: []sandbox.Bind{{Outside: filepath.Dir(arguments[0])}},
	}
	h.server.Lend(&command)
	process, err := h.sandbox.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop(0) })
	return func() string {
		<-process.Done()
		return said.String()
	}
}

// sing runs an app that plays a tone.
func (h *hall) sing(t *testing.T) {
	t.Helper()
	folder, err := os.MkdirTemp("", "sing-") // other users may not enter where the test's binary lies
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	own, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	app := filepath.Join(folder, "sing")
	if err := errors.Join(os.Chmod(folder, 0o755), os.WriteFile(app, own, 0o755)); err != nil {
		t.Fatal(err)
	}
	h.play(t, app)
}

func TestWhatAnAppPlaysIsCaptured(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		sandboxtest.ForEachUser(t, func(t *testing.T) {
			for name, s := range map[string]*sandbox.Sandbox{"in a cage": sandboxtest.Probe(t), "unconfined": sandbox.Disabled()} {
				t.Run(name, func(t *testing.T) {
					h := open(t, kind, s)
					if err := h.server.Up(t.Context()); err != nil {
						t.Fatal(err)
					}
					h.sing(t)
					h.until(t, "the tone is heard", h.playing)
				})
			}
		})
	})
}

func TestAnAppThatPlaysByALSAIsCaptured(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		player, err := exec.LookPath("speaker-test")
		if err != nil {
			t.Skipf("SKIPPED %s: %v (apt-get install alsa-utils libasound2-plugins)", t.Name(), err)
		}
		h := open(t, kind, sandboxtest.Probe(t))
		if err := h.server.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.play(t, player, "-t", "sine", "-f", "700", "-c", "2", "-r", "48000", "-l", "0")
		h.until(t, "the tone is heard", h.playing)
	})
}

func TestASoundServerThatIsKilledOrHangsIsReplaced(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		h := open(t, kind, sandboxtest.Probe(t))
		h.sing(t)
		h.until(t, "the tone is heard", h.playing)
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			another := h.another(t)
			if err := syscall.Kill(h.serverProcess(t), signal); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			h.until(t, "another server", another)
			h.mu.Lock()
			h.heard = h.heard[:0]
			h.mu.Unlock()
			h.until(t, "the tone is back", h.playing)
			t.Logf("after %v the tone is back within %v", signal, time.Since(began).Round(time.Millisecond))
		}
	})
}

// findServer is the server's own process, within its cage: the first of those by its name.
func (h *hall) findServer() (int, bool) {
	pids := h.server.PIDs()
	slices.Sort(pids)
	for _, pid := range pids {
		if name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm")); err == nil && strings.TrimSpace(string(name)) == h.kind.Program() {
			return pid, true
		}
	}
	return 0, false
}

// another is whether there is another server than now, of which a process may be left for a moment.
func (h *hall) another(t *testing.T) func() bool {
	t.Helper()
	outermost := func() int {
		pids := h.server.PIDs()
		if len(pids) == 0 {
			return 0
		}
		return slices.Min(pids)
	}
	before := outermost()
	return func() bool { now := outermost(); return now != 0 && now != before }
}

func (h *hall) serverProcess(t *testing.T) int {
	t.Helper()
	pid, is := h.findServer()
	if !is {
		t.Fatal("there is no server")
	}
	return pid
}

func TestAnAppCannotLoadModulesOrEndTheServer(t *testing.T) {
	pactl, err := exec.LookPath("pactl")
	if err != nil {
		t.Skipf("SKIPPED %s: %v (apt-get install pulseaudio-utils)", t.Name(), err)
	}
	kind := audio.Kinds()[0] // PipeWire learned to refuse modules in 1.0
	if err := kind.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	h := open(t, kind, sandboxtest.Probe(t))
	if err := h.server.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := h.serverProcess(t)
	for _, arguments := range [][]string{
		{pactl, "load-module", "module-null-sink"}, {pactl, "load-module", "module-pipe-sink", "file=/tmp/x"}, {pactl, "exit"},
	} {
		if said := h.play(t, arguments...)(); !strings.Contains(said, "ailure") && !strings.Contains(said, "denied") {
			t.Errorf("%v: %q", arguments[1:], said)
		}
	}
	if said := h.play(t, pactl, "info")(); !strings.Contains(said, "Default Sink: nearlight") {
		t.Errorf("the server says %q", said)
	}
	if h.serverProcess(t) != before {
		t.Error("the server was ended by an app")
	}
}

func TestFragmentsFollowEachOtherWithoutAGap(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		h := open(t, kind, sandboxtest.Probe(t))
		h.until(t, "a second of silence", func() bool {
			h.mu.Lock()
			defer h.mu.Unlock()
			return len(h.moments) > int(time.Second/audio.FragmentTime)
		})
		h.mu.Lock()
		defer h.mu.Unlock()
		var sum time.Duration
		for _, gap := range h.moments {
			sum += gap
		}
		// The first fragment comes late; from then on they come as the clock goes.
		if mean := sum / time.Duration(len(h.moments)); mean.Abs() > audio.FragmentTime {
			t.Errorf("fragments are %v apart beyond their length", mean)
		}
		if len(h.audible) != 1 || h.audible[0] != nil {
			t.Errorf("told %v", h.audible)
		}
	})
}

func TestAFolderThatIsTooDeepIsRefused(t *testing.T) {
	_, err := audio.Start(audio.Config{Kind: audio.Kinds()[0], Sandbox: sandbox.Disabled(), Folder: filepath.Join(t.TempDir(), strings.Repeat("deep", 30))})
	if err == nil || !strings.Contains(err.Error(), "too deep") {
		t.Errorf("error %v", err)
	}
}
