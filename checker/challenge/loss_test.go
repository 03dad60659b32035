package challenge_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/encoder/av1"
	"nearlight/encoder/openh264"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// coder is an encoder that edges use.
type coder struct {
	name  string
	codec media.Codec
	open  func(encoder.Config) (encoder.Encoder, error)
}

var coders = []coder{
	{"x264", media.H264, x264.Open}, {"openh264", media.H264, openh264.Open}, {"vp8", media.VP8, vpx.OpenVP8}, {"vp9", media.VP9, vpx.OpenVP9},
	{"av1", media.AV1, av1.Open},
}

// TestLimitsLeaveRoomForEachEncoder is where the limits in decibels and of detail come from: what encoders leave of an honest edge's pictures, at the
// usual rate and at two thirds of it, against what is left of half the resolution.
func TestLimitsLeaveRoomForEachEncoder(t *testing.T) {
	a, p := openApp(t), painter(t)
	limits := challenge.DefaultLimits
	plan := planned(2 * time.Second)
	plan.Share = 0.3
	r := honest(3, plan, clean).carried()
	spread := func(r *run, c coder, rate media.Bitrate) (challenge.Spread, []string) {
		w := a.watched(t, r, c, rate, nil)
		v, err := w.Judge(p, limits, began.Add(plan.Length))
		must(t, err)
		return challenge.SpreadOf(w), v.Failed()
	}
	for _, c := range coders {
		half, _ := spread(r.changed(halved), c, usualRate)
		other, _ := spread(r.changed(func(_ int, s *shot, _ []shot) bool {
			s.nonce++
			return true
		}), c, usualRate)
		t.Logf("%s %v: half resolution: %v", c.name, usualRate, half)
		t.Logf("%s %v: other nonce: %v", c.name, usualRate, other)
		if other.Same[2] > limits.Same-1 || other.Fresh[2] > limits.Fresh {
			t.Errorf("%s: a picture of another nonce has %.1f dB, and is nearer to itself by %.1f", c.name, other.Same[2], other.Fresh[2])
		}
		if half.Detail[1] > limits.Detail-0.06 {
			t.Errorf("%s: half the resolution has a detail of %.2f", c.name, half.Detail[1])
		}
		for _, rate := range []media.Bitrate{usualRate * 2 / 3, usualRate} {
			own, failed := spread(r, c, rate)
			if len(failed) > 0 {
				t.Errorf("%s %v: an honest edge fails in %v", c.name, rate, failed)
			}
			t.Logf("%s %v: %v", c.name, rate, own)
			if own.Same[0] < limits.Same+1 || own.Fresh[0] < limits.Fresh+0.5 {
				t.Errorf("%s %v: an honest picture has %.1f dB, and is nearer to itself by %.1f", c.name, rate, own.Same[0], own.Fresh[0])
			}
			room := 0.06
			if rate < usualRate {
				room = 0.02 // which is why a challenge wants the usual rate
			}
			if own.Tiles[1] < limits.Tiles+2 || own.Detail[1] < limits.Detail+room {
				t.Errorf("%s %v: honest pictures' tiles have %.1f dB, their detail is %.2f", c.name, rate, own.Tiles[1], own.Detail[1])
			}
			if own.Repeat[2] > limits.Repeat-2 {
				t.Errorf("%s %v: two pictures in a row are alike, %.1f dB", c.name, rate, own.Repeat[2])
			}
		}
	}
}

// drawTo tells the test binary to draw to a file.
const drawTo = "NEARLIGHT_TEST_DRAW_TO"

func TestAnotherRendererDrawsNearlyTheSame(t *testing.T) {
	const pictures = 6
	a := openApp(t)
	path := os.Getenv(drawTo)
	var drawn [][]byte
	for n := range pictures {
		f := a.picture(t, shot{nonce: arena.Nonce(1000 + 7*n), since: time.Duration(n) * 70 * time.Millisecond})
		drawn = append(drawn, bytes.Clone(f.Y.Data))
	}
	if path != "" {
		must(t, os.WriteFile(path, bytes.Join(drawn, nil), 0o600))
		return
	}
	path = filepath.Join(t.TempDir(), "luma")
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	again.Env = append(os.Environ(), drawTo+"="+path, "GALLIUM_DRIVER=softpipe")
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("softpipe: %v\n%s", err, out)
	}
	other, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("SKIPPED: Mesa's softpipe does not draw here, so nothing was compared")
	}
	must(t, err)
	for n, luma := range drawn {
		want, got := media.NewFrame(size), media.NewFrame(size)
		copy(want.Y.Data, luma)
		copy(got.Y.Data, other[n*len(luma):])
		psnr, err := quality.PSNR(want, got)
		must(t, err)
		t.Logf("picture %d: %.1f dB", n, psnr)
		if psnr < 45 { // an encoder leaves 25 to 38, so that this takes away less than 0.1 dB
			t.Errorf("picture %d: %.1f dB between two renderers", n, psnr)
		}
	}
}
