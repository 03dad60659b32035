package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/edge/display"
	"nearlight/internal/e2e/e2etest"
)

// Exit codes of the program.
const (
	exitFailed = 1
	exitUsage  = 2
	exitLacks  = 3
)

func TestAWrongCommandLineIsRefusedAndNamed(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name      string
		arguments []string
		env       []string
		names     []string // what the message must contain
	}{
		{"an unknown command", []string{"upp"}, nil, []string{"upp"}},
		{"an unknown flag", []string{"up", "--sise", "1280x720"}, nil, []string{"--sise", "--help"}},
		{"a command without --", []string{"up", "supertux2"}, nil, []string{"supertux2", "--"}},
		{"an unknown app", []string{"up", "--app", "supertoox"}, nil, []string{"supertoox", "supertux"}},
		{"an app and a command", []string{"up", "--app", "scene", "--", "xclock"}, nil, []string{"--app", "command"}},
		{"8K", []string{"up", "--size", "7680x4320"}, nil, []string{"7680x4320", "size"}},
		{"a single pixel", []string{"up", "--size", "1x1"}, nil, []string{"1x1", "size"}},
		{"no size at all", []string{"up", "--size", "large"}, nil, []string{"large", "--size"}},
		{"a size above the largest", []string{"up", "--size", "1280x720", "--max-size", "640x480"}, nil, []string{"1280x720", "640x480"}},
		{"no frames", []string{"up", "--fps", "0"}, nil, []string{"--fps", "0"}},
		{"more frames than any screen shows", []string{"up", "--fps", "10000"}, nil, []string{"--fps", "10000"}},
		{"frames that are no number", []string{"up", "--fps", "sixty"}, nil, []string{"sixty", "--fps"}},
		{"a bitrate without a number", []string{"up", "--bitrate", "fast"}, nil, []string{"fast", "--bitrate"}},
		{"a bitrate that no picture fits in", []string{"up", "--bitrate", "1"}, nil, []string{"bitrate"}},
		{"a negative bitrate", []string{"up", "--bitrate", "-8M"}, nil, []string{"bitrate"}},
		{"a bitrate beyond any network", []string{"up", "--bitrate", "900000G"}, nil, []string{"bitrate"}},
		{"an unknown encoder", []string{"up", "--encoder", "mpeg2"}, nil, []string{"mpeg2", "x264"}},
		{"an unknown display", []string{"up", "--display", "hologram"}, nil, []string{"hologram", "offscreen"}},
		{"an app that needs a display, without one", []string{"up", "--app", "supertux", "--display", "offscreen"}, nil, []string{"--display offscreen", "--app scene"}},
		{"a benchmark of a clock without a display", []string{"bench", "pipeline", "--display", "offscreen"}, nil, []string{"--display offscreen", "--source scene"}},
		{"no slots", []string{"up", "--slots", "0"}, nil, []string{"slot", "0"}},
		{"an address without a port", []string{"up", "--listen", "localhost"}, nil, []string{"localhost", "HOST:PORT"}},
		{"a port that is no port", []string{"up", "--listen", "127.0.0.1:http-ish"}, nil, []string{"http-ish", "--listen"}},
		{"a bad value in the environment", []string{"up"}, []string{"NEARLIGHT_FPS=sixty"}, []string{"NEARLIGHT_FPS", "sixty"}},
		{"an unknown setting in the environment", []string{"up"}, []string{"NEARLIGHT_FSP=60"}, []string{"NEARLIGHT_FSP"}},
		{"a settings file that is not there", []string{"up", "--config", "missing.yaml"}, nil, []string{"missing.yaml"}},
		{"an edge without signaling", []string{"edge"}, nil, []string{"--verify-key"}},
		{"signaling without a key", []string{"signaling"}, nil, []string{"--verify-key"}},
		{"an unknown benchmark", []string{"bench", "glas"}, nil, []string{"glas"}},
		{"a benchmark of an unknown encoder", []string{"bench", "encoder", "--encoder", "mpeg2"}, nil, []string{"mpeg2", "x264"}},
		{"a benchmark of a size that is none", []string{"bench", "encoder", "--sizes", "large"}, nil, []string{"large", "--sizes"}},
		{"a benchmark of no time", []string{"bench", "encoder", "--seconds", "0"}, nil, []string{"--seconds"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			refused(t, e2etest.Run(t, e2etest.Options{Env: step.env}, step.arguments...), exitUsage, step.names...)
		})
	}
}

func TestABadSettingsFileIsRefusedAndNamed(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name, text string
		names      []string
	}{
		{"an unknown setting", "fsp: 60\n", []string{"nearlight.yaml", "fsp"}},
		{"a bad value", "size: 1x1\n", []string{"nearlight.yaml", "--size", "1x1"}},
		{"no YAML", "size: [1280\n", []string{"nearlight.yaml"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "nearlight.yaml"), []byte(step.text), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, e2etest.Run(t, e2etest.Options{Dir: folder}, "up"), exitUsage, step.names...)
		})
	}
}

func TestAMachineThatLacksSomethingIsToldWhatToInstall(t *testing.T) {
	t.Parallel()
	for _, kind := range display.Kinds() {
		for _, program := range kind.Programs() {
			t.Run("no "+program, func(t *testing.T) {
				t.Parallel()
				if err := kind.Installed(); err != nil {
					t.Skipf("SKIPPED %s: %v", t.Name(), err)
				}
				path, err := exec.LookPath(program)
				if err != nil {
					t.Fatal(err)
				}
				r := e2etest.Run(t, e2etest.Options{Hide: []string{path}}, "up", "--listen", "127.0.0.1:0", "--no-sandbox", "--display", string(kind))
				refused(t, r, exitLacks, append(kind.Packages(), program+" is not installed", "apt install")...)
			})
		}
	}
	t.Run("no bubblewrap", func(t *testing.T) {
		t.Parallel()
		r := e2etest.Run(t, e2etest.Options{Env: []string{"PATH=" + t.TempDir()}}, "up", "--listen", "127.0.0.1:0")
		refused(t, r, exitLacks, "bubblewrap", "apt install bubblewrap", "--no-sandbox")
	})
	t.Run("no Chromium for a benchmark", func(t *testing.T) {
		t.Parallel()
		r := e2etest.Run(t, e2etest.Options{Env: []string{"PATH=" + t.TempDir()}}, "bench", "glass", "--json")
		refused(t, r, exitLacks, "Chromium", "apt install chromium")
	})
}

func TestABusyPortIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("of the pages", func(t *testing.T) {
		r := e2etest.Run(t, e2etest.Options{}, "up", "--listen", "127.0.0.1:"+port)
		refused(t, r, exitFailed, port, "in use", "--listen")
	})
	t.Run("of the stream", func(t *testing.T) {
		r := e2etest.Run(t, e2etest.Options{}, "up", "--listen", "127.0.0.1:0", "--media-port", port)
		refused(t, r, exitFailed, port, "in use", "--media-port")
	})
}

// refused checks that a run ended with the code, said why on standard error, and promised nothing on standard output.
func refused(t *testing.T, r e2etest.Result, code int, names ...string) {
	t.Helper()
	if r.Code != code {
		t.Errorf("want exit code %d: %v", code, r)
	}
	if r.Stdout != "" {
		t.Errorf("standard output is not empty: %v", r)
	}
	lines := strings.Split(strings.TrimSpace(r.Stderr), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "nearlight: ") {
		t.Errorf("the last line is not the error: %v", r)
	}
	for _, name := range names {
		if !strings.Contains(last, name) {
			t.Errorf("the error does not name %q: %s", name, last)
		}
	}
}
