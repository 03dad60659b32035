//go:build cgo

package e2e

import (
	"strings"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

func TestTheSceneIsPlayedWithoutADisplay(t *testing.T) {
	t.Parallel()
	up := e2etest.Start(t, "--app", "scene", "--display", "offscreen", "--size", "640x360", "--max-size", "1280x720", "--encoder", "x264")
	if displays := up.Processes()["Xvfb"]; len(displays) != 0 {
		t.Errorf("X servers run: %v", displays)
	}
	wanted := media.Size{Width: 480, Height: 272}
	player := up.Play(t, e2etest.Request{Size: &signaling.Size{Width: wanted.Width, Height: wanted.Height}})
	player.App(t, control.AppRunning)
	player.Plays(t, 60)
	const pauseKey = 25 // P, by the kernel's code: what the player does reaches the scene
	player.Send(t, &control.Key{Seq: 1, Code: pauseKey, Down: true})
	player.Send(t, &control.Key{Seq: 2, Code: pauseKey})
	paused := func(s e2etest.Shown) bool { return s.Size == wanted && s.Bytes < 400 }
	player.Picture(t, e2etest.Patience, "that stands still", time.Now(), paused)
	player.Leave()
	player = up.Play(t, e2etest.Request{}) // and the next player's is of the usual size
	player.Picture(t, e2etest.Patience, "of the usual size", time.Time{}, func(s e2etest.Shown) bool {
		return s.Size == media.Size{Width: 640, Height: 360}
	})
	player.Leave()
	if end := up.Stop(t); end.Code != 0 || !strings.Contains(end.Stderr, "pictures are read back") && !strings.Contains(end.Stderr, "stay on the GPU") {
		t.Errorf("it ended with %d and the log does not say where pictures are:\n%s", end.Code, end.Stderr)
	}
}
