package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nearlight/edge/app"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
)

// Environment variables that turn the test's binary into another program.
const (
	actOwn  = "NEARLIGHT_TEST_OWN"
	actEdge = "NEARLIGHT_TEST_EDGE"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(actOwn) != "":
		fmt.Println("nearlight", strings.Join(os.Args[1:], " "))
		return
	case os.Getenv(actEdge) != "":
		runEdge()
	}
	goleak.VerifyTestMain(m)
}

const slot = 23

// surroundings makes a display for apps to run on.
func surroundings(t *testing.T, s *sandbox.Sandbox) app.Surroundings {
	t.Helper()
	return surroundingsOn(t, display.Xvfb, s)
}

func surroundingsOn(t *testing.T, kind display.Kind, s *sandbox.Sandbox) app.Surroundings {
	t.Helper()
	if err := kind.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		t.Fatal(err)
	}
	in := app.Surroundings{Sandbox: s, Identity: identity, Folder: sandboxtest.Folder(t, identity)}
	in.Display, err = display.Start(t.Context(), display.Config{
		Kind: kind, Sandbox: s, Identity: identity, Slot: slot, Folder: in.Folder, Size: media.Size{Width: 1280, Height: 720}, MaxSize: media.Size{Width: 1920, Height: 1080},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Display.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// kinds runs a test for apps in cages and for unconfined ones, as root and as an ordinary user.
func kinds(t *testing.T, test func(t *testing.T, in app.Surroundings)) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		t.Run("in a cage", func(t *testing.T) { test(t, surroundings(t, sandboxtest.Probe(t))) })
		t.Run("unconfined", func(t *testing.T) { test(t, surroundings(t, sandbox.Disabled())) })
	})
}

// run launches an app, waits for its end, and returns what it said.
func run(t *testing.T, d app.Description, in app.Surroundings) (string, *app.Process) {
	t.Helper()
	p, err := app.Launch(d, in)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	return strings.Join(p.LastLines(100), "\n"), p
}

