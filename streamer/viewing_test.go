package streamer_test

import (
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/viewer"
)

func TestAViewerKnowsItsWayToTheEdgeAndWhatCame(t *testing.T) {
	exchanges, counts := make(chan viewer.Exchange, 1), make(chan [2]int, 1024)
	s := connectWith(t, streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps}, viewer.Config{
		Answered: func(e viewer.Exchange) { exchanges <- e },
		Packets:  func(received, lost int) { counts <- [2]int{received, lost} },
	})
	if err := s.viewer.Ping(); err != nil {
		t.Fatal(err)
	}
	e := wait(t, exchanges, "an answer")
	if e.Edge.Sub(e.Asked) < -time.Microsecond || e.Answered < e.Edge || e.RoundTrip() <= 0 { // of one clock, in microseconds
		t.Errorf("asked at %d, %d at the edge, answered at %d", e.Asked, e.Edge, e.Answered)
	}
	if took, known := s.viewer.RoundTrip(); !known || took > patience {
		t.Errorf("a round trip of %v, %v", took, known)
	}
	if address, known := s.viewer.Address(); !known || !address.IsValid() { // which of the machine's is pion's to choose
		t.Errorf("packets come from %v, %v", address, known)
	}
	const frame = 20000 // octets, of at most 1130 in a packet
	if err := s.peer.WriteSlice(accessUnit(frame), media.Now()); err != nil {
		t.Fatal(err)
	}
	wait(t, s.player.frames, "a frame")
	received := 0
	for received < frame/1130 {
		count := wait(t, counts, "a count of packets")
		if received += count[0]; count[1] != 0 {
			t.Errorf("%d packets are lost on loopback", count[1])
		}
	}
	if dropped := s.viewer.Dropped(); dropped != 0 {
		t.Errorf("%d packets found no room", dropped)
	}
}
