//go:build cgo && !nogpl

package x264

import (
	"bytes"
	"errors"
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// Pictures are lost all the way round of x264's own numbers, which libavcodec does not survive.
func TestADecoderGoesOnWhicheverPicturesItNeverGets(t *testing.T) {
	const lost, every, pictures = 3, 17, 200
	for _, speed := range []int{0, 1} { // without and with CABAC
		e, err := Open(encoder.Config{
			Size: media.Size{Width: 320, Height: 180}, FrameRate: 60, Bitrate: media.Mbps, Recovery: encoder.RecoverByReferences, Speed: speed, Threads: 2,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		d, err := decode.Open(media.H264)
		if errors.Is(err, decode.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		scene, frame := encodertest.NewScene(media.Size{Width: 320, Height: 180}, 1), media.NewFrame(media.Size{Width: 320, Height: 180})
		captured := func(n int) media.Instant { return media.Instant(n + 1) }
		var unit []byte
		for n := range pictures {
			scene.Draw(frame, n)
			frame.Times.Damaged = captured(n)
			if n > every && n%every == lost {
				if keyframe, err := e.Invalidate(captured(n-lost), captured(n-1)); err != nil || keyframe {
					t.Fatalf("picture %d: keyframe %v, error %v", n, keyframe, err)
				}
			}
			unit = unit[:0]
			if _, err := e.Encode(frame, encoder.Request{}, func(s media.Slice) error { unit = append(unit, s.Data...); return nil }); err != nil {
				t.Fatal(err)
			}
			if n > every && n%every < lost {
				continue
			}
			picture, err := d.Decode(unit)
			if err != nil || picture == nil {
				t.Fatalf("speed %d: picture %d does not come out of the decoder: %v", speed, n, err)
			}
			if psnr := encodertest.PSNR(frame, picture); n > 0 && psnr < 24 {
				t.Fatalf("speed %d: picture %d: %.1f dB", speed, n, psnr)
			}
		}
	}
}

func TestEscapingKeepsStartCodesOutAndComesBack(t *testing.T) {
	for _, plain := range [][]byte{
		{1, 2, 3}, {0, 0, 0, 0, 0, 1}, {9, 0, 0, 1, 9}, {9, 0, 0, 2, 0, 0, 3, 0, 0, 4}, {0, 0, 9},
	} {
		escaped := escape(nil, plain)
		if bytes.Contains(escaped, []byte{0, 0, 1}) || bytes.Contains(escaped, []byte{0, 0, 0}) || bytes.Contains(escaped, []byte{0, 0, 2}) {
			t.Errorf("%x is escaped as %x", plain, escaped)
		}
		if back, taken := unescape(nil, escaped, len(escaped)); !bytes.Equal(back, plain) || taken != len(escaped) {
			t.Errorf("%x comes back as %x", plain, back)
		}
	}
}

func TestAStreamThatX264DoesNotMakeIsRefused(t *testing.T) {
	var n numbers
	if _, err := n.widen([]byte{0, 0, 0, 1, 0x41, 0x9a, 0x24}, 1); !errors.Is(err, errNumbers) {
		t.Errorf("a slice before any parameter set: %v", err)
	}
	if _, err := n.widen([]byte{0, 0, 0, 1, 0x67, 66, 0xc0, 31, 0xff}, 0); !errors.Is(err, errNumbers) {
		t.Errorf("a parameter set that ends too soon: %v", err)
	}
}

func FuzzWiden(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 1, 0x65, 0xb8, 0, 0, 3, 0, 9}, int64(0))
	f.Fuzz(func(t *testing.T, piece []byte, number int64) {
		var n numbers
		out, err := n.widen(piece, number)
		if err == nil && len(out) > 2*len(piece)+16 {
			t.Errorf("%d octets became %d", len(piece), len(out))
		}
	})
}
