package latency_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/checker/latency"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

func TestQuantilesAreOffByAsMuchAsTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.IntRange(0, 1<<rapid.IntRange(0, 36).Draw(t, "octave")).Draw(t, "ns")) // up to 69 s
		}), 1, 300).Draw(t, "samples")
		var s latency.Spread
		for _, d := range samples {
			s.Observe(d)
		}
		slices.Sort(samples)
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 1} {
			exact := samples[max(int(math.Ceil(q*float64(len(samples))))-1, 0)]
			got := s.Quantile(q)
			if off := (got - exact).Abs(); off > exact/64+time.Microsecond {
				t.Errorf("quantile %v is %v, want %v", q, got, exact)
			}
		}
		p := s.Percentiles()
		if p.N != uint64(len(samples)) || p.Max != samples[len(samples)-1] || p.P50 > p.P95 || p.P95 > p.P99 || p.P99 > p.Max {
			t.Errorf("%+v of %d samples up to %v", p, len(samples), samples[len(samples)-1])
		}
	})
}

// gaps are frame times as networks make them: mostly even, with standstills.
func gaps(t *rapid.T) []time.Duration {
	return rapid.SliceOfN(rapid.OneOf(
		rapid.Map(rapid.IntRange(1, 40), func(n int) time.Duration { return time.Duration(n) * time.Millisecond }),
		rapid.Map(rapid.IntRange(1, 7000), func(n int) time.Duration { return time.Duration(n) * time.Millisecond }),
	), 0, 200).Draw(t, "frame times")
}

func TestFreezesAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := gaps(t)
		m, now := latency.New(latency.Config{}), start
		m.Frame(latency.Frame{Decoded: now})
		var freezes uint64
		var frozen time.Duration
		squares := 0.0
		for i, d := range times {
			now = now.Add(d)
			m.Frame(latency.Frame{Decoded: now})
			squares += d.Seconds() * d.Seconds()
			recent := times[max(i-29, 0) : i+1]
			var sum time.Duration
			for _, r := range recent {
				sum += r
			}
			average := sum / time.Duration(len(recent))
			if i >= 4 && d >= 3*average && d >= average+150*time.Millisecond {
				freezes, frozen = freezes+1, frozen+d
			}
		}
		r := m.Report()
		if r.Freezes != freezes || r.Frozen != frozen {
			t.Errorf("%d freezes of %v, by the definition %d of %v", r.Freezes, r.Frozen, freezes, frozen)
		}
		if squares > 0 && math.Abs(r.HarmonicRate*squares-r.Watched.Seconds()) > 1e-6 {
			t.Errorf("harmonic %v over %v", r.HarmonicRate, r.Watched)
		}
		if r.HarmonicRate > r.FrameRate*(1+1e-9) {
			t.Errorf("the harmonic rate %v is above the plain one %v", r.HarmonicRate, r.FrameRate)
		}
	})
}

func TestEveryInputIsAnsweredOnceWaitsOrIsGivenUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := latency.New(latency.Config{FrameRate: 60}), start
		sequence := uint32(math.MaxUint32 - 500) // wraps in the middle
		var sent uint64
		var all []uint32
		for range rapid.IntRange(1, 600).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "ms")) * time.Millisecond)
			if rapid.Bool().Draw(t, "input") {
				if sequence += uint32(rapid.IntRange(1, 5).Draw(t, "step")); sequence == 0 {
					sequence++
				}
				m.Sent(sequence, now)
				all = append(all, sequence)
				sent++
				continue
			}
			answers := uint32(0)
			if len(all) > 0 {
				answers = all[rapid.IntRange(0, len(all)-1).Draw(t, "answered")]
			}
			if rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
				answers = rapid.Uint32().Draw(t, "guess")
			}
			m.Frame(latency.Frame{Decoded: now, Marked: true, Stamp: marker.Stamp{Input: answers, Counter: rapid.Uint16().Draw(t, "counter")}})
		}
		r := m.Report()
		if r.Disordered != 0 || r.ClickToPhoton.N+r.Unanswered+r.Waiting != sent {
			t.Errorf("%d sent: %d answered, %d given up, %d waiting, %d out of order", sent, r.ClickToPhoton.N, r.Unanswered, r.Waiting, r.Disordered)
		}
		if r.ClickToPhoton.Max > latency.DefaultPatience {
			t.Errorf("an answer took %v", r.ClickToPhoton.Max)
		}
	})
}

func TestWhateverIsToldTheFiguresStayWithinTheirRange(t *testing.T) {
	instant := rapid.Map(rapid.Int64Range(0, 1<<45), func(n int64) media.Instant { return media.Instant(n) })
	rapid.Check(t, func(t *rapid.T) {
		m := latency.New(latency.Config{FrameRate: rapid.Float64Range(0, 240).Draw(t, "promised"), Size: hd})
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				m.Sent(rapid.Uint32().Draw(t, "sequence"), instant.Draw(t, "sent"))
			case 1:
				m.Clock(instant.Draw(t, "asked"), instant.Draw(t, "edge"), instant.Draw(t, "answered"))
			case 2:
				m.Sound(latency.Sound{Arrived: instant.Draw(t, "heard"), Length: time.Duration(rapid.Int32().Draw(t, "length")), Lost: rapid.Bool().Draw(t, "lost")})
			case 3:
				m.Packets(rapid.Int().Draw(t, "received")%1000, rapid.Int().Draw(t, "lost")%1000)
			default:
				m.Frame(latency.Frame{
					FirstPacket: instant.Draw(t, "first packet"), Decoded: instant.Draw(t, "decoded"), Bytes: rapid.IntRange(-5, 1<<24).Draw(t, "bytes"),
					Marked: rapid.Bool().Draw(t, "marked"), Content: rapid.Uint64Range(0, 3).Draw(t, "content"),
					Stamp: marker.Stamp{Micros: rapid.Uint64Range(0, 1<<48-1).Draw(t, "micros"), Input: rapid.Uint32().Draw(t, "input"), Counter: rapid.Uint16().Draw(t, "counter")},
				})
			}
		}
		r := m.Report()
		for name, ratio := range map[string]float64{
			"kept": r.Kept, "missed": r.MissedRatio, "loss": r.LossRatio, "smaller": r.SmallerRatio, "sound": r.SoundGapRatio,
		} {
			if !(ratio >= 0 && ratio <= 1) {
				t.Errorf("%s: %v", name, ratio)
			}
		}
		for name, d := range map[string]time.Duration{
			"click to photon": r.ClickToPhoton.Max, "first frame": r.FirstTime, "watched": r.Watched, "jitter": r.Jitter, "frozen": r.Frozen,
		} {
			if d < 0 {
				t.Errorf("%s: %v", name, d)
			}
		}
		if r.Frozen > r.Watched || math.IsNaN(r.FrameRate) || math.IsNaN(r.HarmonicRate) {
			t.Errorf("%+v", r)
		}
	})
}
