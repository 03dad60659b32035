package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/e2e/e2etest"
	"nearlight/streamer/viewer"
)

func TestTheAppHearsWhatThePlayerSays(t *testing.T) {
	needSound(t)
	for by := range e2etest.Recorders {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			up := start(t, e2etest.Hearing(t, by, "880"), "--size", "640x360", "--microphone")
			player := up.Play(t, e2etest.Request{})
			player.Speak(t, e2etest.Speech{Hertz: hertz, Lost: 5})
			player.HeardByTheApp(t, e2etest.Patience)
		})
	}
}

func TestAnAppThatRecordsHearsSilenceWithoutAMicrophone(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Hearing(t, "PulseAudio", "silence"), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	player.HeardByTheApp(t, e2etest.Patience)
}

func TestAPlayerWithoutTheRightIsNotHeard(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360")
	offered := make(chan string, 8)
	player := up.Play(t, e2etest.Request{Offer: func(offer string) string {
		offered <- offer
		// What is not offered is asked for all the same: the section of the sound is to take some as well.
		return strings.Replace(offer, "a=sendonly\r\nm=application", "a=sendrecv\r\nm=application", 1)
	}, Answer: func(_, answer string) string {
		return strings.Replace(answer, "a=recvonly\r\nm=application", "a=sendrecv\r\na=ssrc:7 cname:x\r\na=msid:x y\r\nm=application", 1)
	}})
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	if offer := <-offered; strings.Count(offer, "m=audio") != 1 || strings.Contains(offer, "a=recvonly") {
		t.Errorf("a microphone is offered: %s", offer)
	}
	if err := player.SpeakRTP(&rtp.Packet{Payload: []byte{1}}); !errors.Is(err, viewer.ErrNoMicrophone) {
		t.Errorf("it may speak: %v", err)
	}
}

func TestASpectatorIsNotHeard(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360", "--microphone")
	player := up.Play(t, e2etest.Request{})
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	offered := make(chan string, 8)
	spectator := up.Play(t, e2etest.Request{Watch: player.Session(t), Offer: func(offer string) string {
		offered <- offer
		return offer
	}})
	spectator.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	if offer := <-offered; strings.Contains(offer, "a=recvonly") {
		t.Errorf("who looks on is offered a microphone: %s", offer)
	}
}

func TestWhatIsNoSpeechDoesNoHarmAndIsCounted(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360", "--microphone")
	player := up.Play(t, e2etest.Request{})
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	sent := 0
	e2etest.Eventually(t, e2etest.Patience, "the packets are counted", func() bool {
		for range 400 { // some of them are lost on a busy machine
			if err := player.SpeakRTP(noSpeech(sent)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		return up.Metric(t, `nearlight_edge_microphone_events_total{event="refused"}`) > 0 && up.Metric(t, "nearlight_edge_media_packets_refused_total") >= 200
	})
	if player.Ended() {
		t.Error("the session ended")
	}
}

// noSpeech is the nth of packets that no encoder made, each fifth of a payload type that was not offered.
func noSpeech(n int) *rtp.Packet {
	packet := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n * n), Timestamp: uint32(n * 7919 * 7919)}, Payload: make([]byte, n%1200)}
	for i := range packet.Payload {
		packet.Payload[i] = byte(n*31 + i*17)
	}
	if n%5 == 0 {
		packet.PayloadType = 96
	}
	return packet
}

func TestWhatIsSaidIsHeardByTheAppSoon(t *testing.T) {
	needSound(t)
	up := start(t, e2etest.Hearing(t, "PulseAudio", "clicks"), "--size", "640x360", "--microphone")
	player := up.Play(t, e2etest.Request{})
	player.Speak(t, e2etest.Speech{Clicks: true})
	line := strings.Fields(player.HeardByTheApp(t, e2etest.Patience))
	if len(line) != 4 {
		t.Fatalf("the app says %q", line)
	}
	median, err := time.ParseDuration(line[2])
	most, otherwise := time.ParseDuration(line[3])
	if err != nil || otherwise != nil {
		t.Fatal(err, otherwise)
	}
	t.Logf("from the mouth to the app: median %v, most %v", median.Round(100*time.Microsecond), most.Round(100*time.Microsecond))
	if median > 150*time.Millisecond { // of 50 ms on a machine that does nothing else
		t.Errorf("half of what is said takes %v", median)
	}
}
