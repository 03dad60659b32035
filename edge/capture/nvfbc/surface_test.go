//go:build cgo

package nvfbc_test

import (
	"errors"
	"testing"

	"nearlight/edge/capture/nvfbc"
	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/openh264"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// From the screen to a decoded picture, with NvFBC, CUDA and NVENC all doubles: what is proven is that frames get through,
// whole, in the right colours as libyuv has them, and that the encoder forgets a picture before it goes.
func TestTheScreenIsEncodedWhereItLies(t *testing.T) {
	for codec, openEncoder := range map[media.Codec]func(encoder.Config) (encoder.Encoder, error){
		media.H264: nvenc.Device{Libraries: double.Folder}.H264,
		media.HEVC: nvenc.Device{Libraries: double.Folder}.HEVC,
	} {
		t.Run(string(codec), func(t *testing.T) {
			d := load(t)
			decoder, err := decode.Open(codec)
			if err != nil {
				t.Skipf("SKIPPED %s: %v", t.Name(), err)
			}
			defer decoder.Close()
			s := open(t, nvfbc.Config{FrameRate: 10000})
			sizes := []media.Size{screen, {Width: 637, Height: 359}, {Width: 640, Height: 360}}
			e, err := openEncoder(encoder.Config{Size: screen, MaxSize: media.Size{Width: 640, Height: 360}, Bitrate: 6 * media.Mbps})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for n := range 24 {
				size := sizes[n/8]
				pixels := paint(size, n)
				d.Show(size, pixels)
				f := next(t, s, 0)
				if f.Visible != size {
					t.Fatalf("picture %d: %v, want %v", n, f.Visible, size)
				}
				if n%8 == 0 {
					if err := e.Reconfigure(encoder.Reconfiguration{Size: size}); err != nil {
						t.Fatal(err)
					}
				}
				var unit []byte
				if _, err := e.Encode(f, encoder.Request{}, func(slice media.Slice) error {
					unit = append(unit, slice.Data...)
					return nil
				}); err != nil {
					t.Fatalf("picture %d: %v", n, err)
				}
				shown, err := decoder.Decode(unit)
				if err != nil || shown == nil {
					t.Fatalf("picture %d: %v, %v", n, shown, err)
				}
				want := media.NewFrame(size)
				if err := yuv.FromBGRX(want, pixels, 4*size.Width); err != nil {
					t.Fatal(err)
				}
				if psnr := encodertest.PSNR(want, shown); psnr < 30 {
					t.Errorf("picture %d: %.1f dB", n, psnr)
				}
			}
			if err := s.Close(); err != nil { // before its encoder
				t.Error(err)
			}
		})
	}
}

func TestASoftwareEncoderTakesFramesOfHostMemory(t *testing.T) {
	d := load(t)
	e, err := openh264.Open(encoder.Config{Size: screen})
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer e.Close()
	discard := func(media.Slice) error { return nil }
	host, gpu := open(t, nvfbc.Config{Memory: nvfbc.InHost}), open(t, nvfbc.Config{})
	d.Show(screen, paint(screen, 1))
	if _, err := e.Encode(next(t, host, 0), encoder.Request{}, discard); err != nil {
		t.Error(err)
	}
	if _, err := e.Encode(next(t, gpu, 0), encoder.Request{}, discard); !errors.Is(err, media.ErrFrame) {
		t.Errorf("a frame on the GPU: got %v, want media.ErrFrame", err)
	}
}
