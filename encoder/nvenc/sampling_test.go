//go:build cgo

package nvenc_test

import (
	"errors"
	"image"
	"slices"
	"strings"
	"testing"

	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

func TestTheDeviceIsAskedForEachSampling(t *testing.T) {
	d := load(t)
	h264, hevc := device().H264, device().HEVC
	for _, c := range []struct {
		reason string
		fault  fakedriver.Fault
		open   encodertest.Opener
		codes  []media.Sampling
		says   map[media.Sampling]string // of those that are refused
	}{
		{"HEVC on a device that has all", fakedriver.None, hevc, []media.Sampling{{}, full, tenBit, fullDeep}, nil},
		{"HEVC on one without 4:4:4", fakedriver.No444, hevc, []media.Sampling{{}, tenBit}, map[media.Sampling]string{
			full:     "nvenc-hevc: not supported by this encoder: Double of a GPU 0 does not code hevc in 4:4:4",
			fullDeep: "nvenc-hevc: not supported by this encoder: Double of a GPU 0 does not code hevc in 4:4:4",
		}},
		{"HEVC on one without 10 bits", fakedriver.No10Bit, hevc, []media.Sampling{{}, full}, map[media.Sampling]string{
			tenBit:   "nvenc-hevc: not supported by this encoder: Double of a GPU 0 does not code hevc with 10 bits",
			fullDeep: "nvenc-hevc: not supported by this encoder: Double of a GPU 0 does not code hevc with 10 bits",
		}},
		{"H.264 on a device that has all", fakedriver.None, h264, []media.Sampling{{}, full}, map[media.Sampling]string{
			fullDeep: "nvenc: not supported by this encoder: NVENC codes H.264 in 4:4:4 with 8 bits only",
		}},
		{"H.264 on one without 4:4:4", fakedriver.No444, h264, []media.Sampling{{}}, map[media.Sampling]string{
			full: "nvenc: not supported by this encoder: Double of a GPU 0 does not code h264 in 4:4:4",
		}},
	} {
		d.Inject(c.fault, 0)
		for _, sampling := range media.Samplings() {
			config := base
			config.Sampling = sampling
			e, err := c.open(config)
			if codes := slices.Contains(c.codes, sampling); codes != (err == nil) || !codes && !errors.Is(err, encoder.ErrUnsupported) {
				t.Errorf("%s: %v: %v", c.reason, sampling, err)
			}
			if err != nil {
				if want := c.says[sampling]; want != "" && err.Error() != want {
					t.Errorf("%s: %v says\n%v, want\n%v", c.reason, sampling, err, want)
				}
				continue
			}
			if can := e.Capabilities(); can.Sampling != sampling || !slices.Equal(can.Samplings, c.codes) {
				t.Errorf("%s: opened in %v of %v, want %v of %v", c.reason, can.Sampling, can.Samplings, sampling, c.codes)
			}
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestH264With10BitsIsRefusedByTheHeadersOfThisBuild(t *testing.T) {
	load(t)
	config := base
	config.Sampling = tenBit
	_, err := device().H264(config)
	const want = "nvenc: not supported by this encoder: this build had headers of NVENC API 11.1, and H.264 with 10 bits came with 13.0"
	if nvenc.API() == "11.1" && (!errors.Is(err, encoder.ErrUnsupported) || err.Error() != want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestThePlayerIsToldOfHigh444(t *testing.T) {
	load(t)
	for _, d := range []nvenc.Device{device(), {Libraries: double.Folder, Main: true}} {
		e := run(t, d.H264, encoder.Config{Size: media.Size{Width: 1280, Height: 720}, FrameRate: 30, Sampling: full})
		// profile_idc 244, no constraints, level 3.1 (ITU-T H.264 section A.2.8).
		if got := e.Capabilities().ProfileLevelID; got != "f4001f" {
			t.Errorf("profile-level-id is %s, want f4001f", got)
		}
	}
}

// stripes are columns of one pixel, red and blue by turns, in bytes B, G, R, unused: all their detail is colour.
func stripes(size media.Size) []byte {
	pixels := make([]byte, 4*size.Width*size.Height)
	for i := range size.Width * size.Height {
		at := pixels[4*i:]
		if i%size.Width%2 == 0 {
			at[2] = 255
		} else {
			at[0] = 255
		}
	}
	return pixels
}

// shown encodes a frame until it is sharp, and returns how well a player sees the colours of what was meant.
func shown(t *testing.T, e encoder.Encoder, f, meant *media.Frame) float64 {
	t.Helper()
	decoder, err := decode.Open(e.Capabilities().Codec)
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer decoder.Close()
	var picture *media.Frame
	for range 15 {
		var unit []byte
		if _, err := e.Encode(f, encoder.Request{}, func(s media.Slice) error {
			unit = append(unit, s.Data...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if picture, err = decoder.Decode(unit); err != nil {
			t.Fatal(err)
		}
		f.Still = true
	}
	if got, want := decoder.Sampling(), e.Capabilities().Sampling; got != want {
		t.Errorf("a player sees %v, want %v", got, want)
	}
	psnr, err := quality.ChromaPSNR(meant, picture)
	if err != nil {
		t.Fatal(err)
	}
	return psnr
}

func TestColouredStripesOfOnePixelSurviveIn444Alone(t *testing.T) {
	load(t)
	size := media.Size{Width: 320, Height: 180}
	pixels := stripes(size)
	in := func(chroma media.Chroma) *media.Frame {
		frame := media.NewFrameIn(chroma, size)
		if err := yuv.FromBGRX(frame, pixels, 4*size.Width); err != nil {
			t.Fatal(err)
		}
		return frame
	}
	meant := in(media.Chroma444)
	picture, err := gpu(t, 0).NewPicture(cuda.Linear, cuda.BGRA, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := picture.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := picture.Write(pixels, 4*size.Width, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		codec    string
		open     encodertest.Opener
		sampling media.Sampling
	}{
		{"H.264", device().H264, media.Sampling{}}, {"H.264", device().H264, full}, {"HEVC", device().HEVC, media.Sampling{}},
		{"HEVC", device().HEVC, tenBit}, {"HEVC", device().HEVC, full}, {"HEVC", device().HEVC, fullDeep},
	} {
		config := encoder.Config{Size: size, Bitrate: 20 * media.Mbps, Sampling: c.sampling}
		e := run(t, c.open, config)
		judge := func(from string, psnr float64) {
			t.Logf("%s in %v, from %s: %.1f dB", c.codec, c.sampling, from, psnr)
			if keeps := c.sampling.Chroma == media.Chroma444; keeps && psnr < 35 || !keeps && psnr > 20 {
				t.Errorf("%s in %v, from %s: %.1f dB, want 35 or more in 4:4:4, and 20 or less in 4:2:0", c.codec, c.sampling, from, psnr)
			}
		}
		judge("planes", shown(t, e, in(c.sampling.Chroma), meant))
		if e.Capabilities().Surfaces { // NVENC makes the planes itself
			judge("RGB on the GPU", shown(t, run(t, c.open, config), &media.Frame{Visible: size, Coded: size, Surface: picture}, meant))
		}
	}
}

func TestATextureIsCodedIn444(t *testing.T) {
	d := load(t)
	size := media.Size{Width: 320, Height: 180}
	pixels := stripes(size)
	meant := media.NewFrameIn(media.Chroma444, size)
	if err := yuv.FromPixels(meant, yuv.Pixels{Data: pixels, Stride: 4 * size.Width, RedFirst: true}, image.Rect(0, 0, size.Width, size.Height)); err != nil {
		t.Fatal(err)
	}
	d.Texture(1, size, pixels)
	picture, err := gpu(t, 0).ImportTexture(1, 0x0de1, size)
	if err != nil {
		t.Fatal(err)
	}
	e := run(t, device().H264, encoder.Config{Size: size, Bitrate: 20 * media.Mbps, Sampling: full})
	if psnr := shown(t, e, &media.Frame{Visible: size, Coded: size, Surface: picture}, meant); psnr < 35 {
		t.Errorf("colours have %.1f dB", psnr)
	}
	if err := picture.Close(); err != nil {
		t.Error(err)
	}
}

func TestPicturesThatAreNotInTheStreamsSamplingAreRefused(t *testing.T) {
	load(t)
	context := gpu(t, 0)
	for _, c := range []struct {
		reason   string
		sampling media.Sampling
		format   cuda.Format
		says     string
	}{
		{"NV12 in 4:4:4", full, cuda.NV12, "a picture in NV12 is 4:2:0, and the stream is 4:4:4"},
		{"8 bits on the GPU for 10", tenBit, cuda.NV12, "copy it to host memory first"},
		{"RGB on the GPU for 10 bits", fullDeep, cuda.BGRA, "copy it to host memory first"},
	} {
		e := run(t, device().HEVC, encoder.Config{Size: base.Size, Sampling: c.sampling})
		if c.sampling.TenBit && e.Capabilities().Surfaces {
			continue // the driver widens, with headers of API 12.2 or newer
		}
		picture, err := context.NewPicture(cuda.Linear, c.format, base.Size)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Encode(&media.Frame{Visible: base.Size, Coded: base.Size, Surface: picture}, encoder.Request{}, discard)
		if !errors.Is(err, media.ErrFrame) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want media.ErrFrame and %q", c.reason, err, c.says)
		}
		if err := picture.Close(); err != nil {
			t.Error(err)
		}
		if result, err := e.Encode(media.NewFrameIn(c.sampling.Chroma, base.Size), encoder.Request{}, discard); err != nil || !result.Keyframe {
			t.Errorf("%s: after the refusal: %+v, %v", c.reason, result, err)
		}
	}
}
