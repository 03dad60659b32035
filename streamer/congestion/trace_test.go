package congestion

import (
	"testing"
	"time"
)

func trace(t *testing.T, p *player, from, to, step time.Duration) {
	for at := from; at < to; at += step {
		p.at(at, func() {
			f := p.c.Figures(Instant(p.now))
			n, _ := p.c.probe.standing(3, 0)
			d, ok := p.c.probe.busy(p.c.limit())
			t.Logf("%7.0f %-9v %-8v target %5.2f cap %5.2f standing %5.1f backlog %5.1f link %5.2f | true queue %6.1f skips %d cuts %v undone %d | busy %.2f %v %v loss %.3f %.3f", ms(p.now), f.State, f.Cause, float64(f.Target)/mbps, float64(f.Capacity)/mbps, ms(n), ms(f.Backlog), p.c.link/mbps,
				float64(p.link.queued)*8/p.link.rate(p.now)*1000, f.Skips, f.Cuts, f.Undone, d.rate/mbps, d.growing, ok, p.c.loss.share(), p.c.loss.queued())
		})
	}
}

func TestTraceBulk(t *testing.T) {
	w := newWorld(9)
	l := newLink(w, constant(20*mbps), 40*time.Millisecond, bdp(20*mbps, 200*time.Millisecond))
	p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
	b := &bulk{world: w, link: l, back: l.delay}
	p.start(0)
	b.start(10 * time.Second)
	trace(t, p, 10*time.Second, 12*time.Second, 50*time.Millisecond)
	trace(t, p, 12*time.Second, 40*time.Second, 500*time.Millisecond)
	w.run(40 * time.Second)
}

func TestTraceShallow(t *testing.T) {
	w := newWorld(5)
	p := newPlayer(w, newLink(w, constant(10*mbps), 40*time.Millisecond, bdp(10*mbps, 10*time.Millisecond)), Config{Ceiling: 50 * mbps})
	p.start(0)
	trace(t, p, 0, 20*time.Second, 250*time.Millisecond)
	w.run(20 * time.Second)
}
