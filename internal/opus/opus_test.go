//go:build cgo

package opus

import (
	"errors"
	"math"
	"testing"

	"nearlight/internal/media"
)

// tone writes frame n of a tone at half of full scale.
func tone(samples []int16, n int, hertz float64) {
	for i := range FrameSamples {
		value := int16(16384 * math.Sin(2*math.Pi*hertz*float64(n*FrameSamples+i)/SampleRate))
		samples[2*i], samples[2*i+1] = value, value
	}
}

// loudness is the root mean square of samples.
func loudness(samples []int16) float64 {
	sum := 0.0
	for _, s := range samples {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(samples)))
}

func coder(t testing.TB, config Config) (*Encoder, *Decoder) {
	t.Helper()
	e, err := NewEncoder(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return e, d
}

func TestAToneSurvivesTheWay(t *testing.T) {
	e, d := coder(t, Config{})
	sent, heard, packet := make([]int16, FrameLength), make([]int16, FrameLength), make([]byte, MaxFrame)
	octets, frames := 0, 100
	for n := range frames {
		tone(sent, n, 440)
		length, err := e.Encode(packet, sent)
		if err != nil {
			t.Fatal(err)
		}
		octets += length
		if err := d.Decode(heard, packet[:length]); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := loudness(heard), loudness(sent); math.Abs(got-want) > want/20 {
		t.Errorf("the tone has a loudness of %.0f, was %.0f", got, want)
	}
	rate := media.Bitrate(octets*8) * media.Bitrate(SampleRate/FrameSamples) / media.Bitrate(frames)
	if rate > DefaultBitrate*11/10 {
		t.Errorf("%v, with %v allowed", rate, DefaultBitrate)
	}
}

func TestConstantFramesAreEquallyLong(t *testing.T) {
	e, _ := coder(t, Config{Bitrate: 96 * media.Kbps, Constant: true})
	samples, packet := make([]int16, FrameLength), make([]byte, MaxFrame)
	for n := range 50 {
		tone(samples, n, float64(200+100*n))
		length, err := e.Encode(packet, samples)
		if want := 96000 / 8 / 100; err != nil || length != want {
			t.Fatalf("frame %d has %d octets, want %d: %v", n, length, want, err)
		}
	}
}

func TestALostFrameIsMadeUpAndAPauseIsSilent(t *testing.T) {
	e, d := coder(t, Config{})
	sent, heard, packet := make([]int16, FrameLength), make([]int16, FrameLength), make([]byte, MaxFrame)
	next := func(n int, hertz float64) {
		t.Helper()
		clear(sent)
		if hertz > 0 {
			tone(sent, n, hertz)
		}
		length, err := e.Encode(packet, sent)
		if err == nil {
			err = d.Decode(heard, packet[:length])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		next(n, 440)
	}
	if err := d.Decode(heard, nil); err != nil || loudness(heard) < loudness(sent)/4 {
		t.Errorf("a lost frame of a tone was made up with a loudness of %.0f: %v", loudness(heard), err)
	}
	for n := range 20 {
		next(n, 0)
	}
	for range 3 {
		if err := d.Decode(heard, Pause); err != nil || loudness(heard) > 8 { // -72 dB of full scale
			t.Errorf("a pause has a loudness of %.1f: %v", loudness(heard), err)
		}
	}
	next(0, 440)
	next(1, 440)
	if loudness(heard) < loudness(sent)/2 {
		t.Errorf("after a pause the tone has a loudness of %.0f, was %.0f", loudness(heard), loudness(sent))
	}
}

func TestWhatIsNoFrameOfOursIsRefused(t *testing.T) {
	_, d := coder(t, Config{})
	samples := make([]int16, FrameLength)
	for _, packet := range [][]byte{
		{0xff, 0x7f, 0xff},   // a count of frames that is not there
		{28<<3 | 1<<2, 1, 2}, // 2.5 ms
		{31<<3 | 1<<2, 1, 2}, // 20 ms: more than there is room for
		make([]byte, MaxFrame+1),
	} {
		if err := d.Decode(samples, packet); !errors.Is(err, ErrPacket) {
			t.Errorf("%d octets beginning with %02x: %v", len(packet), packet[0], err)
		}
	}
	if err := d.Decode(samples, Pause); err != nil {
		t.Errorf("the decoder does not go on: %v", err)
	}
	d.Close()
	if err := d.Decode(samples, Pause); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestSettingsOutOfBoundsAreRefused(t *testing.T) {
	for _, config := range []Config{{Bitrate: 8 * media.Kbps}, {Bitrate: media.Mbps}, {Loss: -1}, {Loss: 101}} {
		if e, err := NewEncoder(config); err == nil {
			e.Close()
			t.Errorf("%+v was taken", config)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Pause)
	f.Add([]byte{0xff, 0x3f, 0, 1, 2})
	d, err := NewDecoder()
	if err != nil {
		f.Fatal(err)
	}
	defer d.Close()
	samples := make([]int16, FrameLength)
	f.Fuzz(func(t *testing.T, packet []byte) {
		if err := d.Decode(samples, packet); err != nil && !errors.Is(err, ErrPacket) {
			t.Fatal(err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e, _ := coder(b, Config{})
	samples, packet := make([]int16, FrameLength), make([]byte, MaxFrame)
	tone(samples, 0, 440)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(packet, samples); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	e, d := coder(b, Config{})
	samples, packet := make([]int16, FrameLength), make([]byte, MaxFrame)
	tone(samples, 0, 440)
	length, err := e.Encode(packet, samples)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(samples, packet[:length]); err != nil {
			b.Fatal(err)
		}
	}
}
