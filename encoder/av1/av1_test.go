package av1_test

import (
	"testing"

	"nearlight/encoder/av1"
	"nearlight/encoder/encodertest"
)

func TestContract(t *testing.T) { encodertest.Run(t, av1.Open) }

func BenchmarkEncode(b *testing.B) { encodertest.Benchmark(b, av1.Open) }
