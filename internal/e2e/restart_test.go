package e2e

import (
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/streamer/control"
)

func TestNewWaysLeadToTheSameAppByTheSameConnection(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	player := up.Play(t, e2etest.Request{})
	player.Open(t)
	player.App(t, control.AppRunning)
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	app := up.Find(t, e2etest.StillName(t))
	picture := [2]func(e2etest.Shown) bool{e2etest.Dark, e2etest.Bright} // a key changes one into the other
	for n := range uint32(3) {
		asked := time.Now()
		player.Restart(t)
		player.Picture(t, e2etest.Patience, "by the new ways", asked, picture[n%2])
		pressed := time.Now()
		player.Send(t, &control.Key{Seq: 2*n + 1, Down: true, Code: evdevD})
		player.Send(t, &control.Key{Seq: 2*n + 2, Down: false, Code: evdevD})
		player.Picture(t, e2etest.Patience, "that the key changed", pressed, picture[(n+1)%2])
	}
	if now := up.Find(t, e2etest.StillName(t)); now != app {
		t.Errorf("the app is process %d now, it was %d", now, app)
	}
	if sessions := up.Metric(t, "nearlight_edge_sessions"); sessions != 1 {
		t.Errorf("%v sessions run", sessions)
	}
}
