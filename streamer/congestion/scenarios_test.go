package congestion

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const mbps = 1e6

// outcome is what a flow made of a link from one time to another.
type outcome struct {
	use         float64 // share of the link's bits that were frames
	median, p95 time.Duration
	latest      time.Duration
	least, most float64 // target, bits per second
	frames      int
}

func (o outcome) String() string {
	return fmt.Sprintf("use %5.1f %%, excess p50 %5.1f p95 %5.1f ms, latest frame %5.1f ms, target %5.2f to %5.2f Mbit/s",
		100*o.use, ms(o.median), ms(o.p95), ms(o.latest), o.least/mbps, o.most/mbps)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measure looks at the frames that arrived between two times. Excess is a frame's time on the way beyond what it takes on an
// empty link: waits in the queue, and for packets sent again.
func (p *player) measure(from, to time.Duration) outcome {
	var o outcome
	var bits, could float64
	var excess []time.Duration
	for _, f := range p.log {
		if f.complete < from || f.complete >= to {
			continue
		}
		o.frames++
		bits += float64(f.bytes) * 8
		rate := max(p.link.rate(f.made), p.link.rate(f.complete))
		excess = append(excess, f.complete-f.made-p.link.delay-serialise(f.bytes, rate))
		o.latest = max(o.latest, f.complete-f.made)
	}
	for at := from; at < to; at += time.Millisecond {
		could += p.link.rate(at) / 1000
	}
	o.use = bits / could
	slices.Sort(excess)
	if n := len(excess); n > 0 {
		o.median, o.p95 = excess[n/2], excess[n*95/100]
	}
	for _, t := range p.targets {
		if t.at < from || t.at >= to {
			continue
		}
		if o.least == 0 || t.rate < o.least {
			o.least = t.rate
		}
		o.most = max(o.most, t.rate)
	}
	return o
}

// settled is how long after at the target stays at or below a rate.
func (p *player) settled(at time.Duration, rate float64) time.Duration {
	last := at
	for _, t := range p.targets {
		if t.at >= at && t.at < at+3*time.Second && t.rate > rate {
			last = t.at
		}
	}
	return last - at
}

// queueOf is a queue that holds so much time at a rate.
func queueOf(rate float64, d time.Duration) int { return int(rate * d.Seconds() / 8) }

const (
	second = time.Second
	milli  = time.Millisecond
)

// show prints what a scenario came to; go test -v -run Scenario shows the table.
func show(t *testing.T, name string, p *player, o outcome) {
	t.Helper()
	f := p.c.Figures(Instant(p.now))
	t.Logf("%-36s %v, dropped %d, cuts %v, undone %d, skipped %d", name, o, p.link.dropped, f.Cuts[1:], f.Undone, f.Skips)
}

// steadyScenarios are links that do not change, or not for long.
var steadyScenarios = []struct {
	name   string
	rate   float64
	trip   time.Duration // there and back
	queue  time.Duration
	config Config
	change func(p *player)
	use    float64       // at least
	p95    time.Duration // at most
	reason string
}{
	{name: "10 Mbit/s, 40 ms", use: 0.85, p95: 15 * milli, reason: "the plain case"},
	{name: "2 Mbit/s", rate: 2, use: 0.8, p95: 20 * milli, reason: "two or three packets a frame"},
	{name: "45 Mbit/s", rate: 45, use: 0.85, p95: 15 * milli, reason: "the clock's grain is a packet's time"},
	{name: "2 ms round trip", trip: 2 * milli, use: 0.85, p95: 15 * milli, reason: "the loop is shorter than a frame"},
	{name: "150 ms round trip", trip: 150 * milli, use: 0.85, p95: 15 * milli, reason: "nine frames are under way"},
	{name: "30 frames/s", change: func(p *player) { p.pace(30) }, use: 0.8, p95: 25 * milli, reason: "frames are twice as big"},
	{name: "120 frames/s", change: func(p *player) { p.pace(120) }, use: 0.85, p95: 15 * milli, reason: "frames are half as big"},
	{name: "loss 1 %, 20 ms", trip: 20 * milli, change: lossy(0.01), use: 0.8, reason: "random loss is no queue"},
	{name: "loss 2 %, 20 ms", trip: 20 * milli, change: lossy(0.02), use: 0.8, reason: "random loss is no queue"},
	{name: "loss 5 %, 20 ms", trip: 20 * milli, change: lossy(0.05), use: 0.8, reason: "random loss is no queue"},
	{name: "loss 1 %, 80 ms", trip: 80 * milli, change: lossy(0.01), use: 0.8, reason: "frames wait 80 ms for what is sent again"},
	{name: "loss 2 %, 80 ms", trip: 80 * milli, change: lossy(0.02), use: 0.8, reason: "frames wait 80 ms for what is sent again"},
	{name: "loss 5 %, 80 ms", trip: 80 * milli, change: lossy(0.05), use: 0.8, reason: "frames wait 80 ms for what is sent again"},
	{name: "queue of 200 ms", queue: 200 * milli, use: 0.85, p95: 20 * milli, reason: "bufferbloat is not filled"},
	{name: "queue of 20 ms", queue: 20 * milli, use: 0.85, p95: 15 * milli, reason: "a little more than a frame"},
	{name: "queue of 10 ms", queue: 10 * milli, use: 0.55, p95: 60 * milli, reason: "less than a frame: loss is answered, and not by collapse"},
	{name: "marks from 8 ms", change: func(p *player) { p.link.mark = queueOf(10*mbps, 8*milli) }, use: 0.7, p95: 10 * milli, reason: "ECN"},
	{name: "marks from 3 ms", change: func(p *player) { p.link.mark = queueOf(10*mbps, 3*milli) }, use: 0.6, p95: 5 * milli, reason: "ECN, less than a frame's own queue"},
	{name: "policer of 8 on 100 Mbit/s", rate: 100, change: func(p *player) { p.link.police = 8 * mbps }, use: 0.05, reason: "loss without delay: use is of 100"},
	{name: "no acknowledgements", change: func(p *player) { p.noAcks = true }, use: 0.85, p95: 15 * milli, reason: "a spectator"},
	{name: "acknowledgements stop", change: func(p *player) { p.at(10*second, func() { p.noAcks = true }) }, use: 0.85, p95: 15 * milli, reason: "a hidden page"},
	{name: "reports every 25 ms", change: func(p *player) { p.every = 25 * milli }, use: 0.85, p95: 15 * milli, reason: "RFC 8888 is often quicker"},
	{name: "reports every 250 ms", change: func(p *player) { p.every = 250 * milli }, use: 0.85, p95: 15 * milli, reason: "the slowest that browsers are"},
	{name: "keyframes of four shares", change: func(p *player) {
		p.demand = func(at time.Duration) float64 {
			if at%(5*second) < 17*milli {
				return 4
			}
			return 1
		}
	}, use: 0.85, p95: 15 * milli, reason: "one big frame is no slow link"},
	{name: "encoder 30 % over its budget", change: func(p *player) {
		p.demand = func(time.Duration) float64 { return 1.3 }
	}, use: 0.85, p95: 25 * milli, reason: "what is sent too much is taken off the next budgets"},
	{name: "frames of 0 to 1 shares", change: func(p *player) {
		p.demand = func(time.Duration) float64 { return p.world.random.Float64() }
	}, use: 0.4, p95: 15 * milli, reason: "an application that uses half"},
	{name: "display of 30 Hz", change: func(p *player) { p.refresh = second / 30 }, use: 0.85, p95: 15 * milli, reason: "every other frame is acknowledged, late"},
	{name: "display of 59.94 Hz", change: func(p *player) { p.refresh = 16683 * time.Microsecond }, use: 0.85, p95: 15 * milli, reason: "acknowledgements wait for the beat"},
	{name: "receiver's clock 200 ppm fast", change: func(p *player) { p.skew = 200e-6 }, use: 0.85, p95: 15 * milli, reason: "1.6 ms in the window"},
	{name: "receiver's clock 200 ppm slow", change: func(p *player) { p.skew = -200e-6 }, use: 0.85, p95: 15 * milli, reason: "1.6 ms in the window"},
	{name: "receiver's clock jumps 3 s on", change: steps(3 * second), use: 0.85, p95: 15 * milli, reason: "more than any wait can be"},
	{name: "receiver's clock jumps 3 s back", change: steps(-3 * second), use: 0.85, p95: 15 * milli, reason: "a new minimum"},
	{name: "receiver's clock jumps 40 ms on", change: steps(40 * milli), use: 0.75, p95: 15 * milli, reason: "looks like a queue that stays"},
	{name: "receiver late by 0 to 4 ms", trip: 10 * milli, change: func(p *player) {
		p.jitter = func() time.Duration { return time.Duration(p.world.random.Int64N(int64(4 * milli))) }
	}, use: 0.8, p95: 20 * milli, reason: "a radio link"},
	{name: "page late by up to 30 ms", change: latePage, use: 0.85, p95: 15 * milli, reason: "acknowledgements late at times on a full link"},
}

func lossy(share float64) func(*player) { return func(p *player) { p.link.random = share } }

func steps(by time.Duration) func(*player) {
	return func(p *player) {
		p.step = func(at time.Duration) time.Duration { return by * (at / (10 * second)) }
	}
}

func latePage(p *player) {
	p.late = func() time.Duration {
		if p.world.random.Float64() < 0.02 {
			return 5*milli + time.Duration(p.world.random.Int64N(int64(25*milli)))
		}
		return 0
	}
}

func (p *player) pace(framesPerSecond time.Duration) {
	p.interval = second / framesPerSecond
	p.c.SetFrameInterval(p.interval)
}

func TestScenarioLinksAreUsedWithoutFillingTheirQueues(t *testing.T) {
	for _, s := range steadyScenarios {
		rate, trip, queue := s.rate*mbps, s.trip, s.queue
		if rate == 0 {
			rate = 10 * mbps
		}
		if trip == 0 {
			trip = 40 * milli
		}
		if queue == 0 {
			queue = 100 * milli
		}
		w := newWorld(11)
		config := s.config
		config.Ceiling = 50 * mbps
		p := newPlayer(w, &link{world: w, rate: constant(rate), delay: trip / 2, limit: queueOf(rate, queue)}, config)
		if s.change != nil {
			s.change(p)
		}
		p.start(0)
		w.run(30 * second)
		o := p.measure(2*second, 30*second)
		show(t, s.name, p, o)
		if o.use < s.use {
			t.Errorf("%s: use is %.3f, less than %v (%s)", s.name, o.use, s.use, s.reason)
		}
		if s.p95 > 0 && o.p95 > s.p95 {
			t.Errorf("%s: p95 of excess is %v, more than %v (%s)", s.name, o.p95, s.p95, s.reason)
		}
	}
}

func TestScenarioStartReachesTheLinkWithinASecondWithoutLoss(t *testing.T) {
	for _, rate := range []float64{5, 10, 20, 45} {
		w := newWorld(2)
		p := newPlayer(w, &link{world: w, rate: constant(rate * mbps), delay: 20 * milli, limit: queueOf(rate*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
		p.start(0)
		w.run(1200 * milli)
		show(t, fmt.Sprintf("start on %v Mbit/s", rate), p, p.measure(0, 1200*milli))
		if got := float64(p.c.Target()); got < 0.8*rate*mbps {
			t.Errorf("on %v Mbit/s the target is %v after 1.2 s", rate, got)
		}
		if p.link.dropped > 0 {
			t.Errorf("on %v Mbit/s %d packets were dropped", rate, p.link.dropped)
		}
	}
}

func TestScenarioARateThatFallsIsFollowed(t *testing.T) {
	for _, s := range []struct {
		to                       float64
		latest, drained, settled time.Duration
	}{
		// 4.4 frames of 38 kB leave before the first acknowledgement can be missed: at 5 Mbit/s they take 270 ms.
		{to: 12, latest: 130 * milli, drained: 200 * milli, settled: 200 * milli},
		{to: 5, latest: 320 * milli, drained: 400 * milli, settled: 315 * milli},
		{to: 2, latest: 900 * milli, drained: 950 * milli, settled: 315 * milli},
	} {
		var latest, drained, settled []time.Duration
		for seed := range uint64(20) {
			w := newWorld(seed)
			at := 5*second + time.Duration(w.random.Int64N(int64(17*milli))) // any phase of a frame
			rate := func(now time.Duration) float64 {
				if now > at {
					return s.to * mbps
				}
				return 20 * mbps
			}
			p := newPlayer(w, &link{world: w, rate: rate, delay: 20 * milli, limit: queueOf(20*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
			p.start(0)
			var last time.Duration
			for x := at; x < at+2*second; x += milli {
				w.at(x, func() {
					if float64(p.link.queued)*8/(s.to*mbps) > 0.025 { // one and a half frames
						last = w.now - at
					}
				})
			}
			w.run(at + 2*second)
			latest = append(latest, p.measure(at, at+2*second).latest)
			drained = append(drained, last)
			settled = append(settled, p.settled(at, s.to*mbps))
		}
		name := fmt.Sprintf("20 to %v Mbit/s", s.to)
		for _, of := range []struct {
			what string
			got  []time.Duration
			most time.Duration
		}{{"latest frame", latest, s.latest}, {"queue drained", drained, s.drained}, {"target below", settled, s.settled}} {
			slices.Sort(of.got)
			worst := of.got[len(of.got)-1]
			t.Logf("%-18s %-14s best %4.0f median %4.0f worst %4.0f ms", name, of.what, ms(of.got[0]), ms(of.got[len(of.got)/2]), ms(worst))
			if worst > of.most {
				t.Errorf("%s: %s after %v, want at most %v", name, of.what, worst, of.most)
			}
		}
	}
}

func TestScenarioARateThatComesBackIsUsedWithinSeconds(t *testing.T) {
	w := newWorld(3)
	rate := func(now time.Duration) float64 {
		if now > 5*second && now < 10*second {
			return 2 * mbps
		}
		return 20 * mbps
	}
	p := newPlayer(w, &link{world: w, rate: rate, delay: 20 * milli, limit: queueOf(20*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
	p.start(0)
	w.run(13 * second)
	show(t, "2 to 20 Mbit/s, third second", p, p.measure(12*second, 13*second))
	if got := p.measure(12*second, 13*second).least; got < 15*mbps {
		t.Errorf("two seconds after the link came back the target is %v", got)
	}
}

func TestScenarioPausesOfTheLinkAreNotTakenForLessOfIt(t *testing.T) {
	for _, pause := range []time.Duration{50, 100, 200, 300} {
		w := newWorld(7)
		rate := func(now time.Duration) float64 {
			if now > 3*second && now%(3*second) < pause*milli {
				return 0
			}
			return 30 * mbps
		}
		p := newPlayer(w, &link{world: w, rate: rate, delay: 5 * milli, limit: 1 << 20}, Config{Ceiling: 20 * mbps})
		p.start(0)
		w.run(21 * second)
		show(t, fmt.Sprintf("pauses of %d ms every 3 s", int(pause)), p, p.measure(2*second, 21*second))
		for at := 6 * second; at < 21*second; at += 3 * second {
			after := at + pause*milli + 150*milli
			if o := p.measure(after, after+second); o.least < 18*mbps {
				t.Errorf("150 ms after a pause of %d ms the target is %.1f Mbit/s", int(pause), o.least/mbps)
			}
		}
		if got, want := p.measure(2*second, 21*second).latest, pause*milli+40*milli; got > want {
			t.Errorf("with pauses of %d ms a frame was %v late", int(pause), got)
		}
	}
}

func TestScenarioALinkThatVariesIsFollowed(t *testing.T) {
	for _, s := range []struct {
		step time.Duration
		use  float64
		p95  time.Duration
	}{{100 * milli, 0.4, 50 * milli}, {500 * milli, 0.55, 60 * milli}, {2 * second, 0.7, 40 * milli}} {
		w := newWorld(12)
		levels := make([]float64, 1000)
		for i := range levels {
			levels[i] = 5*mbps + 15*mbps*w.random.Float64()
		}
		rate := func(now time.Duration) float64 { return levels[int(now/s.step)%len(levels)] }
		p := newPlayer(w, &link{world: w, rate: rate, delay: 25 * milli, limit: 1 << 18}, Config{Ceiling: 50 * mbps})
		p.start(0)
		w.run(40 * second)
		o := p.measure(2*second, 40*second)
		show(t, fmt.Sprintf("5 to 20 Mbit/s, another every %v", s.step), p, o)
		if o.use < s.use || o.p95 > s.p95 {
			t.Errorf("another rate every %v: use %.2f, p95 %v; want %.2f, %v", s.step, o.use, o.p95, s.use, s.p95)
		}
	}
}

func TestScenarioABusyReceiverOnAFastLinkIsNotTakenForASlowLink(t *testing.T) {
	for _, s := range []struct {
		name   string
		change func(p *player)
	}{
		{"quiet", func(*player) {}},
		{"page late by up to 30 ms", func(p *player) { latePage(p) }},
		{"thread late by up to 30 ms", func(p *player) {
			var next time.Duration
			p.jitter = func() time.Duration {
				if p.now < next {
					return time.Duration(p.world.random.Int64N(int64(milli)))
				}
				next = p.now + time.Duration(p.world.random.Int64N(int64(200*milli)))
				return time.Duration(p.world.random.Int64N(int64(30 * milli)))
			}
		}},
		{"display of 30 Hz", func(p *player) { p.refresh = second / 30 }},
	} {
		for _, ceiling := range []Bitrate{8 * mbps, 20 * mbps, 50 * mbps} {
			w := newWorld(6)
			p := newPlayer(w, &link{world: w, rate: constant(1000 * mbps), delay: milli / 2, limit: 1 << 20}, Config{Ceiling: ceiling})
			s.change(p)
			p.start(0)
			w.run(30 * second)
			o := p.measure(2*second, 30*second)
			show(t, fmt.Sprintf("loopback, %v, ceiling %v", s.name, ceiling/mbps), p, o)
			if o.least < float64(ceiling) || p.c.figures.Skips > 0 {
				t.Errorf("%s: the target fell to %.1f of %d Mbit/s, %d frames were skipped", s.name, o.least/mbps, ceiling/mbps, p.c.figures.Skips)
			}
		}
	}
}
