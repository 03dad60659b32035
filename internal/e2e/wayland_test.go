package e2e

import (
	"testing"
	"time"

	"nearlight/edge/display"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

// onWayland runs `nearlight up --display wayland` with a command.
func onWayland(t *testing.T, command []string, flags ...string) *e2etest.Program {
	t.Helper()
	if err := display.Wayland.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	return start(t, command, append(flags, "--display", "wayland")...)
}

func TestOnWaylandAKeyAndAClickChangeThePicture(t *testing.T) {
	t.Parallel()
	up := onWayland(t, e2etest.Still(t))
	player := up.Play(t, e2etest.Request{})
	player.App(t, control.AppRunning)
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, func(s e2etest.Shown) bool { return s.Luma > 20 && e2etest.Dark(s) })
	for _, step := range []struct {
		name   string
		inputs []control.Message
		looks  func(e2etest.Shown) bool
	}{
		{"a key", []control.Message{&control.Key{Seq: 1, Down: true, Code: evdevD}, &control.Key{Seq: 2, Code: evdevD}}, e2etest.Bright},
		{"a click", []control.Message{
			&control.Button{Seq: 3, Down: true, At: true, X: 30000, Y: 30000}, &control.Button{Seq: 4, At: true, X: 30000, Y: 30000},
		}, e2etest.Dark},
		{"a key once more", []control.Message{&control.Key{Seq: 5, Down: true, Code: evdevD}, &control.Key{Seq: 6, Code: evdevD}}, e2etest.Bright},
	} {
		pressed := time.Now()
		for _, input := range step.inputs {
			player.Send(t, input)
		}
		shown := player.Picture(t, e2etest.Patience, "that "+step.name+" changed", pressed, step.looks)
		t.Logf("%s to decoded picture: %v", step.name, shown.At.Sub(pressed))
	}
}

func TestOnWaylandTheSceneMoves(t *testing.T) {
	t.Parallel()
	if err := display.Wayland.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	up := e2etest.Start(t, "--display", "wayland", "--app", "scene", "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	player.App(t, control.AppRunning)
	player.Plays(t, 30)
}

func TestOnWaylandASessionMayBeLargerThanTheWarmDisplay(t *testing.T) {
	t.Parallel()
	up := onWayland(t, e2etest.Still(t), "--size", "640x360", "--max-size", "1280x720")
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 320, Height: 240}} {
		player := playWhenIdle(t, up, e2etest.Request{Size: &signaling.Size{Width: size.Width, Height: size.Height}})
		shown := player.Picture(t, e2etest.Patience, "of the app", time.Time{}, func(s e2etest.Shown) bool { return s.Size == size && s.Luma > 20 })
		t.Logf("%v: %v", size, shown.Luma)
		player.Leave()
	}
}

func TestOnWaylandAPlayerIsToldThatTheDisplayEnded(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"sway", "Xwayland"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			up := onWayland(t, e2etest.Still(t))
			warm := up.Find(t, program)
			player := up.Play(t, e2etest.Request{})
			player.App(t, control.AppRunning)
			up.Kill(t, warm)
			if end := player.End(t); end.Code != signaling.CodeInternal {
				t.Errorf("the player is told %v", end)
			}
			playWhenIdle(t, up, e2etest.Request{}).Plays(t, 1)
		})
	}
}
