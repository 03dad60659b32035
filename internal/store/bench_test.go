package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"nearlight/signaling"
)

// BenchmarkReceipts is acknowledged receipts a second, and how long each waits for its acknowledgement, by how many sessions write at
// the same time, each its next one when the last is acknowledged.
func BenchmarkReceipts(b *testing.B) {
	for _, e := range engines {
		for _, sessions := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/sessions=%d", e.name, sessions), func(b *testing.B) {
				s := opened(b, Config{Database: e.database(b)})
				for i := range sessions {
					wrote(b, s, game(signaling.SessionID(fmt.Sprint("s-", i)), "p")...)
				}
				var mu sync.Mutex
				waits := make([]time.Duration, 0, b.N)
				before := observations(b, s.metrics.batch)
				b.ResetTimer()
				var writing sync.WaitGroup
				for i := range sessions {
					writing.Go(func() {
						id := signaling.SessionID(fmt.Sprint("s-", i))
						var own []time.Duration
						for n := i; n < b.N; n += sessions {
							second := n / sessions
							begun := time.Now()
							if err := s.Write(b.Context(), receipt(id, 5*second, 5*second+5)); err != nil {
								b.Error(err)
								return
							}
							own = append(own, time.Since(begun))
						}
						mu.Lock()
						defer mu.Unlock()
						waits = append(waits, own...)
					})
				}
				writing.Wait()
				b.StopTimer()
				slices.Sort(waits)
				ms := func(part float64) float64 {
					return float64(waits[int(part*float64(len(waits)-1))].Microseconds()) / 1000
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "receipts/s")
				b.ReportMetric(ms(0.5), "p50-ms")
				b.ReportMetric(ms(0.99), "p99-ms")
				b.ReportMetric(float64(b.N)/float64(max(1, observations(b, s.metrics.batch)-before)), "receipts/commit")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
