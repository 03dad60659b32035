package congestion

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestUnwrapperFollowsWrapsBothWays(t *testing.T) {
	var u Unwrapper
	for _, step := range []struct {
		sequence uint16
		want     int64
	}{
		{65530, 65530}, {65535, 65535}, {0, 65536}, {65534, 65534}, {5, 65541}, {32772, 98308}, {65530, 131066}, {3, 131075}, {131, 131203},
	} {
		if got := u.Extend(step.sequence); got != step.want {
			t.Fatalf("%d extends to %d, want %d", step.sequence, got, step.want)
		}
	}
}

func TestMinimumForgetsWhatIsOlderThanItsWindow(t *testing.T) {
	var m minimum
	if _, known := m.over(0, longWindow); known {
		t.Fatal("an empty window knows a minimum")
	}
	m.observe(Instant(second), 5*milli)
	m.observe(Instant(2*second), 9*milli)
	m.observe(Instant(3*second), 7*milli)
	for _, step := range []struct {
		at     time.Duration
		window time.Duration
		want   time.Duration
	}{
		{3 * second, longWindow, 5 * milli},
		{3 * second, shortWindow, 7 * milli},
		{8 * second, longWindow, 5 * milli},
		{9200 * milli, longWindow, 7 * milli}, // 5 ms is 8.2 s old
		{60 * second, longWindow, 7 * milli},  // nothing but old ones: the newest of them
	} {
		if got, _ := m.over(Instant(step.at), step.window); got != step.want {
			t.Errorf("at %v over %v the minimum is %v, want %v", step.at, step.window, got, step.want)
		}
	}
}

func TestMinimumFollowsADriftingClock(t *testing.T) {
	for _, partsInAMillion := range []float64{-300, -50, 50, 300} {
		var m minimum
		for at := time.Duration(0); at < 5*time.Minute; at += 10 * milli {
			drift := time.Duration(float64(at) * partsInAMillion / 1e6)
			m.observe(Instant(at), drift)
			if least, _ := m.over(Instant(at), longWindow); drift-least > 2500*time.Microsecond {
				t.Fatalf("with clocks %v ppm apart a packet that waited for nothing seems to have waited for %v", partsInAMillion, drift-least)
			}
		}
	}
}

// through feeds a probe with frames of so many packets over a link, each frame paced over half an interval.
func through(p *probe, frames, packets int, rate float64, interval time.Duration) {
	var free time.Duration
	for f := range frames {
		for i := range packets {
			sent := time.Duration(f)*interval + interval/2*time.Duration(i)/time.Duration(packets)
			free = max(free, sent) + serialise(1200, rate)
			s := sentPacket{frame: int64(f), size: 1200, sent: Instant(sent)}
			p.arrived(&s, free+time.Minute, free-sent-serialise(1200, rate))
		}
	}
	p.finish()
}

func TestProbeMeasuresALinkThatIsSlowerThanTheFramesPace(t *testing.T) {
	for _, rate := range []float64{4, 10, 18} {
		var p probe
		through(&p, 20, 16, rate*mbps, second/60) // 9.2 Mbit/s, paced at 18.4
		if got, ok := p.median(3); !ok || got < 0.97*rate*mbps || got > 1.03*rate*mbps {
			t.Errorf("a link of %v Mbit/s is measured as %.2f", rate, got/mbps)
		}
	}
}

func TestProbeSaysAtLeastThePaceOfAFasterLink(t *testing.T) {
	var p probe
	through(&p, 20, 16, 1000*mbps, second/60)
	if got, ok := p.median(3); !ok || got < 17*mbps {
		t.Errorf("frames paced at 18.4 Mbit/s that arrive as they left say %.2f Mbit/s", got/mbps)
	}
}

func TestProbeIgnoresAPauseWithinAFrame(t *testing.T) {
	var p probe
	for f := range 9 {
		pause := time.Duration(0)
		if f%3 == 1 {
			pause = 200 * milli
		}
		for i := range 10 {
			at := time.Duration(f)*second + time.Duration(i)*milli
			if i > 5 {
				at += pause
			}
			p.arrived(&sentPacket{frame: int64(f), size: 1250, sent: Instant(at)}, at, 0)
		}
	}
	p.finish()
	if got, _ := p.median(3); got < 9*mbps || got > 11*mbps {
		t.Errorf("one pause in three frames makes 10 Mbit/s %.2f", got/mbps)
	}
}

func TestProbeSeesAStandingQueueAndWhatComesOutOfIt(t *testing.T) {
	var p probe
	through(&p, 12, 16, 8*mbps, second/60) // 9.2 over 8
	if _, ok := p.standing(3, 0); !ok {
		t.Fatal("no standing queue is known")
	}
	standing, _ := p.standing(3, 0)
	// Each frame leaves 16*9.6 kbit/8 Mbit/s - 16.7 ms = 2.5 ms behind; the third newest of twelve found nine of those.
	if standing < 20*milli || standing > 25*milli {
		t.Errorf("the standing queue is %v", standing)
	}
	out, ok := p.busy(queueLimit)
	if !ok || out.rate < 7.8*mbps || out.rate > 8.2*mbps || !out.growing {
		t.Errorf("out of the queue comes %+v, %v", out, ok)
	}
	if out.sent < 9*mbps {
		t.Errorf("it was sent at %.2f Mbit/s", out.sent/mbps)
	}
}

