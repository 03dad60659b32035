package congestion

import (
	"fmt"
	"testing"
	"time"
)

func TestExploreFair(t *testing.T) {
	const s = time.Second
	const msec = time.Millisecond
	for _, total := range []float64{10, 20, 40} {
		for _, offset := range []time.Duration{0, 2, 5, 8, 12, 15} {
			w := newWorld(8)
			l := newLink(w, constant(total*mbps), 40*msec, bdp(total*mbps, 100*msec))
			a, b := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
			a.start(0)
			b.start(600*a.interval + offset*msec)
			w.run(60 * s)
			line := ""
			for at := 10 * s; at < 60*s; at += 5 * s {
				ua, ub := a.measure(at, at+5*s).use, b.measure(at, at+5*s).use
				line += fmt.Sprintf(" %.2f", ua/(ua+ub))
			}
			oa, ob := a.measure(20*s, 60*s), b.measure(20*s, 60*s)
			t.Logf("%v Mbit/s offset %2d:%s  total %.2f p95 %.1f %.1f", total, int(offset), line, oa.use+ob.use, ms(oa.excess), ms(ob.excess))
		}
	}
	for _, rtt := range []time.Duration{10, 80} {
		w := newWorld(8)
		l := newLink(w, constant(20*mbps), 10*msec, bdp(20*mbps, 100*msec))
		a, b := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
		b.back = 75 * msec
		if rtt == 80 {
			a, b = b, a
		}
		a.start(0)
		b.start(5*s + 3*msec)
		w.run(60 * s)
		t.Logf("first rtt %v: %v", int(rtt), a.measure(20*s, 60*s))
		t.Logf("   other    : %v", b.measure(20*s, 60*s))
	}
	for _, offset := range []time.Duration{0, 1, 3, 5} {
		w := newWorld(8)
		l := newLink(w, constant(30*mbps), 40*msec, bdp(30*mbps, 100*msec))
		for i := range 4 {
			p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
			p.start(time.Duration(i) * (180*p.interval + offset*msec))
			w.at(60*s, func() { t.Logf("four, offset %d: %v", int(offset), p.measure(30*s, 60*s)) })
		}
		w.run(60 * s)
	}
}
