//go:build cgo

package nvenc_test

import (
	"testing"

	"nearlight/encoder/encodertest"
	"nearlight/encoder/nvenc"
)

func TestContractOfH264(t *testing.T) {
	load(t)
	encodertest.Run(t, device().H264)
}

func TestContractOfH264Main(t *testing.T) {
	load(t)
	encodertest.Run(t, nvenc.Device{Libraries: double.folder, Main: true}.H264)
}

func TestContractOfHEVC(t *testing.T) {
	load(t)
	encodertest.Run(t, device().HEVC)
}

func BenchmarkEncodeOnTheDouble(b *testing.B) {
	load(b)
	encodertest.Benchmark(b, device().H264)
}
