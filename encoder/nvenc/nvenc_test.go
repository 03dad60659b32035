//go:build cgo

package nvenc_test

import (
	"testing"

	"nearlight/encoder"
	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
	"nearlight/internal/media"
)

func TestContractOfH264(t *testing.T) {
	load(t)
	encodertest.Run(t, device().H264)
}

func TestContractOfH264Main(t *testing.T) {
	load(t)
	encodertest.Run(t, nvenc.Device{Libraries: double.Folder, Main: true}.H264)
}

func TestContractOfHEVC(t *testing.T) {
	load(t)
	encodertest.Run(t, device().HEVC)
}

// The samplings that a stream may have besides 4:2:0 with 8 bits.
var (
	full     = media.Sampling{Chroma: media.Chroma444}
	tenBit   = media.Sampling{TenBit: true}
	fullDeep = media.Sampling{Chroma: media.Chroma444, TenBit: true}
)

func TestContractOfH264In444(t *testing.T) {
	load(t)
	encodertest.Run(t, encodertest.In(full, device().H264))
}

func TestContractOfHEVCIn444(t *testing.T) {
	load(t)
	encodertest.RunIn(t, full, device().HEVC)
}

func TestContractOfHEVCWith10Bits(t *testing.T) {
	load(t)
	encodertest.RunIn(t, tenBit, device().HEVC)
}

func TestContractOfHEVCIn444With10Bits(t *testing.T) {
	load(t)
	encodertest.RunIn(t, fullDeep, device().HEVC)
}

func TestAPictureTakesNoMoreThanCanBeSeen(t *testing.T) {
	load(t)
	size := media.Size{Width: 640, Height: 360}
	for _, open := range []encodertest.Opener{device().H264, device().HEVC} {
		e := run(t, open, encoder.Config{Size: size, Bitrate: 100 * media.Mbps})
		scene, frame := encodertest.NewScene(size, 1), media.NewFrame(size)
		share := int(100*media.Mbps) / encoder.DefaultFrameRate / 8
		quantiser := func(pictures int) (last float64) {
			for n := range pictures {
				if !frame.Still {
					scene.Draw(frame, n)
				}
				result, err := e.Encode(frame, encoder.Request{}, discard)
				if err != nil {
					t.Fatal(err)
				}
				if n > 0 && result.Bytes > share/2 {
					t.Errorf("picture %d took %d bytes of a share of %d, far more than it needs", n, result.Bytes, share)
				}
				last = result.QP
			}
			return last
		}
		moving := quantiser(30)
		frame.Still = true
		still := quantiser(15)
		frame.Still = false
		again := quantiser(30)
		if moving < 15 || still > moving-5 || again < 15 {
			t.Errorf("quantisers %v while it moves, %v while it stands still, %v after that", moving, still, again)
		}
	}
}

func BenchmarkEncodeOnTheDouble(b *testing.B) {
	load(b)
	encodertest.Benchmark(b, device().H264)
}
