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
	use     float64 // share of the link's bits that were frames
	excess  time.Duration
	median  time.Duration
	latest  time.Duration
	dropped int
	frames  int
	least   float64 // target, in Mbit/s
	most    float64
}

func (o outcome) String() string {
	return fmt.Sprintf("use %5.1f %%  excess p50 %6.1f p95 %6.1f ms  latest frame %6.1f ms  dropped %4d  target %5.2f to %5.2f Mbit/s", 100*o.use,
		ms(o.median), ms(o.excess), ms(o.latest), o.dropped, o.least, o.most)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measure looks at the frames that arrived between two times. Excess is a frame's time on the way beyond what it takes on an
// empty link: waits in the sender's pacing, in the queue, and for packets sent again.
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
		o.median, o.excess = excess[n/2], excess[n*95/100]
	}
	o.least = 1e9
	for _, r := range p.rates {
		if r.at >= from && r.at < to {
			o.least, o.most = min(o.least, r.rate/mbps), max(o.most, r.rate/mbps)
		}
	}
	o.dropped = p.link.dropped
	return o
}

// recovered is how long after at the target stays at or below share of the link's rate.
func (p *player) recovered(at time.Duration, rate float64) time.Duration {
	last := at
	for _, r := range p.rates {
		if r.at >= at && r.at < at+5*time.Second && r.rate > rate {
			last = r.at
		}
	}
	return last - at
}

func newLink(w *world, rate func(time.Duration) float64, roundTrip time.Duration, queue int) *link {
	return &link{world: w, rate: rate, delay: roundTrip / 2, limit: queue}
}

// bdp is a queue of so much time at a rate.
func bdp(rate float64, d time.Duration) int { return int(rate * d.Seconds() / 8) }

func dump(t *testing.T, p *player, from, to time.Duration) {
	for i, r := range p.rates {
		if r.at >= from && r.at < to && i%6 == 0 {
			t.Logf("%7.1f ms %6.2f", ms(r.at), r.rate/mbps)
		}
	}
}

func TestExplore(t *testing.T) {
	show := func(name string, p *player, from, to time.Duration) {
		f := p.c.Figures(Instant(p.now))
		t.Logf("%-34s %v | %v cuts %v undone %d skips %d", name, p.measure(from, to), f.State, f.Cuts, f.Undone, f.Skips)
	}
	const s = time.Second
	{
		w := newWorld(1)
		p := newPlayer(w, newLink(w, constant(10*mbps), 40*time.Millisecond, bdp(10*mbps, 100*time.Millisecond)), Config{Ceiling: 50 * mbps})
		p.start(0)
		w.run(20 * s)
		show("10 Mbit/s start 1.2s", p, 0, 1200*time.Millisecond)
		show("10 Mbit/s", p, 2*s, 20*s)
	}
	for _, down := range []float64{5, 2} {
		w := newWorld(3)
		rate := func(at time.Duration) float64 {
			if at > 5*s && at < 10*s {
				return down * mbps
			}
			return 20 * mbps
		}
		p := newPlayer(w, newLink(w, rate, 40*time.Millisecond, bdp(20*mbps, 100*time.Millisecond)), Config{Ceiling: 50 * mbps})
		p.start(0)
		var drained time.Duration
		for at := 5 * s; at < 7*s; at += 5 * time.Millisecond {
			w.at(at, func() {
				if float64(p.link.queued)*8/(down*mbps) > 0.025 {
					drained = w.now - 5*s
				}
			})
		}
		w.run(15 * s)
		show(fmt.Sprintf("20 to %v", down), p, 5*s, 6*s)
		show("  then", p, 7*s, 10*s)
		show("  and back", p, 12*s, 15*s)
		t.Log("   target recovered after", p.recovered(5*s, down*mbps), "queue under 25 ms after", drained)
	}
	for _, rtt := range []time.Duration{20, 80} {
		for _, loss := range []float64{0.01, 0.02, 0.05} {
			w := newWorld(4)
			p := newPlayer(w, newLink(w, constant(10*mbps), rtt*time.Millisecond, bdp(10*mbps, 100*time.Millisecond)), Config{Ceiling: 50 * mbps})
			p.link.random = loss
			p.start(0)
			w.run(20 * s)
			show(fmt.Sprintf("loss %v at %v ms", loss, int(rtt)), p, 2*s, 20*s)
		}
	}
	for _, q := range []time.Duration{10, 20, 30, 200, 1000} {
		w := newWorld(5)
		p := newPlayer(w, newLink(w, constant(10*mbps), 40*time.Millisecond, bdp(10*mbps, q*time.Millisecond)), Config{Ceiling: 50 * mbps})
		p.start(0)
		w.run(20 * s)
		show(fmt.Sprintf("queue of %d ms", int(q)), p, 2*s, 20*s)
	}
	for _, jitter := range []time.Duration{5, 15, 30} {
		w := newWorld(6)
		p := newPlayer(w, newLink(w, constant(1000*mbps), time.Millisecond, 1<<20), Config{Ceiling: 20 * mbps})
		p.jitter = func() time.Duration {
			if w.random.Float64() < 0.01 {
				return time.Duration(w.random.Int64N(int64(jitter * time.Millisecond)))
			}
			return time.Duration(w.random.Int64N(int64(time.Millisecond)))
		}
		p.start(0)
		w.run(60 * s)
		show(fmt.Sprintf("loopback jitter %d ms", int(jitter)), p, 2*s, 60*s)
	}
	for _, pause := range []time.Duration{50, 100, 200, 300} {
		w := newWorld(7)
		rate := func(at time.Duration) float64 {
			if at > 3*s && at%(3*s) < pause*time.Millisecond {
				return 0
			}
			return 30 * mbps
		}
		p := newPlayer(w, newLink(w, rate, 10*time.Millisecond, 1<<20), Config{Ceiling: 20 * mbps})
		p.start(0)
		w.run(20 * s)
		show(fmt.Sprintf("pauses of %d ms", int(pause)), p, 2*s, 20*s)
	}
	for _, order := range []int{0, 1} {
		w := newWorld(8)
		l := newLink(w, constant(20*mbps), 40*time.Millisecond, bdp(20*mbps, 100*time.Millisecond))
		a, b := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
		a.start(0)
		b.start(time.Duration(order)*10*s + 5*time.Millisecond)
		w.run(40 * s)
		show("two flows a", a, 30*s, 40*s)
		show("two flows b", b, 30*s, 40*s)
		for at := 10 * s; at < 40*s; at += 5 * s {
			ua, ub := a.measure(at, at+2*s).use, b.measure(at, at+2*s).use
			t.Logf("   %v %.2f", at, ua/(ua+ub))
		}
	}
	for _, q := range []time.Duration{50, 100, 200} {
		w := newWorld(9)
		l := newLink(w, constant(20*mbps), 40*time.Millisecond, bdp(20*mbps, q*time.Millisecond))
		p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
		b := &bulk{world: w, link: l, back: l.delay}
		p.start(0)
		b.start(10 * s)
		w.run(60 * s)
		show(fmt.Sprintf("bulk, queue %d ms", int(q)), p, 15*s, 60*s)
		t.Logf("   bulk has %.1f Mbit/s", float64(b.delivered)*8/50/1e6)
	}
}
