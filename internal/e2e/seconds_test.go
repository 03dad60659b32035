package e2e

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/store"
	"nearlight/signaling"
)

// The seconds of a game, of which the last ones were not counted yet when signaling was killed, as the store has them afterwards.
func TestSecondsAndQualityOfAGameAreKeptThoughSignalingWasKilled(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "kept.db")
	network := startSignaling(t, "--database", database)
	at, err := url.Parse(network.signaling.URL)
	if err != nil {
		t.Fatal(err)
	}
	edge := network.startEdge(t, network.token(t, "edge"))
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	begun := time.Now()
	player := network.signaling.Play(t, e2etest.Request{})
	player.Plays(t, 1)
	playing := time.Now()
	session := player.Session(t)
	time.Sleep(7 * time.Second)

	network.signaling.Signal(t, syscall.SIGKILL)
	killed := time.Now()
	again := e2etest.Launch(t, e2etest.Options{}, "signaling", "--listen", at.Host, "--verify-key", network.public, "--database", database)
	again.URL = network.signaling.URL
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered again", func() bool {
		return strings.Contains(again.Stderr(), "session is taken over as its edge runs it")
	})
	played := func() (store.Session, time.Duration) {
		kept, err := store.Open(t.Context(), store.Config{Database: database})
		if err != nil {
			t.Fatal(err)
		}
		one, seats, err := kept.Session(t.Context(), session)
		if err := errors.Join(err, kept.Close()); err != nil || len(seats) != 1 {
			t.Fatal(err, seats)
		}
		return one, time.Duration(seats[0].Seconds()) * time.Second
	}
	stopped := time.Now()
	if end := edge.Stop(t); end.Code != 0 {
		t.Error(end)
	}
	var got store.Session
	var seconds time.Duration
	e2etest.Eventually(t, e2etest.Patience, "the session has ended", func() bool {
		got, seconds = played()
		return !got.Ended.IsZero() && got.Quality != nil
	})
	if got.Code != signaling.CodeShuttingDown || got.Begun.Before(begun.Add(-time.Second)) || got.Ended.Before(stopped.Add(-time.Second)) {
		t.Errorf("%+v", got)
	}
	// The player's connection ends with its signaling; the edge notices within some seconds.
	if most, least := stopped.Sub(begun)+time.Second, killed.Sub(playing)-2*time.Second; seconds > most || seconds < least {
		t.Errorf("%v are kept, want %v to %v", seconds, least, most)
	}
	if q := got.Quality; q.FramesPerSecond <= 0 || q.BitsPerSecond <= 0 || q.RoundTripP50MS <= 0 || q.RoundTripP95MS > 1000 || q.LossRatio > 0.2 {
		t.Errorf("%+v", q)
	}
	t.Logf("%v of %v: %+v", seconds, killed.Sub(playing), *got.Quality)
}
