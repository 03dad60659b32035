//go:build cgo

package opus

import (
	"errors"
	"math"
	"testing"

	"nearlight/internal/media"
)

// vowel writes frame n of something like a voice: a low tone with overtones.
func vowel(samples []int16, n int) {
	for i := range samples {
		at := 2 * math.Pi * 150 * float64(n*FrameSamples+i) / SampleRate
		samples[i] = int16(6000*math.Sin(at) + 3000*math.Sin(3*at) + 1500*math.Sin(7*at))
	}
}

func speaker(t testing.TB, config SpeechConfig) (*SpeechEncoder, *SpeechDecoder) {
	t.Helper()
	e, err := NewSpeechEncoder(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	d, err := NewSpeechDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return e, d
}

func TestSpeechSurvivesTheWay(t *testing.T) {
	e, d := speaker(t, SpeechConfig{})
	sent, heard, packet := make([]int16, FrameSamples), make([]int16, MaxPacketSamples), make([]byte, MaxFrame)
	for n := range 50 {
		vowel(sent, n)
		length, err := e.Encode(packet, sent)
		if err != nil {
			t.Fatal(err)
		}
		if samples, err := d.Decode(heard, packet[:length]); err != nil || samples != FrameSamples {
			t.Fatalf("frame %d: %d samples: %v", n, samples, err)
		}
	}
	if got, want := loudness(heard[:FrameSamples]), loudness(sent); got < want/2 || got > want*2 {
		t.Errorf("it has a loudness of %.0f, was %.0f", got, want)
	}
}

// Of a syllable that begins in the frame that is lost only the copy in the next packet can tell.
func TestALostFrameOfSpeechIsInTheNextPacket(t *testing.T) {
	recovered := func(loss int) float64 {
		e, d := speaker(t, SpeechConfig{Loss: loss})
		sent, heard, packet := make([]int16, FrameSamples), make([]int16, MaxPacketSamples), make([]byte, MaxFrame)
		for n := range 42 {
			clear(sent)
			if n >= 38 {
				vowel(sent, n)
			}
			length, err := e.Encode(packet, sent)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case n == 40: // lost
			case n == 41:
				if err := d.Recover(heard[:FrameSamples], packet[:length]); err != nil {
					t.Fatal(err)
				}
			case n < 38: // the decoder knows of silence only
				if _, err := d.Decode(heard, packet[:length]); err != nil {
					t.Fatal(err)
				}
			}
		}
		return loudness(heard[:FrameSamples])
	}
	if with, without := recovered(20), recovered(0); with < 4*without+100 {
		t.Errorf("a lost frame has a loudness of %.0f with a copy in the next packet, %.0f without", with, without)
	}
}

func TestSilenceOfAMicrophoneIsIdle(t *testing.T) {
	e, d := speaker(t, SpeechConfig{Idle: true})
	sent, heard, packet := make([]int16, FrameSamples), make([]int16, MaxPacketSamples), make([]byte, MaxFrame)
	idle := 0
	for range 100 {
		length, err := e.Encode(packet, sent)
		if err != nil {
			t.Fatal(err)
		}
		if Idle(packet[:length]) {
			idle++
		}
		if _, err := d.Decode(heard, packet[:length]); err != nil {
			t.Fatal(err)
		}
	}
	if idle < 50 {
		t.Errorf("%d of 100 frames of silence are idle", idle)
	}
	vowel(sent, 0)
	if length, err := e.Encode(packet, sent); err != nil || Idle(packet[:length]) {
		t.Errorf("speech of %d octets is idle: %v", length, err)
	}
}

func TestAPacketTellsItsLength(t *testing.T) {
	const millisecond = SampleRate / 1000
	for _, c := range []struct {
		packet  []byte
		samples int // 0: none of Opus
		reason  string
	}{
		{nil, 0, "empty"},
		{[]byte{0 << 3}, 10 * millisecond, "SILK, one frame"},
		{[]byte{3 << 3}, 60 * millisecond, "SILK, the longest frame"},
		{[]byte{3<<3 | 1, 1}, 120 * millisecond, "two of them"},
		{[]byte{13 << 3}, 20 * millisecond, "hybrid"},
		{[]byte{16 << 3}, 120, "CELT, the shortest frame"},
		{[]byte{31<<3 | 2, 1}, 40 * millisecond, "two frames of 20 ms"},
		{[]byte{16<<3 | 3, 48}, 120 * millisecond, "the most frames"},
		{[]byte{16<<3 | 3, 49}, 0, "one more than may be"},
		{[]byte{16<<3 | 3, 0}, 0, "no frames"},
		{[]byte{16<<3 | 3}, 0, "the count is missing"},
		{[]byte{3<<3 | 3, 3}, 0, "180 ms"},
	} {
		samples, err := Samples(c.packet)
		if samples != c.samples || (err == nil) != (c.samples > 0) || err != nil && !errors.Is(err, ErrPacket) {
			t.Errorf("%s: %d samples, want %d: %v", c.reason, samples, c.samples, err)
		}
	}
}

func TestWhatCannotBeMadeUpIsRefused(t *testing.T) {
	_, d := speaker(t, SpeechConfig{})
	for _, n := range []int{0, 1, quantum + 1, MaxPacketSamples + quantum} {
		if err := d.Conceal(make([]int16, n)); err == nil {
			t.Errorf("%d samples were made up", n)
		}
	}
	for _, config := range []SpeechConfig{{Bitrate: media.Kbps}, {Loss: 101}, {Loss: -1}} {
		if e, err := NewSpeechEncoder(config); err == nil {
			e.Close()
			t.Errorf("%+v was taken", config)
		}
	}
	d.Close()
	if err := d.Conceal(make([]int16, quantum)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func FuzzSpeech(f *testing.F) {
	f.Add([]byte{0xff, 0x3f, 0, 1, 2}, false)
	f.Add([]byte{0 << 3, 7, 8, 9}, true)
	d, err := NewSpeechDecoder()
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	samples := make([]int16, MaxPacketSamples)
	f.Fuzz(func(t *testing.T, packet []byte, lost bool) {
		if lost {
			if err := d.Recover(samples[:FrameSamples], packet); err != nil && !errors.Is(err, ErrPacket) {
				t.Fatal(err)
			}
		}
		n, err := d.Decode(samples, packet)
		if err != nil && !errors.Is(err, ErrPacket) {
			t.Fatal(err)
		}
		if told, known := Samples(packet); err == nil && (known != nil || told != n) {
			t.Fatalf("%d samples came of a packet of %d: %v", n, told, known)
		}
	})
}

func BenchmarkDecodeSpeech(b *testing.B) {
	e, d := speaker(b, SpeechConfig{})
	sent, heard, packet := make([]int16, FrameSamples), make([]int16, MaxPacketSamples), make([]byte, MaxFrame)
	vowel(sent, 0)
	length, err := e.Encode(packet, sent)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(heard, packet[:length]); err != nil {
			b.Fatal(err)
		}
	}
}
