package vpx_test

import (
	"testing"

	"nearlight/encoder/encodertest"
	"nearlight/encoder/vpx"
)

func TestContractVP8(t *testing.T) { encodertest.Run(t, vpx.OpenVP8) }

func TestContractVP9(t *testing.T) { encodertest.Run(t, vpx.OpenVP9) }

func BenchmarkEncodeVP8(b *testing.B) { encodertest.Benchmark(b, vpx.OpenVP8) }

func BenchmarkEncodeVP9(b *testing.B) { encodertest.Benchmark(b, vpx.OpenVP9) }
