//go:build cgo

package x11_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"nearlight/edge/capture/x11"
	"nearlight/internal/clockapp"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/xvfbtest"
)

// startClock runs the clock in this process on the server's display until the test ends.
func startClock(t testing.TB, server *xvfbtest.Server, rate float64) {
	t.Helper()
	t.Setenv("XAUTHORITY", server.Authority)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- clockapp.Run(ctx, clockapp.Config{Display: server.Display, Rate: rate}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("clock: %v", err)
		}
	})
}

func open(t testing.TB, server *xvfbtest.Server, config x11.Config) *x11.Source {
	t.Helper()
	config.Socket, config.Cookie = server.Socket, server.Cookie
	source, err := x11.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return source
}

type percentiles []time.Duration

func (p percentiles) at(percent int) time.Duration {
	slices.Sort(p)
	return p[min(len(p)*percent/100, len(p)-1)]
}

// BenchmarkClock measures what the clock's pictures cost on their way to I420: from drawn (the marker's instant) to
// damage seen, to grabbed, to converted.
func BenchmarkClock(b *testing.B) {
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 1920, Height: 1080}} {
		b.Run(size.String(), func(b *testing.B) {
			server := xvfbtest.Start(b, size)
			b.Setenv("XAUTHORITY", server.Authority)
			startClock(b, server, clockapp.DefaultRate)
			source := open(b, server, x11.Config{})
			for range 100 {
				if _, err := source.Next(b.Context(), 0); err != nil {
					b.Fatal(err)
				}
			}
			var seen, grabbed, converted, total percentiles
			b.ReportAllocs()
			for b.Loop() {
				f, err := source.Next(b.Context(), 0)
				if err != nil {
					b.Fatal(err)
				}
				stamp, err := marker.Decode(f.Y, f.Visible)
				if err != nil {
					b.Fatal(err)
				}
				drawn := stamp.Instant(f.Times.Converted)
				seen = append(seen, f.Times.Damaged.Sub(drawn))
				grabbed = append(grabbed, f.Times.Grabbed.Sub(f.Times.Damaged))
				converted = append(converted, f.Times.Converted.Sub(f.Times.Grabbed))
				total = append(total, f.Times.Converted.Sub(f.Times.Damaged))
			}
			for name, p := range map[string]percentiles{"seen": seen, "grabbed": grabbed, "converted": converted, "total": total} {
				b.ReportMetric(float64(p.at(50).Microseconds()), name+"-p50-us")
				if name == "total" {
					b.ReportMetric(float64(p.at(1).Microseconds()), name+"-p1-us")
					b.ReportMetric(float64(p.at(99).Microseconds()), name+"-p99-us")
				}
			}
		})
	}
}
