package e2e

import (
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

// hold is how long the session of a player who was lost is kept.
const hold = 30 * time.Second

func TestALostPlayerFindsItsGameAgainUntilTheHoldIsOver(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	lost := up.StartDoomed(t)
	app, display := up.Find(t, e2etest.StillName(t)), up.Find(t, "Xvfb")
	lost.Vanish()

	// Nobody else gets the slot, and who asks is told how long to wait.
	second := up.Play(t, e2etest.Request{}).End(t)
	if second.Code != signaling.CodeFull || !second.Retryable {
		t.Errorf("a second player is told %v, want %s", second, signaling.CodeFull)
	}

	back := up.Play(t, e2etest.Request{Resume: lost.Session})
	opened := back.Open(t)
	shown := back.Picture(t, e2etest.Patience, "of the same app", time.Time{}, e2etest.Dark)
	t.Logf("picture %v after the channels opened", shown.At.Sub(opened))
	back.App(t, control.AppRunning) // what a player has to know is told again
	if now := up.Find(t, e2etest.StillName(t)); now != app {
		t.Errorf("the app is process %d now, it was %d", now, app)
	}
	pressed := time.Now()
	back.Send(t, &control.Key{Seq: 1, Down: true, Code: evdevD})
	back.Picture(t, time.Second, "that the key changed", pressed, e2etest.Bright)

	again := up.StartDoomedResuming(t, lost.Session)
	if end := back.End(t); end.Code != signaling.CodeReplaced {
		t.Errorf("a player whose session is taken up elsewhere is told %v", end)
	}
	again.Vanish()
	vanished := time.Now()
	e2etest.Eventually(t, hold+5*time.Second, "the slot is free", func() bool { return up.Metric(t, "nearlight_edge_sessions") == 0 })
	if held := time.Since(vanished); held < hold-time.Second {
		t.Errorf("the session was held for %v only", held)
	}
	late := up.Play(t, e2etest.Request{Resume: lost.Session}).End(t)
	if late.Code != signaling.CodeTimedOut {
		t.Errorf("a player who comes too late is told %v", late)
	}
	next := up.Play(t, e2etest.Request{})
	next.Picture(t, e2etest.Patience, "of a fresh app", time.Time{}, e2etest.Dark)
	if up.Find(t, "Xvfb") == display {
		t.Error("the next player got the display of the one before")
	}
}

func TestAFullEdgeSaysSoAndIsFreeAsSoonAsThePlayerLeaves(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t))
	first := up.Play(t, e2etest.Request{})
	first.Plays(t, 1)
	display := up.Find(t, "Xvfb")
	if end := up.Play(t, e2etest.Request{}).End(t); end.Code != signaling.CodeFull || !end.Retryable {
		t.Errorf("a second player is told %v, want %s", end, signaling.CodeFull)
	}
	first.Leave()
	left := time.Now()
	e2etest.Eventually(t, time.Second, "the slot is free", func() bool { return up.Metric(t, "nearlight_edge_sessions") == 0 })
	t.Logf("free %v after the player left", time.Since(left))

	// The next display waits for the next player, not the other way round.
	warm := up.Find(t, "Xvfb", display)
	next := up.Play(t, e2etest.Request{})
	next.Picture(t, e2etest.Patience, "of a fresh app", time.Time{}, e2etest.Dark)
	if displays := up.Processes()["Xvfb"]; len(displays) != 1 || displays[0] != warm {
		t.Errorf("displays %v run, want the warm one, %d, alone", displays, warm)
	}
}

func TestAPlayerWhoComesBackAtOnceIsNotTurnedAway(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Stubborn()) // it takes 2 s to end
	player := up.Play(t, e2etest.Request{})
	for range 2 {
		up.Find(t, "sh")
		player.Plays(t, 1)
		player.Leave()
		// Signaling may hear of the free slot a moment after it hears of the player.
		e2etest.Eventually(t, 500*time.Millisecond, "the player is let in", func() bool {
			player = up.Play(t, e2etest.Request{})
			return player.Matched(t)
		})
		player.Plays(t, 1)
	}
}
