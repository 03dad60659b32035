package latency_test

import (
	"math"
	"testing"
	"time"
	"unsafe"

	"nearlight/checker/latency"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

const (
	ms    = time.Millisecond
	start = media.Instant(1_000_000_000_000)
)

var hd = media.Size{Width: 1280, Height: 720}

// at is the instant so long after the start.
func at(d time.Duration) media.Instant { return start.Add(d) }

// session is a row of a step table: what is told, in order.
type session struct{ *latency.Meter }

// frame presents a frame that was under way for 5 ms, and whose marker answers an input.
func (s session) frame(when time.Duration, counter uint16, answers uint32) {
	s.Frame(latency.Frame{
		FirstPacket: at(when - 5*ms), Decoded: at(when), Size: hd, Bytes: 10_000,
		Stamp: marker.New(at(when-8*ms), answers, counter), Marked: true,
	})
}

// steady presents n frames, one each interval, and returns when the next one is due.
func (s session) steady(from time.Duration, n int, interval time.Duration, counter uint16) time.Duration {
	for i := range n {
		s.frame(from+time.Duration(i)*interval, counter+uint16(i), 0)
	}
	return from + time.Duration(n)*interval
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestAFreezeIsWhatWebRTCCountsAsOne(t *testing.T) {
	for _, c := range []struct {
		reason string
		times  []time.Duration // ms, after 40 of 10 ms
		count  uint64
		frozen time.Duration
	}{
		{"nothing happens", nil, 0, 0},
		{"164 ms: the average of 30, this one among them, is 15.1, and 15.1 and 150 are more", []time.Duration{164}, 0, 0},
		{"166 ms: the average is 15.2", []time.Duration{166}, 1, 166 * ms},
		{"the whole frame time counts, not what is above the average", []time.Duration{1000}, 1, 1000 * ms},
		{"a second one soon after is held against an average that the first has raised: 180 < 20.9 + 150 is false, 20 frames later", append(repeated(20, 10), 180), 1, 180 * ms},
		{"frames of 400 ms: the first is one; by the ninth the average has grown to where the next are not", repeated(12, 400), 9, 3600 * ms},
		{"six seconds are a freeze and a pause", []time.Duration{6000}, 1, 6000 * ms},
	} {
		s := session{latency.New(latency.Config{})}
		when := s.steady(0, 41, 10*ms, 1)
		when -= 10 * ms
		for i, d := range c.times {
			when += d * ms
			s.frame(when, uint16(42+i), 0)
		}
		r := s.Report()
		if r.Freezes != c.count || r.Frozen != c.frozen {
			t.Errorf("%s: %d freezes of %v, want %d of %v", c.reason, r.Freezes, r.Frozen, c.count, c.frozen)
		}
		if pause := len(c.times) == 1 && c.times[0] > 5000; (r.Pauses == 1) != pause || (r.Paused > 0) != pause {
			t.Errorf("%s: %d pauses of %v", c.reason, r.Pauses, r.Paused)
		}
	}
}

func repeated(n int, d time.Duration) (times []time.Duration) {
	for range n {
		times = append(times, d)
	}
	return times
}

func TestFewerThanFiveFrameTimesAreNoFreeze(t *testing.T) {
	s := session{latency.New(latency.Config{})}
	s.frame(0, 1, 0)
	for i, when := range []time.Duration{10, 20, 30, 1030} {
		s.frame(when*ms, uint16(2+i), 0)
	}
	if r := s.Report(); r.Freezes != 0 {
		t.Errorf("the fourth frame time is a freeze, with %d: libwebrtc waits for five", r.Freezes)
	}
	s.frame(3030*ms, 9, 0)
	if r := s.Report(); r.Freezes != 1 {
		t.Errorf("the fifth, of 2 s where the average is 606 ms, is none")
	}
}

func TestOnlyAnAnswerToWhatWasSentIsARoundTrip(t *testing.T) {
	const sent = 100 * ms
	for _, c := range []struct {
		reason     string
		play       func(session)
		n          uint64
		took       time.Duration
		unanswered uint64
		waiting    uint64
		impossible uint64
	}{
		{"the first frame that answers it counts, later ones do not", func(s session) {
			s.frame(110*ms, 1, 0)
			s.frame(130*ms, 2, 70)
			s.frame(150*ms, 3, 70)
		}, 1, 30 * ms, 0, 0, 0},
		{"nobody answers: it waits, and is not a figure", func(s session) { s.frame(130*ms, 1, 0) }, 0, 0, 0, 1, 0},
		{"nobody answers for longer than anybody waits", func(s session) { s.frame(5000*ms, 1, 70) }, 0, 0, 1, 0, 0},
		{"the sequence after it, which was not sent: guessed", func(s session) { s.frame(130*ms, 1, 71) }, 0, 0, 0, 1, 1},
		{"a sequence between two that were sent: guessed", func(s session) {
			s.Sent(90, at(120*ms))
			s.frame(140*ms, 1, 80)
		}, 0, 0, 0, 2, 1},
		{"an answer in a frame that was under way before: guessed", func(s session) { s.frame(102*ms, 1, 70) }, 0, 0, 0, 1, 1},
		{"an answer to a later one answers this one as well", func(s session) {
			s.Sent(90, at(120*ms))
			s.frame(140*ms, 1, 90)
		}, 2, 40 * ms, 0, 0, 0},
		{"a frame whose marker is not read answers nothing", func(s session) {
			s.Frame(latency.Frame{FirstPacket: at(120 * ms), Decoded: at(130 * ms), Size: hd, Stamp: marker.New(at(0), 70, 1)})
		}, 0, 0, 0, 1, 0},
		{"when it is not known when the frame's first packet came, the answer counts", func(s session) {
			s.Frame(latency.Frame{Decoded: at(130 * ms), Size: hd, Stamp: marker.New(at(0), 70, 1), Marked: true})
		}, 1, 30 * ms, 0, 0, 0},
	} {
		s := session{latency.New(latency.Config{})}
		s.Sent(70, at(sent))
		c.play(s)
		r := s.Report()
		if r.ClickToPhoton.N != c.n || r.ClickToPhoton.Max != c.took || r.Unanswered != c.unanswered || r.Waiting != c.waiting || r.Impossible != c.impossible {
			t.Errorf("%s: %d of at most %v, %d unanswered, %d waiting, %d impossible; want %d of %v, %d, %d, %d", c.reason,
				r.ClickToPhoton.N, r.ClickToPhoton.Max, r.Unanswered, r.Waiting, r.Impossible, c.n, c.took, c.unanswered, c.waiting, c.impossible)
		}
	}
}

func TestInputsThatGoBackAreNotMeasured(t *testing.T) {
	s := session{latency.New(latency.Config{})}
	for _, sequence := range []uint32{5, 5, 4, 0, 6} {
		s.Sent(sequence, at(0))
	}
	s.frame(20*ms, 1, 6)
	if r := s.Report(); r.Disordered != 3 || r.ClickToPhoton.N != 2 {
		t.Errorf("%d out of order and %d measured, want 3 and 2", r.Disordered, r.ClickToPhoton.N)
	}
}

func TestADeadlineIsMissedWhereNothingNewCame(t *testing.T) {
	const interval = time.Second / 60
	for _, c := range []struct {
		reason string
		play   func(session)
		missed uint64
		ratio  float64
		kept   float64
	}{
		{"60 as promised", func(s session) { s.steady(0, 61, interval, 1) }, 0, 0, 1},
		{"59.7, the clock's rate: no deadline is missed, as each comes within half an interval", func(s session) { s.steady(0, 61, 16_750_419, 1) }, 0, 0, 59.7 / 60},
		{"30: every other one", func(s session) { s.steady(0, 31, 2*interval, 1) }, 30, 0.5, 0.5},
		{"60, each picture twice: a frame with nothing new meets no deadline", func(s session) {
			for i := range 61 {
				s.frame(time.Duration(i)*interval, uint16(1+i/2), 0)
			}
		}, 30, 0.5, 0.5},
		{"5 ms late and 5 ms early by turns", func(s session) {
			for i := range 61 {
				s.frame(time.Duration(i)*interval+time.Duration(i%2)*5*ms, uint16(1+i), 0)
			}
		}, 0, 0, 1},
		{"a tenth of a second without a frame", func(s session) { s.steady(s.steady(0, 31, interval, 1)+5*interval, 25, interval, 37) }, 5, 5.0 / 60, 55.0 / 60},
	} {
		s := session{latency.New(latency.Config{FrameRate: 60})}
		c.play(s)
		r := s.Report()
		if r.Missed != c.missed || !near(r.MissedRatio, c.ratio, 1e-6) || !near(r.Kept, c.kept, 1e-3) {
			t.Errorf("%s: %d missed, %.4f; kept %.4f; want %d, %.4f, %.4f", c.reason, r.Missed, r.MissedRatio, r.Kept, c.missed, c.ratio, c.kept)
		}
	}
}

func TestPicturesAreToldApartByContentAndCounter(t *testing.T) {
	for _, c := range []struct {
		reason                       string
		frames                       []latency.Frame
		repeated, backwards, unshown uint64
	}{
		{"each counter is one more", counters(1, 2, 3), 0, 0, 0},
		{"one comes twice", counters(1, 2, 2, 3), 1, 0, 0},
		{"the counter wraps", counters(65535, 0, 1), 0, 0, 0},
		{"two were drawn and never came", counters(1, 4), 0, 0, 2},
		{"an older one is shown", counters(4, 3), 0, 1, 0},
		{"no marker: equal content", contents(7, 7, 8), 1, 0, 0},
		{"no marker, and nobody has looked", contents(0, 0, 0), 0, 0, 0},
		{"the counter goes on over the same picture", []latency.Frame{
			{Marked: true, Stamp: marker.Stamp{Counter: 1}, Content: 9}, {Marked: true, Stamp: marker.Stamp{Counter: 2}, Content: 9},
		}, 1, 0, 0},
		{"one of two markers was not read, the content is the same", []latency.Frame{
			{Marked: true, Stamp: marker.Stamp{Counter: 1}, Content: 9}, {Content: 9}, {Marked: true, Stamp: marker.Stamp{Counter: 3}, Content: 10},
		}, 1, 0, 0},
	} {
		m := latency.New(latency.Config{})
		for i, f := range c.frames {
			f.Decoded = at(time.Duration(i) * 16 * ms)
			m.Frame(f)
		}
		if r := m.Report(); r.Repeated != c.repeated || r.Backwards != c.backwards || r.Unshown != c.unshown {
			t.Errorf("%s: %d repeated, %d backwards, %d unshown; want %d, %d, %d", c.reason, r.Repeated, r.Backwards, r.Unshown, c.repeated, c.backwards, c.unshown)
		}
	}
}

func counters(all ...uint16) (frames []latency.Frame) {
	for _, c := range all {
		frames = append(frames, latency.Frame{Marked: true, Stamp: marker.Stamp{Counter: c}})
	}
	return frames
}

func contents(all ...uint64) (frames []latency.Frame) {
	for _, c := range all {
		frames = append(frames, latency.Frame{Content: c})
	}
	return frames
}

func TestGlassToGlassIsOnlyAsGoodAsWhatIsKnownOfTheEdgesClock(t *testing.T) {
	const ahead = 90 * time.Second // of our clock
	show := func(m *latency.Meter, when, age time.Duration) {
		m.Frame(latency.Frame{Decoded: at(when), Stamp: marker.New(at(when-age+ahead), 0, 1), Marked: true})
	}
	for _, c := range []struct {
		reason string
		play   func(*latency.Meter)
		n      uint64
		glass  time.Duration
		offBy  time.Duration
		ahead  uint64
	}{
		{"its clock was never read", func(m *latency.Meter) { show(m, time.Second, 20*ms) }, 0, 0, 0, 0},
		{"read in 4 ms, in their middle", func(m *latency.Meter) {
			m.Clock(at(0), at(2*ms+ahead), at(4*ms))
			show(m, 2*ms, 20*ms)
		}, 1, 20 * ms, 2 * ms, 0},
		{"read at the exchange's end: off by half the round trip, as it says", func(m *latency.Meter) {
			m.Clock(at(0), at(4*ms+ahead), at(4*ms))
			show(m, 2*ms, 20*ms)
		}, 1, 22 * ms, 2 * ms, 0},
		{"a better exchange counts, a worse one does not", func(m *latency.Meter) {
			m.Clock(at(0), at(30*ms+ahead), at(30*ms))
			m.Clock(at(30*ms), at(31*ms+ahead), at(32*ms))
			m.Clock(at(32*ms), at(62*ms+ahead), at(62*ms))
			show(m, 31*ms, 20*ms)
		}, 1, 20 * ms, ms, 0},
		{"ten seconds later the clocks may have parted by a millisecond", func(m *latency.Meter) {
			m.Clock(at(0), at(2*ms+ahead), at(4*ms))
			show(m, 10_002*ms, 20*ms)
		}, 1, 20 * ms, 3 * ms, 0},
		{"then an exchange counts again that is no better than the old one has become", func(m *latency.Meter) {
			m.Clock(at(0), at(4*ms+ahead), at(4*ms))
			m.Clock(at(10_000*ms), at(10_002*ms+500*time.Microsecond+ahead), at(10_005*ms))
			show(m, 10_002*ms+500*time.Microsecond, 20*ms)
		}, 1, 20 * ms, 2500 * time.Microsecond, 0},
		{"a marker of the future is a lie, and no figure", func(m *latency.Meter) {
			m.Clock(at(0), at(2*ms+ahead), at(4*ms))
			show(m, 2*ms, -10*ms)
		}, 0, 0, 2 * ms, 1},
		{"an answer before its question is no exchange", func(m *latency.Meter) {
			m.Clock(at(4*ms), at(2*ms+ahead), at(0))
			show(m, 2*ms, 20*ms)
		}, 0, 0, 0, 0},
	} {
		m := latency.New(latency.Config{})
		c.play(m)
		r := m.Report()
		off := r.GlassToGlass.Max - c.glass
		if r.GlassToGlass.N != c.n || off.Abs() > time.Microsecond || r.GlassError != c.offBy || r.Ahead != c.ahead {
			t.Errorf("%s: %d of %v, off by %v, %d of the future; want %d of %v, %v, %d", c.reason,
				r.GlassToGlass.N, r.GlassToGlass.Max, r.GlassError, r.Ahead, c.n, c.glass, c.offBy, c.ahead)
		}
	}
}

func TestSoundThatCannotBeHeardIsAGap(t *testing.T) {
	piece := func(arrived time.Duration) latency.Sound { return latency.Sound{Arrived: at(arrived), Length: 10 * ms} }
	lost := func(arrived time.Duration) latency.Sound {
		s := piece(arrived)
		s.Lost = true
		return s
	}
	pause := func(arrived time.Duration) latency.Sound {
		s := piece(arrived)
		s.Pause = true
		return s
	}
	for _, c := range []struct {
		reason  string
		pieces  []latency.Sound
		gaps    uint64
		missing time.Duration
	}{
		{"one after the other", []latency.Sound{piece(0), piece(10 * ms), piece(20 * ms)}, 0, 0},
		{"three in a row are lost: one gap", []latency.Sound{piece(0), lost(40 * ms), lost(40 * ms), lost(40 * ms), piece(40 * ms)}, 1, 30 * ms},
		{"two gaps", []latency.Sound{piece(0), lost(20 * ms), piece(20 * ms), lost(40 * ms), piece(40 * ms)}, 2, 20 * ms},
		{"60 ms late: the buffer has that", []latency.Sound{piece(0), piece(70 * ms)}, 0, 0},
		{"100 ms late", []latency.Sound{piece(0), piece(110 * ms)}, 1, 40 * ms},
		{"after a pause nothing is late", []latency.Sound{pause(0), piece(5000 * ms)}, 0, 0},
	} {
		m := latency.New(latency.Config{})
		for _, s := range c.pieces {
			m.Sound(s)
		}
		if r := m.Report(); r.SoundGaps != c.gaps || r.SoundMissing != c.missing {
			t.Errorf("%s: %d gaps of %v, want %d of %v", c.reason, r.SoundGaps, r.SoundMissing, c.gaps, c.missing)
		}
	}
}

func TestTheReportSumsUp(t *testing.T) {
	m := latency.New(latency.Config{Began: at(0), FrameRate: 50, Size: hd})
	if r := m.Report(); r != (latency.Report{}) {
		t.Errorf("of nothing: %+v", r)
	}
	small := media.Size{Width: 640, Height: 360}
	for i := range 101 {
		size := hd
		if i >= 50 && i < 75 {
			size = small
		}
		m.Frame(latency.Frame{Decoded: at(300*ms + time.Duration(i)*20*ms), Size: size, Bytes: 2500})
	}
	m.Packets(990, 10)
	r := m.Report()
	if r.Frames != 101 || r.FirstTime != 300*ms || r.Watched != 2*time.Second || !near(r.FrameRate, 50, 1e-9) {
		t.Errorf("%d frames in %v, the first after %v, %.1f a second", r.Frames, r.Watched, r.FirstTime, r.FrameRate)
	}
	if r.Bitrate != media.Mbps { // the first frame's bytes came before the time that is counted
		t.Errorf("bitrate %v, want 1M", r.Bitrate)
	}
	if r.LossRatio != 0.01 || r.SizeChanges != 2 || r.SmallestSize != small || r.LargestSize != hd || r.Size != hd || !near(r.SmallerRatio, 0.25, 1e-9) {
		t.Errorf("loss %v; %d changes between %v and %v, now %v, smaller for %v", r.LossRatio, r.SizeChanges, r.SmallestSize, r.LargestSize, r.Size, r.SmallerRatio)
	}
	if !near(r.HarmonicRate, 50, 1e-9) || r.Jitter != 0 || r.FrameTime.P50 != 20*ms || r.FrameTime.P99 != 20*ms {
		t.Errorf("even frames: harmonic %v, jitter %v, %+v", r.HarmonicRate, r.Jitter, r.FrameTime)
	}
}

func TestOneLongStandstillWeighsMoreThanItsFrames(t *testing.T) {
	s := session{latency.New(latency.Config{})}
	s.frame(s.steady(0, 51, 20*ms, 1)+980*ms, 60, 0) // a second of frames, and one of none
	r := s.Report()
	if want := 2.0 / (50*0.02*0.02 + 1); !near(r.HarmonicRate, want, 1e-9) || !near(r.FrameRate, 25.5, 1e-9) {
		t.Errorf("harmonic %.3f, want %.3f; plain %.2f", r.HarmonicRate, want, r.FrameRate)
	}
	if want := math.Sqrt((50*0.02*0.02+1)/51 - math.Pow(2.0/51, 2)); !near(r.Jitter.Seconds(), want, 1e-8) {
		t.Errorf("jitter %v, want %.6f s", r.Jitter, want)
	}
}

func TestAMeterTakesBoundedMemory(t *testing.T) {
	if size := unsafe.Sizeof(latency.Meter{}); size > 64<<10 {
		t.Errorf("%d bytes", size)
	}
}

// BenchmarkFrame is a frame with a marker, an input for every tenth, and the edge's clock known.
func BenchmarkFrame(b *testing.B) {
	m := latency.New(latency.Config{FrameRate: 60, Size: hd})
	m.Clock(at(0), at(ms), at(2*ms))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		frame(m, n)
		n++
	}
}

func frame(m *latency.Meter, n int) {
	when := at(time.Duration(n) * 16 * ms)
	if n%10 == 0 {
		m.Sent(uint32(n+1), when.Add(-30*ms))
	}
	m.Frame(latency.Frame{
		FirstPacket: when.Add(-5 * ms), Decoded: when, Size: hd, Bytes: 9000,
		Stamp: marker.New(when.Add(-8*ms), uint32(n-n%10+1), uint16(n)), Marked: true,
	})
	m.Sound(latency.Sound{Arrived: when, Length: 10 * ms})
}

func TestAFrameDoesNotAllocate(t *testing.T) {
	m, n := latency.New(latency.Config{FrameRate: 60}), 0
	if allocations := testing.AllocsPerRun(1000, func() { frame(m, n); n++ }); allocations != 0 {
		t.Errorf("%v allocations a frame", allocations)
	}
}
