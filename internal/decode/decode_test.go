//go:build cgo && !nogpl

package decode_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/x264"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// encoded returns the first access units of a stream, and the pictures that they show.
func encoded(t testing.TB, size media.Size, count int) (units [][]byte, scene *encodertest.Scene) {
	t.Helper()
	e, err := x264.Open(encoder.Config{Size: size, Bitrate: 2 * media.Mbps})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	scene = encodertest.NewScene(size, 3)
	frame := media.NewFrame(size)
	for n := range count {
		scene.Draw(frame, n)
		var unit []byte
		if _, err := e.Encode(frame, encoder.Request{}, func(s media.Slice) error {
			unit = append(unit, s.Data...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		units = append(units, unit)
	}
	return units, scene
}

func open(t testing.TB) *decode.Decoder {
	t.Helper()
	d, err := decode.Open(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestEachAccessUnitGivesItsPictureAtOnce(t *testing.T) {
	size := media.Size{Width: 322, Height: 180}
	units, scene := encoded(t, size, 20)
	d, frame := open(t), media.NewFrame(size)
	for n, unit := range units {
		picture, err := d.Decode(unit)
		if err != nil || picture == nil {
			t.Fatalf("picture %d: %v, %v", n, picture, err)
		}
		if err := picture.Check(); err != nil || picture.Visible != size {
			t.Fatalf("picture %d: %v, %v", n, picture.Visible, err)
		}
		scene.Draw(frame, n)
		if psnr := encodertest.PSNR(frame, picture); n > 10 && psnr < 28 {
			t.Errorf("picture %d: %.1f dB", n, psnr)
		}
	}
}

// stored is a keyframe of 162x66 (h264-422: 160x64) pixels of one red, written by x264 or x265: 81, 90, 240 in BT.601, limited range.
func stored(t testing.TB, name string) []byte {
	t.Helper()
	unit, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return unit
}

func TestEachSamplingComesOutWithItsChromaAnd8Bits(t *testing.T) {
	for _, c := range []struct {
		name  string
		codec media.Codec
		want  media.Sampling
	}{
		{"h264-444", media.H264, media.Sampling{Chroma: media.Chroma444}},
		{"hevc-444", media.HEVC, media.Sampling{Chroma: media.Chroma444}},
		{"hevc-10bit", media.HEVC, media.Sampling{TenBit: true}},
		{"hevc-444-10bit", media.HEVC, media.Sampling{Chroma: media.Chroma444, TenBit: true}},
	} {
		d, err := decode.Open(c.codec)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for range 2 { // the second picture meets what the first has left behind
			picture, err := d.Decode(stored(t, c.name))
			if err != nil || picture == nil {
				t.Fatalf("%s: %v, %v", c.name, picture, err)
			}
			if got := d.Sampling(); got != c.want || picture.Chroma != c.want.Chroma {
				t.Errorf("%s: %v, with planes in %v; want %v", c.name, got, picture.Chroma, c.want)
			}
			if err := picture.CheckIn(c.want.Chroma); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			colour := picture.Chroma.Of(picture.Coded)
			for _, p := range []struct {
				plane media.Plane
				size  media.Size
				value int
			}{{picture.Y, picture.Coded, 81}, {picture.U, colour, 90}, {picture.V, colour, 240}} {
				for i := range p.size.Width * p.size.Height {
					got := int(p.plane.Data[i/p.size.Width*p.plane.Stride+i%p.size.Width])
					if got < p.value-1 || got > p.value+1 {
						t.Fatalf("%s: sample %d is %d, want %d", c.name, i, got, p.value)
					}
				}
			}
		}
	}
}

func TestAChromaThatFramesDoNotHaveIsRefused(t *testing.T) {
	if picture, err := open(t).Decode(stored(t, "h264-422")); picture != nil || !errors.Is(err, decode.ErrFormat) {
		t.Errorf("4:2:2: got %v, %v; want ErrFormat", picture, err)
	}
}

func TestDamageIsReportedAndTheNextKeyframeMends(t *testing.T) {
	units, _ := encoded(t, media.Size{Width: 320, Height: 180}, 5)
	d := open(t)
	if _, err := d.Decode(units[1]); !errors.Is(err, decode.ErrBitstream) {
		t.Errorf("a picture before any keyframe: got %v, want ErrBitstream", err)
	}
	if _, err := d.Decode(units[0]); err != nil {
		t.Errorf("the keyframe: %v", err)
	}
	if _, err := d.Decode(units[1][:len(units[1])/3]); !errors.Is(err, decode.ErrBitstream) {
		t.Errorf("a cut access unit: got %v, want ErrBitstream", err)
	}
	for name, unit := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 100), "text": []byte("GET / HTTP/1.1")} {
		if picture, err := d.Decode(unit); picture != nil || name == "nothing" && !errors.Is(err, decode.ErrBitstream) {
			t.Errorf("%s: %v, %v", name, picture, err)
		}
	}
	if picture, err := d.Decode(units[0]); err != nil || picture == nil {
		t.Errorf("the keyframe again: %v, %v", picture, err)
	}
}

func TestALostAccessUnitIsConcealed(t *testing.T) {
	units, _ := encoded(t, media.Size{Width: 320, Height: 180}, 5)
	d := open(t)
	for _, n := range []int{0, 1, 3, 4} { // documented: libavcodec does not tell, its feeder knows
		if picture, err := d.Decode(units[n]); err != nil || picture == nil {
			t.Errorf("picture %d: %v, %v", n, picture, err)
		}
	}
}

func TestAccessUnitsBeyondTheBoundAreRefused(t *testing.T) {
	if _, err := open(t).Decode(make([]byte, decode.MaxAccessUnit+1)); !errors.Is(err, decode.ErrBitstream) {
		t.Errorf("got %v, want ErrBitstream", err)
	}
}

func TestEveryCodecOpensAndOthersAreRefused(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.HEVC, media.VP8, media.VP9, media.AV1} {
		d, err := decode.Open(codec)
		if err != nil {
			t.Errorf("%s: %v", codec, err)
			continue
		}
		d.Close()
	}
	if _, err := decode.Open("theora"); !errors.Is(err, decode.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestClosingIsFinal(t *testing.T) {
	d := open(t)
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Decode([]byte{0, 0, 1, 9}); !errors.Is(err, decode.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// FuzzDecode feeds one decoder two access units, so that what the first leaves behind meets the second.
func FuzzDecode(f *testing.F) {
	units, _ := encoded(f, media.Size{Width: 64, Height: 48}, 3)
	f.Add(units[0], units[1])
	f.Add(units[0], units[2])
	f.Add(units[1], units[0])
	f.Add(stored(f, "h264-444"), units[0])
	f.Add(units[0], stored(f, "h264-422"))
	f.Add([]byte{}, bytes.Repeat([]byte{0, 0, 1, 0x67}, 40))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first)+len(second) > 1<<16 {
			return
		}
		d := open(t)
		for _, unit := range [][]byte{first, second} {
			picture, err := d.Decode(unit)
			if picture == nil {
				continue
			}
			if err != nil {
				t.Fatalf("a picture beside an error: %v", err)
			}
			if err := picture.CheckIn(picture.Chroma); err != nil {
				t.Fatal(err)
			}
			encodertest.PSNR(picture, picture) // reads every sample
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	units, _ := encoded(b, media.Size{Width: 1280, Height: 720}, 60)
	d := open(b)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := d.Decode(units[n%len(units)]); err != nil {
			b.Fatal(err)
		}
	}
}