func TestAnAppThatEndsIsToldFromOneThatCannotStart(t *testing.T) {
	kinds(t, func(t *testing.T, in app.Surroundings) {
		said, p := run(t, app.Command("sh", "-c", "echo loading; echo 'no level' >&2; exit 3"), in)
		if want := "loading\nno level"; said != want {
			t.Errorf("its last lines are %q, want %q", said, want)
		}
		if got := p.Ending(); !strings.HasPrefix(got, "sh ended with status 3 after 0.") || errors.Is(p.Err(), sandbox.ErrNotStarted) {
			t.Errorf("it says %q", got)
		}
		if _, p := run(t, app.Command("true"), in); p.Err() != nil || !strings.HasPrefix(p.Ending(), "true ended after 0.") {
			t.Errorf("an app that ends well says %q", p.Ending())
		}
		plain := filepath.Join(in.Folder, "plain")
		if err := os.WriteFile(plain, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct{ reason, program, want string }{
			{"a missing path", "/opt/no/such/game", "game could not be started: /opt/no/such/game: no such file"},
			{"a missing name", "no-such-game", "no-such-game could not be started: not installed"},
			{"a folder", "/usr", "usr could not be started: /usr is a folder"},
			{"a file without the right to run", plain, "plain could not be started: " + plain + " is not executable; run: chmod +x " + plain},
		} {
			if _, err := app.Launch(app.Command(step.program), in); !errors.Is(err, sandbox.ErrNotStarted) || err.Error() != step.want {
				t.Errorf("%s: %v", step.reason, err)
			}
		}
		if _, err := app.Launch(app.Description{Title: "Game", Program: "no-such-game", Package: "game"}, in); err == nil || !strings.Contains(err.Error(), "run: apt install game") {
			t.Errorf("a game that is not installed: %v", err)
		}
	})
}

func TestAnAppSeesItsDisplayItsHomeAndNoMore(t *testing.T) {
	kinds(t, func(t *testing.T, in app.Surroundings) {
		if _, err := sandbox.Look("xdpyinfo", nil); err != nil {
			t.Skip("SKIPPED, xdpyinfo is not installed")
		}
		d := app.Command("sh", "-c", `xdpyinfo | awk '/dimensions/ { print $2 }'; cat ~/.config/game/options; touch ~/saved && echo $1`, "sh", "{width}x{height}")
		d.Files = []app.File{{Path: ".config/game/options", Content: "size {width}x{height} in {home}\n"}}
		d.Environment = map[string]string{"MODE": "full"}
		home := filepath.Join(in.Folder, "home")
		seen := home
		if in.Sandbox.Confined() {
			seen = sandbox.Home
		}
		if said, p := run(t, d, in); said != "1280x720\nsize 1280x720 in "+seen+"\n1280x720" {
			t.Errorf("it says %q, %v", said, p.Err())
		}
		if _, err := os.Stat(filepath.Join(home, "saved")); err != nil {
			t.Errorf("what it saved is not kept for the session: %v", err)
		}
		t.Setenv("SECRET", "of the edge")
		said, _ := run(t, app.Command("env"), in)
		for _, want := range []string{"DISPLAY=" + in.Display.Name(), "HOME=" + seen, "SDL_VIDEODRIVER=x11", "PATH=" + sandbox.Path} {
			if !slices.Contains(strings.Split(said, "\n"), want) {
				t.Errorf("%s is missing from its environment", want)
			}
		}
		if strings.Contains(said, "SECRET") {
			t.Error("it has the edge's environment")
		}
	})
}

func TestACommandGivenByPathFindsItsOwnFolderReadOnly(t *testing.T) {
	sandboxtest.ForEachUser(t, func(t *testing.T) {
		in := surroundings(t, sandboxtest.Probe(t))
		folder := filepath.Join(t.TempDir(), "game")
		other := t.TempDir()
		script := "#!/bin/sh\npwd; cat asset; touch written 2>/dev/null || echo read-only; ls " + other + " 2>/dev/null || echo nothing else\n"
		if err := errors.Join(
			os.Mkdir(folder, 0o755),
			os.WriteFile(filepath.Join(folder, "run"), []byte(script), 0o755),
			os.WriteFile(filepath.Join(folder, "asset"), []byte("treasure\n"), 0o644),
		); err != nil {
			t.Fatal(err)
		}
		if said, p := run(t, app.Command(filepath.Join(folder, "run")), in); said != folder+"\ntreasure\nread-only\nnothing else" {
			t.Errorf("it says %q, %v", said, p.Err())
		}
		link := filepath.Join(other, "link")
		if err := os.Symlink(filepath.Join(folder, "run"), link); err != nil {
			t.Fatal(err)
		}
		if said, p := run(t, app.Command(link), in); !strings.HasPrefix(said, other+"\n") {
			t.Errorf("by a link it says %q, %v", said, p.Err())
		}
	})
}

func TestNearlightItselfRunsInACage(t *testing.T) {
	kinds(t, func(t *testing.T, in app.Surroundings) {
		d := app.Description{Name: "scene", Title: "Scene", Own: true, Arguments: []string{"scene", "--size={width}"}, Environment: map[string]string{actOwn: "1"}}
		if !in.Sandbox.Confined() && os.Geteuid() == 0 {
			// go test builds below a folder that only root enters; a cage sees the file all the same.
			if _, err := app.Launch(d, in); err == nil || !strings.Contains(err.Error(), "may not enter") {
				t.Errorf("a program out of reach: %v", err)
			}
			return
		}
		if said, p := run(t, d, in); said != "nearlight scene --size=1280" {
			t.Errorf("it says %q, %v", said, p.Err())
		}
	})
}

func TestStopEndsAnAppAndAllThatItStarted(t *testing.T) {
	kinds(t, func(t *testing.T, in app.Surroundings) {
		p, err := app.Launch(app.Command("sh", "-c", "trap 'echo saving; exit 0' TERM; sleep 1000 & echo up; while :; do wait; done"), in)
		if err != nil {
			t.Fatal(err)
		}
		sandboxtest.Eventually(t, "the app is up", func() bool { return slices.Contains(p.LastLines(1), "up") })
		pids := p.PIDs()
		p.Stop(10 * time.Second)
		if got := p.LastLines(1); !slices.Equal(got, []string{"saving"}) || p.Err() != nil {
			t.Errorf("it said %q, %v", got, p.Err())
		}
		gone(t, pids)
	})
}

func TestAnAppEndsWithItsDisplay(t *testing.T) {
	in := surroundings(t, sandboxtest.Probe(t))
	p, err := app.Launch(app.Command("sh", "-c", "setsid sleep 1000 & echo up; sleep 1000"), in)
	if err != nil {
		t.Fatal(err)
	}
	sandboxtest.Eventually(t, "the app is up", func() bool { return slices.Contains(p.LastLines(1), "up") })
	pids := p.PIDs()
	if err := in.Display.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	gone(t, pids)
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	sandboxtest.Eventually(t, fmt.Sprint("the processes ", pids, " are gone"), func() bool {
		for _, pid := range pids {
			if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
				return false
			}
		}
		return true
	})
}
