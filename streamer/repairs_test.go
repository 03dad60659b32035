package streamer_test

import (
	"testing"
	"time"

	"nearlight/internal/media"
)

func TestAPlayerReportsOnRepairPackets(t *testing.T) {
	s := connect(t)
	s.peer.ExpectLoss(0.05, 80*time.Millisecond)
	// The player reports ten times a second, and congestion control wants to know of enough packets twice.
	ticker := time.NewTicker(4 * time.Millisecond)
	defer ticker.Stop()
	for range 250 {
		<-ticker.C
		if err := s.peer.WriteSlice(accessUnit(6000), media.Now()); err != nil {
			t.Fatal(err)
		}
		wait(t, s.player.frames, "a frame")
	}
	if repairs := s.peer.Mended().Repairs; repairs < 100 {
		t.Fatalf("only %d repair packets were sent", repairs)
	}
	if lost, cuts := s.peer.Loss(); lost > 0.03 || cuts > 0 { // a busy machine loses some
		t.Errorf("%.1f %% of packets are taken for lost, and the rate was cut %d times for that, and nothing was lost: the player does not report on repair packets", 100*lost, cuts)
	}
}
