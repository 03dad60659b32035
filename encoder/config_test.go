package encoder_test

import (
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/internal/media"
)

func TestLevelIsTheLowestThatHoldsTheStream(t *testing.T) {
	for _, c := range []struct {
		reason     string
		size       media.Size
		rate       int
		bitrate    media.Bitrate
		references int
		want       int
	}{
		{"720p at 30 needs no more than every browser has", media.Size{Width: 1280, Height: 720}, 30, 8 * media.Mbps, 1, 31},
		{"720p at 60", media.Size{Width: 1280, Height: 720}, 60, 8 * media.Mbps, 1, 32},
		{"small pictures stay at 3.1", media.Size{Width: 320, Height: 180}, 60, media.Mbps, 1, 31},
		{"1080p at 60", media.Size{Width: 1920, Height: 1080}, 60, 8 * media.Mbps, 1, 42},
		{"a high rate raises it", media.Size{Width: 1280, Height: 720}, 60, 30 * media.Mbps, 1, 41},
		{"pictures kept raise it", media.Size{Width: 1280, Height: 720}, 60, 8 * media.Mbps, 8, 40},
		{"4K at 60", media.Size{Width: 3840, Height: 2160}, 60, 40 * media.Mbps, 1, 52},
		{"upright 1080p", media.Size{Width: 1080, Height: 1920}, 60, 8 * media.Mbps, 1, 42},
		{"4K at 120 is beyond", media.Size{Width: 3840, Height: 2160}, 120, 40 * media.Mbps, 1, 0},
		{"the largest square is beyond", media.MaxSize, 1, media.Mbps, 1, 0},
		{"a strip fits by area but not by side", media.Size{Width: 4096, Height: 16}, 60, media.Mbps, 1, 40},
	} {
		config, err := encoder.Config{Size: c.size, FrameRate: c.rate, Bitrate: c.bitrate}.Resolve()
		if err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		got, err := encoder.H264Level(config, c.references)
		if got != c.want || (c.want == 0) != errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("%s: got %d, %v; want %d", c.reason, got, err, c.want)
		}
	}
}

func TestZeroConfigMeansTheDefaults(t *testing.T) {
	size := media.Size{Width: 1280, Height: 720}
	got, err := encoder.Config{Size: size}.Resolve()
	want := encoder.Config{Size: size, MaxSize: size, FrameRate: encoder.DefaultFrameRate, Bitrate: encoder.DefaultBitrate}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestASamplingIsRefusedUnlessTheDriverHasIt(t *testing.T) {
	full, tenBit := media.Sampling{Chroma: media.Chroma444}, media.Sampling{TenBit: true}
	config := encoder.Config{Size: media.Size{Width: 1280, Height: 720}, Sampling: full}
	for _, can := range [][]media.Sampling{nil, {{}}, {{}, tenBit}} {
		if _, err := config.Resolve(can...); !errors.Is(err, encoder.ErrUnsupported) {
			t.Errorf("a driver of %v: got %v, want ErrUnsupported", can, err)
		}
	}
	got, err := config.Resolve(tenBit, full)
	if err != nil || got.Sampling != full {
		t.Fatalf("a driver that has it: %v, %v", got.Sampling, err)
	}
	if changed, err := got.Apply(encoder.Reconfiguration{Bitrate: media.Mbps}); err != nil || changed.Sampling != full {
		t.Errorf("a change of rate: %v, %v", changed.Sampling, err)
	}
}

func TestApplyKeepsWhatIsNotNamed(t *testing.T) {
	config, err := encoder.Config{Size: media.Size{Width: 1280, Height: 720}, Speed: 1}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	same, err := config.Apply(encoder.Reconfiguration{})
	if err != nil || same != config {
		t.Errorf("nothing asked: got %+v, %v; want %+v", same, err, config)
	}
	zero := 0
	changed, err := config.Apply(encoder.Reconfiguration{Bitrate: media.Mbps, Speed: &zero})
	config.Bitrate, config.Speed = media.Mbps, 0
	if err != nil || changed != config {
		t.Errorf("got %+v, %v; want %+v", changed, err, config)
	}
}
