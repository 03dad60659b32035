package x264

import (
	"testing"

	"nearlight/encoder/encodertest"
)

func TestContract(t *testing.T) { encodertest.Run(t, Open) }

func BenchmarkEncode(b *testing.B) { encodertest.Benchmark(b, Open) }
