package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	"nearlight/internal/e2e/e2etest"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/token"
)

func TestAPlayerWhoseEdgeDoesNotKeepUpIsAtAnotherWithinThreeSeconds(t *testing.T) {
	t.Parallel()
	e := newEnsemble(t, 2, byRoutes(t, 2))
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	e.connect(ctx, &running, 1, 1)
	e.known(1)
	player, err := client.NewPlayer(client.Config{URL: e.urls, Backoff: quick}, signaling.Play{
		Token: e.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}), App: "tux", Codecs: []string{"h264"}, Wait: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan signaling.Message, 64)
	running.Go(func() {
		err := player.Run(ctx, func(m signaling.Message) {
			heard <- m
			if _, offered := m.(signaling.Offer); offered {
				if err := player.Send(signaling.Answer{SDP: "v=0\r\n"}); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	first := next[signaling.Matched](t, heard)
	next[signaling.Offer](t, heard)
	e.connect(ctx, &running, 1, 1)
	e.known(2)

	degraded := time.Now()
	e.links[0].Degrade(signaling.Errorf(signaling.CodeDegraded, "The machine makes 24 frames per second."))
	moved := next[signaling.Moved](t, heard)
	second := next[signaling.Matched](t, heard)
	next[signaling.Offer](t, heard)
	if took := time.Since(degraded); took > 3*time.Second {
		t.Errorf("it takes %v", took)
	}
	if moved.Reason.Code != signaling.CodeDegraded || moved.Reason.Message != "The machine makes 24 frames per second." || second.Edge.ID == first.Edge.ID {
		t.Errorf("from %v to %v, because of %v", first.Edge, second.Edge, moved.Reason)
	}
	e2etest.Eventually(t, e2etest.Patience, "the first edge is told to stop", func() bool { return e.machines[0].Stopped()[signaling.CodeDegraded] == 1 })
}

// next waits for a player's next message that is an M.
func next[M signaling.Message](t *testing.T, heard <-chan signaling.Message) M {
	t.Helper()
	limit := time.After(e2etest.Patience)
	for {
		select {
		case m := <-heard:
			if wanted, ok := m.(M); ok {
				return wanted
			}
		case <-limit:
			var wanted M
			t.Fatalf("no %T came within %v", wanted, e2etest.Patience)
		}
	}
}
