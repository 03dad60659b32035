package openh264_test

import (
	"testing"

	"nearlight/encoder/encodertest"
	"nearlight/encoder/openh264"
)

func TestContract(t *testing.T) { encodertest.Run(t, openh264.Open) }

func BenchmarkEncode(b *testing.B) { encodertest.Benchmark(b, openh264.Open) }
