package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

func TestAPlayerIsToldHowItsAppEnded(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name    string
		command []string
		kill    string // the process to kill once the player is connected
		code    signaling.Code
		names   []string // what the message must contain
		output  []string
	}{
		{"no such file", []string{"/usr/games/no-such-game"}, "", signaling.CodeAppFailed, []string{"no-such-game", "no such file"}, nil},
		{"no such program", []string{"no-such-game"}, "", signaling.CodeAppFailed, []string{"no-such-game", "not installed"}, nil},
		{"not a program", []string{"/etc/passwd"}, "", signaling.CodeAppFailed, []string{"/etc/passwd", "not executable"}, nil},
		{"fails at once", []string{"sh", "-c", "echo loading; echo no sound card >&2; exit 1"}, "",
			signaling.CodeAppFailed, []string{"sh", "status 1"}, []string{"loading", "no sound card"}},
		{"ends by itself", []string{"sh", "-c", "echo loading; sleep 1; echo bye"}, "",
			signaling.CodeAppExited, []string{"sh", "ended after"}, []string{"loading", "bye"}},
		{"is killed", []string{"sh", "-c", "echo loading; exec sleep 60"}, "sleep",
			signaling.CodeAppFailed, []string{"signal 9", "killed"}, []string{"loading"}},
		{"loses its X server", []string{"sh", "-c", "echo loading; sleep 60"}, "Xvfb",
			signaling.CodeInternal, []string{"display"}, nil},
	} {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			up := start(t, step.command)
			player := up.Play(t, e2etest.Request{})
			if step.kill != "" {
				player.Open(t)
				up.Kill(t, up.Find(t, step.kill))
			}
			killed := time.Now()
			end := player.End(t)
			if took := time.Since(killed); step.kill != "" && took > time.Second {
				t.Errorf("the player is told %v later", took)
			}
			if end.Code != step.code {
				t.Errorf("the player is told %v, want %s", end, step.code)
			}
			for _, name := range step.names {
				if !strings.Contains(end.Message, name) {
					t.Errorf("the message does not name %q: %s", name, end.Message)
				}
			}
			if step.output != nil && !slices.Equal(end.Output, step.output) {
				t.Errorf("the player sees the lines %q, want %q", end.Output, step.output)
			}
			// The slot is good for the next player.
			next := playWhenIdle(t, up, e2etest.Request{})
			if step.code == signaling.CodeInternal {
				next.Plays(t, 1)
			} else {
				next.Session(t)
			}
		})
	}
}

func TestAnAppThatEndsLeavesNothingInItsEdge(t *testing.T) {
	t.Parallel()
	up := e2etest.Start(t, "--", "sh", "-c", "sleep 0.2")
	play := func() {
		t.Helper()
		if end := playWhenIdle(t, up, e2etest.Request{}).End(t); end.Code != signaling.CodeAppExited {
			t.Fatalf("the player is told %v", end)
		}
	}
	idle := func() (goroutines, descriptors float64) {
		return up.Metric(t, "go_goroutines"), up.Metric(t, "process_open_fds")
	}
	play() // what is made once is made now
	warm := func() bool { return len(up.Processes()["Xvfb"]) == 1 && up.Metric(t, "nearlight_edge_sessions") == 0 }
	e2etest.Eventually(t, e2etest.Patience, "the next display is warm", warm)
	// The scrapes themselves hold a few of both.
	const slack = 8
	goroutines, descriptors := idle()
	for range 5 {
		play()
	}
	e2etest.Eventually(t, e2etest.Patience, "goroutines and descriptors are as before", func() bool {
		g, d := idle()
		return warm() && g <= goroutines+slack && d <= descriptors+slack
	})
}

func TestAPlayerIsToldWhenTheGameHasDrawn(t *testing.T) {
	t.Parallel()
	// One that draws may have done so before its player is connected; then there is nothing to tell but that it runs.
	if starting := start(t, e2etest.Stubborn()).Play(t, e2etest.Request{}).App(t, control.AppStarting); starting.Title == "" {
		t.Error("the game that starts has no title")
	}
	start(t, e2etest.Still(t)).Play(t, e2etest.Request{}).App(t, control.AppRunning)
}

func TestAPlayerIsToldTheEndBeforeItsAppHasHadItsTime(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Stubborn())
	running := make(chan struct{})
	player := up.Play(t, e2etest.Request{Answer: func(_, _ string) string {
		<-running
		return "hello"
	}})
	up.Find(t, "sh")
	answered := time.Now()
	close(running)
	player.End(t)
	if took := time.Since(answered); took > time.Second {
		t.Errorf("the player is told %v later", took)
	}
}
