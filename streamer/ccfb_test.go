package streamer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/viewer"
)

func TestAPlayerThatReportsByRFC8888SteersTheRate(t *testing.T) {
	for _, controller := range []streamer.Controller{streamer.Nearlight, streamer.GCC} {
		t.Run(string(controller), func(t *testing.T) {
			s := connectWith(t, streamer.PeerConfig{
				Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 12 * media.Mbps, Controller: controller,
			}, viewer.Config{CCFB: true})
			// Frames fill what is granted, and the rate grows by what is heard of them.
			began := s.peer.TargetBitrate()
			ticker := time.NewTicker(time.Second / 60)
			defer ticker.Stop()
			deadline := time.After(patience)
			for s.peer.TargetBitrate() < began*3/2 {
				select {
				case <-ticker.C:
				case <-deadline:
					t.Fatalf("the rate is %v, from %v: %+v", s.peer.TargetBitrate(), began, s.peer.Link())
				}
				octets := int(s.peer.TargetBitrate() / 60 / 8)
				if grant := s.peer.Grant(); grant.Octets > 0 {
					octets = grant.Octets
				}
				if err := s.peer.WriteSlice(accessUnit(octets), media.Now()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestAViewerSaysThatAnEdgeDoesNotTakeItsReports(t *testing.T) {
	s := connect(t)
	other, err := viewer.New(viewer.Config{CCFB: true}, s.player)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Answer("v=0\r\n"); err == nil || !strings.Contains(err.Error(), "RFC 8888") {
		t.Errorf("error %v", err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if err := other.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
