package streamer_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/streamer"
	"nearlight/streamer/viewer"
)

// heard keeps what a viewer hears.
type heard chan viewer.Sound

func (h heard) hear(s viewer.Sound) {
	s.Samples = append([]int16(nil), s.Samples...)
	h <- s
}

// singer codes a tone, frame by frame.
type singer struct {
	encoder  *opus.Encoder
	captured media.Instant
	frames   int
	packet   [opus.MaxFrame]byte
}

func newSinger(t *testing.T) *singer {
	t.Helper()
	e, err := opus.NewEncoder(opus.Config{})
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	t.Cleanup(e.Close)
	return &singer{encoder: e, captured: media.Now()}
}

func (s *singer) sing(t *testing.T, peer *streamer.Peer) {
	t.Helper()
	samples := make([]int16, opus.FrameLength)
	for i := range opus.FrameSamples {
		value := int16(10000 * math.Sin(2*math.Pi*440*float64(s.frames*opus.FrameSamples+i)/opus.SampleRate))
		samples[2*i], samples[2*i+1] = value, value
	}
	n, err := s.encoder.Encode(s.packet[:], samples)
	if err != nil {
		t.Fatal(err)
	}
	captured := s.captured.Add(time.Duration(s.frames) * opus.FrameTime)
	if err := peer.WriteAudio(s.packet[:n], captured, s.frames == 0); err != nil {
		t.Fatal(err)
	}
	s.frames++
}

var withSound = streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps, Audio: true}

func TestSoundArrivesInOrderWithItsCaptureTime(t *testing.T) {
	for name, plain := range map[string]bool{"each frame twice": false, "plain": true} {
		t.Run(name, func(t *testing.T) {
			s := newSinger(t)
			ear := make(heard, 1024)
			session := connectWith(t, withSound, viewer.Config{Hear: ear.hear, Plain: plain})
			for n := range 30 {
				s.sing(t, session.peer)
				sound := wait(t, ear, "sound")
				if want := streamer.AudioTimestamp(s.captured.Add(time.Duration(n) * opus.FrameTime)); sound.RTP != want || sound.Lost || sound.Repeated {
					t.Fatalf("frame %d: timestamp %d, want %d; lost %v, repeated %v", n, sound.RTP, want, sound.Lost, sound.Repeated)
				}
				if level := sound.Level(); n > 3 && (level < 0.15 || level > 0.3) {
					t.Errorf("frame %d has a level of %.3f", n, level)
				}
			}
		})
	}
}

func TestAPlayerWithoutSoundGetsThePictureAllTheSame(t *testing.T) {
	session := connectWith(t, withSound, viewer.Config{})
	if err := session.peer.WriteAudio(bytes.Repeat([]byte{1}, 20), media.Now(), true); err == nil {
		t.Error("sound was sent to a player that refused it")
	}
	if err := session.peer.WriteSlice(accessUnit(20000), media.Now()); err != nil {
		t.Fatal(err)
	}
	wait(t, session.player.frames, "a frame")
}

func TestAudioTimestampsOfNeighbouringFramesAreOneFrameApart(t *testing.T) {
	start := media.Instant(123456789012345)
	for n := range 10000 {
		at := start.Add(time.Duration(n) * opus.FrameTime)
		if step := streamer.AudioTimestamp(at.Add(opus.FrameTime)) - streamer.AudioTimestamp(at); step != uint32(opus.FrameSamples) {
			t.Fatalf("frame %d is %d ticks long", n, step)
		}
	}
}