func TestBacklogPlaysFramesThroughTheLink(t *testing.T) {
	var l frameLog
	add := func(id int64, at time.Duration, bytes int) *sentFrame {
		return l.add(&SentPacket{Frame: id, Size: bytes, Sent: Instant(at)})
	}
	if got := l.backlog(0, 10*mbps); got != 0 {
		t.Errorf("before any frame the backlog is %v", got)
	}
	f := add(1, 0, 12500) // 10 ms at 10 Mbit/s
	add(2, 20*milli, 12500)
	add(3, 25*milli, 12500)
	for _, step := range []struct {
		at, want time.Duration
		why      string
	}{
		{25 * milli, 15 * milli, "half of the second and the third"},
		{40 * milli, 0, "all gone"},
	} {
		if got := l.backlog(Instant(step.at), 10*mbps); got != step.want {
			t.Errorf("at %v the backlog is %v, want %v: %s", step.at, got, step.want, step.why)
		}
	}
	l.measure(f, 60*milli) // it waited, so the link was not empty
	if got := l.backlog(Instant(30*milli), 10*mbps); got != 50*milli {
		t.Errorf("with 60 ms before it and 30 ms gone, the backlog is %v, want 50 ms", got)
	}
	if got := l.backlog(Instant(30*milli), 0); got > longWindow {
		t.Errorf("over a link of nothing the backlog is %v", got)
	}
}

func TestOverdueWatchLearnsHowLateIsUsual(t *testing.T) {
	var w overdueWatch
	if w.watching() {
		t.Fatal("it watches before it heard of anything")
	}
	random := rand.New(rand.NewPCG(1, 1))
	now := Instant(0)
	hear := func(n int, late func() time.Duration) {
		for range n {
			now = now.Add(second / 60)
			loop := 40*milli + late()
			w.loops.observe(now, loop)
			w.heardAck(now, loop, 0, false)
		}
	}
	hear(600, func() time.Duration { return time.Duration(random.Int64N(int64(milli))) })
	if got := w.allowance(false); got > 12*milli {
		t.Errorf("after ten quiet seconds it allows %v", got)
	}
	hear(60, func() time.Duration {
		if random.IntN(10) == 0 {
			return 25 * milli
		}
		return 0
	})
	if got := w.allowance(false); got < 30*milli {
		t.Errorf("after acknowledgements that were 25 ms late now and then it allows %v", got)
	}
	if got := w.allowance(true); got < overduePatient {
		t.Errorf("when it is patient it allows %v", got)
	}
}

func TestOverdueWatchLearnsNothingFromAQueueThatGrows(t *testing.T) {
	var w overdueWatch
	now, late := Instant(0), time.Duration(0)
	for i := range 700 {
		now = now.Add(second / 60)
		if i > 600 {
			late += 10 * milli
		}
		w.loops.observe(now, 40*milli)
		w.heardAck(now, 40*milli+late, 0, false)
	}
	if got := w.allowance(false); got > 12*milli {
		t.Errorf("a queue that grows made it allow %v", got)
	}
}

func TestLossIsToldApartByWhatItsNeighboursWaited(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	run := func(lose func(wait time.Duration) bool) *lossClassifier {
		var l lossClassifier
		for range 100 {
			for i := range 16 { // a frame's packets wait behind each other
				wait := time.Duration(i) * 500 * time.Microsecond
				if lose(wait) {
					l.reported(false, 0)
				} else {
					l.reported(true, wait)
				}
			}
			l.batch()
		}
		return &l
	}
	for _, share := range []float64{0.01, 0.05, 0.1} {
		l := run(func(time.Duration) bool { return random.Float64() < share })
		if got := l.queued(); got > 0 {
			t.Errorf("of random loss of %v, %.3f is put down to a queue", share, got)
		}
		if got := l.share(); got < share/3 || got > share*2 {
			t.Errorf("random loss of %v is counted as %.3f", share, got)
		}
	}
	l := run(func(wait time.Duration) bool { return wait >= 7*milli && random.Float64() < 0.5 })
	if got := l.queued(); got < lossQueued {
		t.Errorf("of loss at the end of long frames only %.3f is put down to a queue", got)
	}
}

func TestLossIsNotCountedForPacketsThatWereOvertaken(t *testing.T) {
	var l lossClassifier
	for range 100 {
		for i := range 10 {
			l.reported(i%5 != 4, milli)
		}
		l.batch() // two are missing, and come in the next batch
		l.found()
		l.found()
	}
	if got := l.share(); got > 0 {
		t.Errorf("of packets that came late %.3f count as lost", got)
	}
}
