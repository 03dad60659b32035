package x264_test

import (
	"testing"

	"nearlight/encoder/encodertest"
	"nearlight/encoder/x264"
	"nearlight/internal/media"
)

func TestContract(t *testing.T) { encodertest.Run(t, x264.Open) }

func TestContractWithOverlap(t *testing.T) { encodertest.Run(t, x264.OpenOverlapped) }

func TestContractIn444(t *testing.T) {
	encodertest.Run(t, encodertest.In(media.Sampling{Chroma: media.Chroma444}, x264.Open))
}

func BenchmarkEncode(b *testing.B) { encodertest.Benchmark(b, x264.Open) }

func BenchmarkEncodeIn444(b *testing.B) {
	encodertest.Benchmark(b, encodertest.In(media.Sampling{Chroma: media.Chroma444}, x264.Open))
}

func BenchmarkEncodeWithOverlap(b *testing.B) { encodertest.Benchmark(b, x264.OpenOverlapped) }
