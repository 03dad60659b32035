package congestion

import (
	"fmt"
	"testing"
	"time"
)

func TestExploreTwo(t *testing.T) {
	show := func(name string, p *player, from, to time.Duration) {
		f := p.c.Figures(Instant(p.now))
		t.Logf("%-34s %v | %v cuts %v undone %d skips %d jumps %d", name, p.measure(from, to), f.State, f.Cuts, f.Undone, f.Skips, f.Jumps)
	}
	const s = time.Second
	const msec = time.Millisecond
	one := func(name string, rate float64, rtt, queue time.Duration, config Config, change func(p *player)) {
		w := newWorld(11)
		p := newPlayer(w, newLink(w, constant(rate*mbps), rtt, bdp(rate*mbps, queue)), config)
		if change != nil {
			change(p)
		}
		p.start(0)
		w.run(30 * s)
		show(name+" start", p, 0, 1200*msec)
		show(name, p, 2*s, 30*s)
	}
	one("ecn at 3 ms", 10, 40*msec, 100*msec, Config{Ceiling: 50 * mbps}, func(p *player) { p.link.mark = bdp(10*mbps, 3*msec) })
	one("ecn at 8 ms", 10, 40*msec, 100*msec, Config{Ceiling: 50 * mbps}, func(p *player) { p.link.mark = bdp(10*mbps, 8*msec) })

	one("policer 8", 100, 40*msec, 100*msec, Config{Ceiling: 50 * mbps}, func(p *player) { p.link.police = 8 * mbps })
	one("loopback late acks 30 ms", 1000, msec, 100*msec, Config{Ceiling: 20 * mbps}, func(p *player) {
		p.late = func() time.Duration {
			if p.world.random.Float64() < 0.05 {
				return 5*msec + time.Duration(p.world.random.Int64N(int64(25*msec)))
			}
			return 0
		}
	})
	one("late acks at 10", 10, 40*msec, 100*msec, Config{Ceiling: 50 * mbps}, func(p *player) {
		p.late = func() time.Duration {
			if p.world.random.Float64() < 0.02 {
				return 5*msec + time.Duration(p.world.random.Int64N(int64(25*msec)))
			}
			return 0
		}
	})
	for _, j := range []time.Duration{-3 * s, -40 * msec, 40 * msec, 3 * s, 3000 * s} {
		one(fmt.Sprintf("clock jump %v", j), 10, 40*msec, 100*msec, Config{Ceiling: 50 * mbps}, func(p *player) {
			p.step = func(at time.Duration) time.Duration { return j * (at / (10 * s)) }
		})
	}
	{
		w := newWorld(11)
		p := newPlayer(w, newLink(w, constant(10*mbps), 40*msec, bdp(10*mbps, 100*msec)), Config{Ceiling: 50 * mbps})
		p.start(0)
		w.at(10*s, func() { p.noAcks = true })
		w.run(30 * s)
		show("acks stop", p, 2*s, 30*s)
	}
	{
		w := newWorld(8)
		l := newLink(w, constant(20*mbps), 10*msec, bdp(20*mbps, 100*msec))
		a, b := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
		b.back = 75 * msec
		a.start(0)
		b.start(5 * s)
		w.run(60 * s)
		show("rtt 10", a, 20*s, 60*s)
		show("rtt 80", b, 20*s, 60*s)
	}
	{
		w := newWorld(8)
		l := newLink(w, constant(30*mbps), 40*msec, bdp(30*mbps, 100*msec))
		for i := range 4 {
			p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
			p.start(time.Duration(i) * 3 * s)
			w.at(60*s, func() { show("four", p, 30*s, 60*s) })
		}
		w.run(60 * s)
	}
	{ // still
		w := newWorld(13)
		p := newPlayer(w, newLink(w, constant(10*mbps), 40*msec, bdp(10*mbps, 100*msec)), Config{Ceiling: 50 * mbps})
		p.demand = func(at time.Duration) float64 {
			if at > 5*s && at < 65*s {
				if at%s < 17*msec {
					return 0.1
				}
				return 0
			}
			return 1
		}
		p.start(0)
		w.run(80 * s)
		show("still: moving", p, 2*s, 5*s)
		show("still: still", p, 6*s, 65*s)
		show("still: after", p, 65*s, 67*s)
		show("still: later", p, 67*s, 80*s)
	}
	{ // still, and the link changed meanwhile
		w := newWorld(13)
		p := newPlayer(w, newLink(w, func(at time.Duration) float64 {
			if at > 30*s {
				return 4 * mbps
			}
			return 10 * mbps
		}, 40*msec, bdp(10*mbps, 100*msec)), Config{Ceiling: 50 * mbps})
		p.demand = func(at time.Duration) float64 {
			if at > 5*s && at < 65*s {
				if at%s < 17*msec {
					return 0.1
				}
				return 0
			}
			return 1
		}
		p.start(0)
		w.run(80 * s)
		show("still and less: after", p, 65*s, 67*s)
		show("still and less: later", p, 67*s, 80*s)
	}
	for _, noFill := range []bool{false, true} { // limited to 2 Mbit/s
		w := newWorld(14)
		p := newPlayer(w, newLink(w, constant(30*mbps), 40*msec, bdp(10*mbps, 100*msec)), Config{Ceiling: 50 * mbps})
		p.noFill = noFill
		p.demand = func(at time.Duration) float64 {
			if at < 20*s {
				return 2 * mbps / float64(p.c.Target())
			}
			return 1
		}
		p.start(0)
		w.run(30 * s)
		show("limited", p, 2*s, 20*s)
		show("then full 1 s", p, 20*s, 21*s)
		show("then full", p, 21*s, 30*s)
	}
}
