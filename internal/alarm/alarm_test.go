package alarm

import (
	"testing"
	"time"

	"nearlight/internal/media"
)

func open(t *testing.T) *Alarm {
	t.Helper()
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func TestItNeverRingsEarly(t *testing.T) {
	a := open(t)
	for _, nap := range []time.Duration{-time.Second, 0, 50 * time.Microsecond, 3 * time.Millisecond} {
		due := media.Now().Add(nap)
		if err := a.SleepUntil(due); err != nil {
			t.Fatal(err)
		}
		if now := media.Now(); now < due {
			t.Errorf("a sleep of %v ended %v early", nap, due.Sub(now))
		}
	}
}

func TestAWakeEndsTheSleepUnderWayOrTheNext(t *testing.T) {
	a := open(t)
	a.Wake()
	a.Wake()
	if err := a.SleepUntil(Never); err != nil { // returns at all
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- a.SleepUntil(Never) }()
	select {
	case <-ended:
		t.Error("one wake ended two sleeps")
	case <-time.After(20 * time.Millisecond):
	}
	a.Wake()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func BenchmarkLateness(b *testing.B) {
	a, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	var late time.Duration
	b.ReportAllocs()
	for b.Loop() {
		due := media.Now().Add(200 * time.Microsecond)
		if err := a.SleepUntil(due); err != nil {
			b.Fatal(err)
		}
		late += media.Now().Sub(due)
	}
	b.ReportMetric(float64(late.Nanoseconds())/float64(b.N), "ns-late")
}
