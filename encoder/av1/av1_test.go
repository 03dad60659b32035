package av1_test

import (
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/av1"
	"nearlight/encoder/encodertest"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

func TestContract(t *testing.T) { encodertest.Run(t, av1.Open) }

func BenchmarkEncode(b *testing.B) { encodertest.Benchmark(b, av1.Open) }

func TestTextAfterAGameIsCodedWithPalettesFromTheNextKeyframeOn(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	e, err := av1.Open(encoder.Config{Size: size, Bitrate: 40 * media.Mbps})
	if errors.Is(err, encoder.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	decoder, err := decode.Open(media.AV1)
	if errors.Is(err, decode.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	show := func(frame *media.Frame, r encoder.Request) float64 {
		var picture *media.Frame
		if _, err := e.Encode(frame, r, func(s media.Slice) (err error) {
			picture, err = decoder.Decode(s.Data)
			return err
		}); err != nil || picture == nil {
			t.Fatalf("picture %v, error %v", picture, err)
		}
		return encodertest.PSNR(frame, picture)
	}
	frame, scene := media.NewFrame(size), encodertest.NewScene(size, 1)
	for n := range 5 {
		scene.Draw(frame, n)
		show(frame, encoder.Request{})
	}
	for y := range size.Height {
		for x := range size.Width {
			frame.Y.Data[y*frame.Y.Stride+x] = byte(235 - 195*((x*x/7^y*y/5^x*y/11)&1))
		}
	}
	if psnr := show(frame, encoder.Request{Keyframe: true}); psnr < 60 {
		t.Errorf("%.1f dB: two colours in each block are not coded as a palette", psnr)
	}
}
