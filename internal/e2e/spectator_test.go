package e2e

import (
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

func TestSpectatorsSeeTheGameAndTouchNothing(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	session := player.Session(t)
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, func(s e2etest.Shown) bool { return s.Luma > 20 && e2etest.Dark(s) })
	// The only slot is taken, and spectators need none. One comes while nothing moves, one later.
	first := up.Play(t, e2etest.Request{Watch: session})
	first.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	second := up.Play(t, e2etest.Request{Watch: session})
	second.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	if own := first.Session(t); own == session {
		t.Error("the spectator was given the player's session")
	}
	if app := first.App(t, control.AppRunning); app.Title == "" {
		t.Error("the spectator is not told what runs")
	}

	tried := time.Now()
	first.Open(t)
	press(t, first)
	pressed := time.Now()
	player.Open(t)
	press(t, player)
	for name, watching := range map[string]*e2etest.Player{"player": player, "first spectator": first, "second spectator": second} {
		changed := watching.Picture(t, e2etest.Patience, "that the key changed", tried, e2etest.Bright)
		if changed.At.Before(pressed) {
			t.Errorf("the %s saw the spectator's key act", name)
		}
	}

	first.Leave()
	player.Leave()
	if end := second.End(t); end.Code != signaling.CodeLeft || end.Message != "The game that you watched is over." {
		t.Errorf("who looks on is told %v", end)
	}
	if end := up.Play(t, e2etest.Request{Watch: session}).End(t); end.Code != signaling.CodeTimedOut {
		t.Errorf("who comes too late is told %v", end)
	}
	if end := up.Play(t, e2etest.Request{Watch: "s-nosuch"}).End(t); end.Code != signaling.CodeTimedOut {
		t.Errorf("who asks for an unknown session is told %v", end)
	}
}

func press(t *testing.T, p *e2etest.Player) {
	t.Helper()
	p.Send(t, &control.Key{Seq: 1, Down: true, Code: evdevD})
	p.Send(t, &control.Key{Seq: 2, Code: evdevD})
}
