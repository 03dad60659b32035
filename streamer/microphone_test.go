package streamer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/viewer"
)

// said is what came from a microphone.
type said chan streamer.MicrophonePacket

func (s said) take(p streamer.MicrophonePacket) {
	p.Payload = append([]byte(nil), p.Payload...)
	s <- p
}

func spoken(n int) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(480 * n)}, Payload: []byte{byte(n), 1, 2, 3}}
}

func TestWhatThePlayerSaysComesAsItWasSent(t *testing.T) {
	heardByEdge := make(said, 64)
	config := withSound
	config.Microphone = heardByEdge.take
	ear := make(heard, 1024)
	session := connectWith(t, config, viewer.Config{Hear: ear.hear, Microphone: true})
	for n := range 20 {
		if err := session.viewer.Speak(spoken(n)); err != nil {
			t.Fatal(err)
		}
		got := wait(t, heardByEdge, "a packet of the microphone")
		if got.Sequence != uint16(n) || got.Timestamp != uint32(480*n) || got.Payload[0] != byte(n) || len(got.Payload) != 4 || got.Source == 0 {
			t.Fatalf("packet %d: %+v", n, got)
		}
		if age := media.Now().Sub(got.Arrived); age < 0 || age > patience {
			t.Errorf("packet %d arrived %v ago", n, age)
		}
	}
	if session.peer.Refused() != 0 {
		t.Errorf("%d packets were refused", session.peer.Refused())
	}
	// Sound goes the other way all the same.
	s := newSinger(t)
	s.sing(t, session.peer)
	wait(t, ear, "sound")
}

func TestAPlayerWhoMayNotSpeakIsOfferedNoWay(t *testing.T) {
	session := connectWith(t, withSound, viewer.Config{Hear: make(heard, 1024).hear, Microphone: true})
	if err := session.viewer.Speak(spoken(0)); !errors.Is(err, viewer.ErrNoMicrophone) {
		t.Errorf("it may speak: %v", err)
	}
}

func TestTheOfferAsksForShortFramesOfTheMicrophone(t *testing.T) {
	config := withSound
	config.Microphone = make(said, 1).take
	session := connectWith(t, config, viewer.Config{Hear: make(heard, 1024).hear})
	for name, offer := range map[string]func(func(string) error) error{"first": session.peer.Offer, "of new ways": session.peer.Restart} {
		if name == "first" {
			continue // it was made when the session connected
		}
		if err := offer(func(sdp string) error {
			if strings.Count(sdp, "m=audio") != 2 || strings.Count(sdp, "a=ptime:10\r\n") != 1 || strings.Count(sdp, "a=recvonly") != 1 {
				t.Errorf("the offer %s: %s", name, sdp)
			}
			if strings.Index(sdp, "a=ptime:10") < strings.LastIndex(sdp, "m=audio") {
				t.Error("the length of frames is said of the wrong section")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPacketsThatAreNoSpeechAreRefused(t *testing.T) {
	heardByEdge := make(said, 64)
	config := withSound
	config.Microphone = heardByEdge.take
	session := connectWith(t, config, viewer.Config{Hear: make(heard, 1024).hear, Microphone: true})
	empty := spoken(0)
	empty.Payload = nil
	if err := session.viewer.Speak(empty); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); session.peer.Refused() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an empty packet is taken")
		}
	}
}
