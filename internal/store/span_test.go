package store

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"nearlight/signaling"
)

func TestUnionKeepsTheSecondsAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := make(map[Second]bool)
		var spans []Span
		for range rapid.IntRange(0, 12).Draw(t, "spans") {
			first := Second(rapid.IntRange(1, 60).Draw(t, "first"))
			span := Span{first, first + Second(rapid.IntRange(1, 9).Draw(t, "seconds"))}
			spans = append(spans, span)
			for s := span.First; s < span.Past; s++ {
				seconds[s] = true
			}
		}
		got := make(map[Second]bool)
		last := Second(-1)
		for _, span := range union(spans) {
			if span.First <= last {
				t.Fatalf("%v begins before or where the one before it ends", span)
			}
			last = span.Past
			for s := span.First; s < span.Past; s++ {
				got[s] = true
			}
		}
		if !maps.Equal(got, seconds) {
			t.Fatalf("%v became %v", seconds, got)
		}
	})
}

func TestReceiptsInAnyOrderAndBatchAddUpToTheirSeconds(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			type seat struct{ session, seat string }
			model := make(map[seat]map[Second]bool)
			var sessions []signaling.SessionID
			for i := range 2 {
				id := signaling.SessionID(fmt.Sprintf("s-%d-%d", run, i))
				sessions = append(sessions, id)
				wrote(t, s, game(id, "p")...)
			}
			for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
				count := rapid.IntRange(1, 8).Draw(rt, "receipts")
				done := make(chan error, count)
				for range count {
					r := receipt(rapid.SampledFrom(sessions).Draw(rt, "session"), 0, 1)
					r.Seat = rapid.SampledFrom([]string{"player", "s-watcher"}).Draw(rt, "seat")
					r.Span.First += Second(rapid.IntRange(0, 40).Draw(rt, "first"))
					r.Span.Past = r.Span.First + Second(rapid.IntRange(1, 6).Draw(rt, "seconds"))
					at := seat{string(r.Session), r.Seat}
					if model[at] == nil {
						model[at] = make(map[Second]bool)
					}
					for x := r.Span.First; x < r.Span.Past; x++ {
						model[at][x] = true
					}
					if err := s.TryWrite(r, func(err error) { done <- err }); err != nil {
						rt.Fatal(err)
					}
				}
				for range count {
					if err := <-done; err != nil {
						rt.Fatal(err)
					}
				}
			}
			for _, id := range sessions {
				_, seats, err := s.Session(t.Context(), id)
				if err != nil {
					rt.Fatal(err)
				}
				for _, kept := range seats {
					last := Second(-1)
					for _, span := range kept.Used {
						if span.First <= last {
							rt.Fatalf("%v touches the span before it: %v", span, kept.Used)
						}
						last = span.Past
						for x := span.First; x < span.Past; x++ {
							if !model[seat{string(id), kept.Seat}][x] {
								rt.Fatalf("second %d was never receipted: %v", x, kept.Used)
							}
						}
					}
					if got, want := kept.Seconds(), int64(len(model[seat{string(id), kept.Seat}])); got != want {
						rt.Fatalf("%d seconds, want %d: %v", got, want, kept.Used)
					}
				}
			}
		})
	})
}
