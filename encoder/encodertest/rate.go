package encodertest

import (
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

const (
	window = 2 // seconds, over which the rate is judged

	// What a stream may take of its rate in any window, and has to take of it where the scene can use it.
	most, least = 1.10, 0.75
)

func testRate(t *testing.T, open Opener) {
	for _, c := range []struct {
		reason  string
		bitrate media.Bitrate
		rate    int
	}{
		{"a good home connection", 4 * media.Mbps, 60},
		{"a poor one", 1500 * media.Kbps, 60},
		{"half the frames of twice the size", 3 * media.Mbps, 30},
	} {
		config := base
		config.Bitrate, config.FrameRate = c.bitrate, c.rate
		s := start(t, open, config)
		var sizes []int
		for range 2 * window * c.rate {
			s.encode(encoder.Request{})
			sizes = append(sizes, s.result.Bytes)
		}
		judge(t, c.reason, sizes, c.bitrate, c.rate)
	}
}

// judge looks at every window of the sizes.
func judge(t *testing.T, reason string, sizes []int, bitrate media.Bitrate, rate int) {
	t.Helper()
	allowed := float64(bitrate) / 8 * window
	highest, lowest := 0.0, 99.0
	for from := 0; from+window*rate <= len(sizes); from++ {
		sum := 0
		for _, size := range sizes[from : from+window*rate] {
			sum += size
		}
		highest, lowest = max(highest, float64(sum)/allowed), min(lowest, float64(sum)/allowed)
	}
	t.Logf("%s: %v at %d frames per second: %.0f to %.0f %% over %d s", reason, bitrate, rate, 100*lowest, 100*highest, window)
	if highest > most || lowest < least {
		t.Errorf("%s: want %.0f to %.0f %%", reason, 100*least, 100*most)
	}
}

// testPoorConnection gives a picture less than a twentieth of a bit for each of its pixels. Presets that find no motion
// at such quantisers then exceed the rate with a picture that cannot be recognized.
func testPoorConnection(t *testing.T, open Opener) {
	const settle, bitrate = frameRate / 2, 2 * media.Mbps
	s := start(t, open, encoder.Config{Size: media.Size{Width: 1280, Height: 720}, FrameRate: frameRate, Bitrate: bitrate})
	s.warm(settle)
	bytes, psnr := 0, 0.0
	for range frameRate {
		s.encode(encoder.Request{})
		bytes += s.result.Bytes
		psnr += s.receive() / frameRate
	}
	used := float64(8*bytes) / float64(bitrate)
	t.Logf("%.0f %% of the rate over a second, %.1f dB", 100*used, psnr)
	if used > most || psnr < 33 {
		t.Errorf("want at most %.0f %%, and 33 dB", 100*most)
	}
}

func testRateChange(t *testing.T, open Opener) {
	s := start(t, open, base)
	s.push(30)
	for _, change := range []encoder.Reconfiguration{
		{Bitrate: 6 * media.Mbps}, {Bitrate: 2 * media.Mbps}, {FrameRate: 30}, {FrameRate: 60, Bitrate: 4 * media.Mbps},
	} {
		if err := s.encoder.Reconfigure(change); err != nil {
			t.Fatal(err)
		}
		if change.Bitrate == 0 {
			change.Bitrate = 2 * media.Mbps
		}
		if change.FrameRate == 0 {
			change.FrameRate = 60
		}
		var sizes []int
		for range (window + 1) * change.FrameRate {
			s.encode(encoder.Request{})
			if s.result.Keyframe {
				t.Fatalf("%+v made a keyframe", change)
			}
			sizes = append(sizes, s.result.Bytes)
		}
		judge(t, "after a change and half a second", sizes[change.FrameRate/2:], change.Bitrate, change.FrameRate)
	}
}

func testBudget(t *testing.T, open Opener) {
	s := start(t, open, base)
	if !s.encoder.Capabilities().FrameBudget {
		t.Skip("the driver does not claim FrameBudget")
	}
	s.push(60)
	share := int(base.Bitrate) / frameRate / 8
	for n, part := range []float64{0.5, 0.5, 0.3, 0.8, 0.4, 0.6, 1, 0.5, 0.5, 0.5} {
		budget := int(part * float64(share))
		s.encode(encoder.Request{Budget: budget})
		if s.result.Bytes > budget*115/100 {
			t.Errorf("picture %d took %d bytes of a budget of %d", n, s.result.Bytes, budget)
		}
	}
}

// testRoomyKeyframe gives a keyframe, and the frame before it, the bits of several: who watches must not see that one was made.
func testRoomyKeyframe(t *testing.T, open Opener) {
	s := start(t, open, base)
	if !s.encoder.Capabilities().FrameBudget {
		t.Skip("the driver does not claim FrameBudget")
	}
	s.warm(60)
	const shares, mostLoss = 4, 1.5 // decibels
	room := shares * int(base.Bitrate) / frameRate / 8
	s.encode(encoder.Request{})
	before := s.receive()
	s.encode(encoder.Request{Budget: room})
	s.receive()
	s.encode(encoder.Request{Budget: room, Keyframe: true})
	if s.result.Bytes > room*115/100 {
		t.Errorf("the keyframe took %d bytes of a budget of %d", s.result.Bytes, room)
	}
	for n := range 10 {
		if psnr := s.receive(); psnr < before-mostLoss {
			t.Errorf("picture %d from the keyframe on has %.1f dB, before it was %.1f", n, psnr, before)
		}
		s.encode(encoder.Request{})
	}
}
