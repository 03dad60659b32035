package e2e

import (
	"syscall"
	"testing"
	"time"

	"nearlight/edge/display"
	"nearlight/internal/e2e/e2etest"
)

// stopsWithin is how long the program may take to end when it is asked to, whatever it is doing: the two seconds that an app has
// to save, and as much for everything else on a busy machine.
const stopsWithin = 4 * time.Second

func TestTheProgramEndsCleanlyWhenItIsAskedTo(t *testing.T) {
	for _, step := range []struct {
		name    string
		prepare func(*testing.T) *e2etest.Program
		signals []syscall.Signal
	}{
		{"before it is ready", func(t *testing.T) *e2etest.Program {
			up := e2etest.Launch(t, e2etest.Options{}, "up", "--listen", "127.0.0.1:0", "--", "sleep", "60")
			up.Find(t, "bwrap")
			return up
		}, []syscall.Signal{syscall.SIGTERM}},
		{"when nobody plays", func(t *testing.T) *e2etest.Program {
			return e2etest.Start(t, "--", "sleep", "60")
		}, []syscall.Signal{syscall.SIGINT}},
		{"while a session is starting", func(t *testing.T) *e2etest.Program {
			up := start(t, e2etest.Still(t))
			up.Play(t, e2etest.Request{}).Session(t)
			return up
		}, []syscall.Signal{syscall.SIGTERM}},
		{"in the middle of a session", func(t *testing.T) *e2etest.Program {
			up := start(t, e2etest.Still(t))
			up.Play(t, e2etest.Request{}).Plays(t, 3)
			return up
		}, []syscall.Signal{syscall.SIGINT}},
		{"twice in a row", func(t *testing.T) *e2etest.Program {
			up := start(t, e2etest.Still(t))
			up.Play(t, e2etest.Request{}).Plays(t, 3)
			return up
		}, []syscall.Signal{syscall.SIGINT, syscall.SIGINT}},
		{"with an app that does not listen", func(t *testing.T) *e2etest.Program {
			up := start(t, e2etest.Stubborn())
			up.Play(t, e2etest.Request{}).Session(t)
			up.Find(t, "sh")
			return up
		}, []syscall.Signal{syscall.SIGTERM}},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			up := step.prepare(t)
			asked := time.Now()
			for _, s := range step.signals {
				up.Signal(t, s)
			}
			end := up.Wait(t, e2etest.Patience)
			if took := time.Since(asked); took > stopsWithin {
				t.Errorf("it took %v, more than %v", took, stopsWithin)
			}
			if end.Code != 0 {
				t.Errorf("want exit code 0: %v", end)
			}
		})
	}
}

func TestAPlayerHearsThatTheEdgeStops(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	player := up.Play(t, e2etest.Request{})
	player.Plays(t, 3)
	up.Signal(t, syscall.SIGTERM)
	if end := player.End(t); end.Code != "shutting-down" || !end.Retryable {
		t.Errorf("the player is told %v", end)
	}
}

func TestNothingOutlivesAKilledEdge(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name      string
		arguments []string
		kind      display.Kind
	}{
		{"confined", nil, display.Xvfb},
		{"unconfined", []string{"--no-sandbox"}, display.Xvfb},
		{"confined on wayland", []string{"--display", "wayland"}, display.Wayland},
		{"unconfined on wayland", []string{"--display", "wayland", "--no-sandbox"}, display.Wayland},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			if err := step.kind.Installed(); err != nil {
				t.Skipf("SKIPPED %s: %v", t.Name(), err)
			}
			up := start(t, e2etest.Stubborn(), step.arguments...)
			up.Play(t, e2etest.Request{}).Session(t)
			up.Find(t, "sh")
			up.Find(t, step.kind.Programs()[0])
			up.Signal(t, syscall.SIGKILL)
			up.NothingRuns(t, 2*time.Second)
		})
	}
}

func TestAnEdgeRemovesTheFilesOfOneThatWasKilled(t *testing.T) {
	t.Parallel()
	killed := start(t, e2etest.Still(t))
	killed.Play(t, e2etest.Request{}).Plays(t, 1)
	other := e2etest.StartWith(t, e2etest.Options{Temp: killed.Folder}, "--", "sleep", "60")
	killed.Signal(t, syscall.SIGKILL)
	killed.Wait(t, e2etest.Patience)
	left := len(killed.Files(t))
	next := e2etest.StartWith(t, e2etest.Options{Temp: killed.Folder}, append([]string{"--"}, e2etest.Still(t)...)...)
	if now := len(killed.Files(t)); now >= left {
		t.Errorf("%d files were left, %d are there now", left, now)
	}
	// Those of an edge that runs stay.
	other.Play(t, e2etest.Request{}).Plays(t, 1)
	for _, up := range []*e2etest.Program{other, next} {
		if end := up.Stop(t); end.Code != 0 {
			t.Errorf("want exit code 0: %v", end)
		}
	}
	killed.NoFiles(t)
}
