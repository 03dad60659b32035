package edge

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/signaling"
)

var noon = time.Unix(1893553445, 0)

func newMeter() *meter {
	return &meter{session: "s-e-1", glass: func(share float64) time.Duration { return time.Duration(share * float64(40*time.Millisecond)) }}
}

// served looks each second from one to another, at 60 frames and a megabyte each.
func (m *meter) served(from, to int) {
	for s := from; s <= to; s++ {
		m.look(noon.Add(time.Duration(s)*time.Second+300*time.Millisecond), reading{
			served: true, frames: uint64(60 * s), bytes: uint64(1_000_000 * s), freezes: uint64(s / 20), roundTrip: 12 * time.Millisecond, loss: 0.02,
		})
	}
	m.look(noon.Add(time.Duration(to)*time.Second+400*time.Millisecond), reading{})
}

func spanned(from, to int64) signaling.Span {
	return signaling.Span{First: noon.Unix() + from, Past: noon.Unix() + to}
}

func TestAMeterCountsTheSecondsInWhichThePlayerIsServed(t *testing.T) {
	m := newMeter()
	m.served(0, 60)
	m.served(90, 100) // it was away meanwhile
	u, ok := m.usage(noon)
	if want := []signaling.Span{spanned(0, 60), spanned(90, 100)}; !ok || !slices.Equal(u.Spans, want) || u.Last {
		t.Errorf("%+v %v, want %v", u, ok, want)
	}
	if q := u.Quality; q == nil || q.FramesPerSecond != 60 || q.BitsPerSecond != 8_000_000 || q.LossRatio != 0.02 || q.GlassP50 != 20 || q.GlassP95 != 38 ||
		q.FreezesPerMinute < 2 || q.FreezesPerMinute > 4 || q.RoundTripP50 < 11 || q.RoundTripP50 > 13 {
		t.Errorf("%+v", q)
	}
	if _, err := signaling.Encode(signaling.EdgeToSignaling, u); err != nil {
		t.Error(err)
	}
}

func TestASecondIsToldUntilItIsCounted(t *testing.T) {
	m := newMeter()
	m.served(0, 10)
	first, _ := m.usage(noon)
	if _, again := m.usage(noon.Add(usageAgain / 2)); again {
		t.Error("what is under way is told again")
	}
	m.served(10, 20)
	if u, ok := m.usage(noon.Add(2 * usageAgain)); !ok || !slices.Equal(u.Spans, []signaling.Span{spanned(0, 20)}) {
		t.Errorf("without an answer: %+v %v", u, ok)
	}
	m.anew() // the connection is lost
	if u, ok := m.usage(noon.Add(2 * usageAgain)); !ok || !slices.Equal(u.Spans, []signaling.Span{spanned(0, 20)}) {
		t.Errorf("on a new connection: %+v %v", u, ok)
	}
	if more, all := m.count(first.Spans[0].Past); more || all { // the late answer to the first
		t.Error(more, all)
	}
	u, ok := m.usage(noon)
	if !ok || !slices.Equal(u.Spans, []signaling.Span{spanned(10, 20)}) {
		t.Errorf("after the first was counted: %+v %v", u, ok)
	}
	m.count(u.Spans[0].Past)
	if u, ok := m.usage(noon); ok {
		t.Errorf("with nothing to tell: %+v", u)
	}
	m.end(noon.Add(21 * time.Second))
	u, ok = m.usage(noon)
	if !ok || !u.Last {
		t.Errorf("at the end: %+v %v", u, ok)
	}
	if more, all := m.count(0); more || !all {
		t.Error("the end is counted, and it does not know:", more, all)
	}
	if u, ok := m.usage(noon.Add(time.Hour)); ok {
		t.Errorf("after the end was counted: %+v", u)
	}
}

func TestALongSpanIsToldInPieces(t *testing.T) {
	m := newMeter()
	m.unkept = []signaling.Span{spanned(0, 40*signaling.MaxSpan)}
	m.end(noon)
	seen := int64(0)
	for range 3 {
		u, ok := m.usage(noon)
		if !ok {
			break
		}
		if _, err := signaling.Encode(signaling.EdgeToSignaling, u); err != nil {
			t.Fatal(err)
		}
		last := u.Spans[len(u.Spans)-1].Past
		seen = last - noon.Unix()
		more, all := m.count(last)
		if more == all || all != u.Last {
			t.Fatalf("more: %v, all: %v, last: %v", more, all, u.Last)
		}
	}
	if seen != 40*signaling.MaxSpan {
		t.Errorf("%d seconds were told", seen)
	}
}

func TestNoSecondCountsTwiceWhateverTheClockDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMeter()
		at, real := noon, time.Duration(0)
		kept := map[int64]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "looks") {
			step := time.Duration(rapid.Int64Range(-5000, 5000).Draw(t, "milliseconds")) * time.Millisecond
			at = at.Add(step)
			if step > 0 {
				real += step
			}
			m.look(at, reading{served: rapid.Bool().Draw(t, "served")})
			if rapid.IntRange(0, 5).Draw(t, "told") == 0 {
				if u, ok := m.usage(at.Add(time.Hour)); ok {
					past := int64(0)
					for _, s := range u.Spans {
						for second := s.First; second < s.Past; second++ {
							kept[second] = true
						}
						past = s.Past
					}
					if _, err := signaling.Encode(signaling.EdgeToSignaling, u); err != nil {
						t.Fatal(err)
					}
					if rapid.Bool().Draw(t, "answered") {
						m.count(past)
					}
				}
			}
		}
		if seconds := time.Duration(len(kept)) * time.Second; seconds > real+time.Second {
			t.Fatalf("%v are told, %v have passed", seconds, real)
		}
	})
}
