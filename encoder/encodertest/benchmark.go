package encodertest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// Benchmark measures a frame's time at every speed, at 8 Mbit/s: p50-ms is until the last slice, first-ms until the
// first one.
func Benchmark(b *testing.B, open Opener) {
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 1920, Height: 1080}} {
		scene := NewScene(size, 1)
		for speed := 0; ; speed++ {
			var speeds int
			b.Run(fmt.Sprintf("%v/speed=%d", size, speed), func(b *testing.B) {
				speeds = measure(b, open, scene, encoder.Config{Size: size, Bitrate: 8 * media.Mbps, Speed: speed})
			})
			if speed >= speeds-1 {
				break
			}
		}
	}
}

func measure(b *testing.B, open Opener, scene *Scene, config encoder.Config) (speeds int) {
	opened, err := open(config)
	if errors.Is(err, encoder.ErrUnavailable) {
		b.Skip(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer opened.Close()
	frame := media.NewFrameIn(opened.Capabilities().Sampling.Chroma, config.Size)
	var begin time.Time
	var whole, first []time.Duration
	waiting := true
	emit := func(media.Slice) error {
		if waiting {
			first = append(first, time.Since(begin))
			waiting = false
		}
		return nil
	}
	const settle = 30 // pictures until quality and caches are as they will be
	n := 0
	encode := func() {
		scene.Draw(frame, n)
		n++
		waiting = true
		begin = time.Now()
		if _, err := opened.Encode(frame, encoder.Request{}, emit); err != nil {
			b.Fatal(err)
		}
		whole = append(whole, time.Since(begin))
	}
	for range settle {
		encode()
	}
	whole, first = slices.Grow(whole[:0], b.N), slices.Grow(first[:0], b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		encode()
	}
	b.ReportMetric(median(whole), "p50-ms")
	b.ReportMetric(median(first), "first-ms")
	return opened.Capabilities().Speeds
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}
