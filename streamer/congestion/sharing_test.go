package congestion

import (
	"fmt"
	"testing"
	"time"
)

func TestScenarioTwoFlowsComeToTheSameRate(t *testing.T) {
	for _, rate := range []float64{10, 20, 40} {
		// How the frames of the two fall together decides what each sees of the other.
		for _, phase := range []time.Duration{0, 4, 8, 15} {
			w := newWorld(8)
			l := &link{world: w, rate: constant(rate * mbps), delay: 20 * milli, limit: queueOf(rate*mbps, 100*milli)}
			a, b := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
			a.start(0)
			b.start(600*a.interval + phase*milli) // ten seconds later
			w.run(45 * second)
			early, share := portion(a, b, 10*second, 15*second), portion(a, b, 30*second, 45*second)
			oa, ob := a.measure(30*second, 45*second), b.measure(30*second, 45*second)
			t.Logf("two flows on %2v Mbit/s, phase %2d ms: the first one has %.2f at first, %.2f after 20 s; use %.1f %%, excess p95 %.1f and %.1f ms",
				rate, int(phase), early, share, 100*(oa.use+ob.use), ms(oa.p95), ms(ob.p95))
			if share < 0.37 || share > 0.63 {
				t.Errorf("on %v Mbit/s at phase %d ms the first flow has %.2f", rate, int(phase), share)
			}
			if oa.use+ob.use < 0.85 {
				t.Errorf("on %v Mbit/s at phase %d ms both use %.2f", rate, int(phase), oa.use+ob.use)
			}
		}
	}
}

// portion is a flow's part of what two flows got.
func portion(a, b *player, from, to time.Duration) float64 {
	ua, ub := a.measure(from, to).use, b.measure(from, to).use
	return ua / (ua + ub)
}

func TestScenarioALongerRoundTripCostsNoShare(t *testing.T) {
	for _, nearFirst := range []bool{true, false} {
		w := newWorld(8)
		l := &link{world: w, rate: constant(20 * mbps), delay: 5 * milli, limit: queueOf(20*mbps, 100*milli)}
		near, far := newPlayer(w, l, Config{Ceiling: 50 * mbps}), newPlayer(w, l, Config{Ceiling: 50 * mbps})
		far.back = 75 * milli
		first, other := near, far
		if !nearFirst {
			first, other = far, near
		}
		first.start(0)
		other.start(5*second + 3*milli)
		w.run(60 * second)
		share := portion(near, far, 30*second, 60*second)
		t.Logf("10 and 80 ms round trip, the near one first: %v: it has %.2f", nearFirst, share)
		if share < 0.35 || share > 0.65 {
			t.Errorf("the flow with the shorter round trip has %.2f", share)
		}
	}
}

func TestScenarioFourFlowsAllPlay(t *testing.T) {
	w := newWorld(8)
	l := &link{world: w, rate: constant(30 * mbps), delay: 20 * milli, limit: queueOf(30*mbps, 100*milli)}
	var players []*player
	for i := range 4 {
		p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
		p.start(time.Duration(i) * (3*second + 5*milli))
		players = append(players, p)
	}
	w.run(60 * second)
	for i, p := range players {
		o := p.measure(30*second, 60*second)
		show(t, fmt.Sprintf("flow %d of four on 30 Mbit/s", i+1), p, o)
		if o.use < 0.1 {
			t.Errorf("flow %d of four has %.2f of the link", i+1, o.use)
		}
	}
}

func TestScenarioADownloadLeavesEnoughToPlay(t *testing.T) {
	for _, queue := range []time.Duration{50, 100, 200} {
		w := newWorld(9)
		l := &link{world: w, rate: constant(20 * mbps), delay: 20 * milli, limit: queueOf(20*mbps, queue*milli)}
		p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
		download := &bulk{world: w, link: l, back: l.delay}
		p.start(0)
		download.start(10 * second)
		w.run(60 * second)
		o := p.measure(15*second, 60*second)
		show(t, fmt.Sprintf("download, queue of %d ms", int(queue)), p, o)
		if o.use < 0.1 {
			t.Errorf("beside a download over a queue of %d ms the use is %.3f", int(queue), o.use)
		}
	}
}

func TestScenarioAfterADownloadTheLinkIsUsedAgain(t *testing.T) {
	w := newWorld(9)
	l := &link{world: w, rate: constant(20 * mbps), delay: 20 * milli, limit: queueOf(20*mbps, 100*milli)}
	p := newPlayer(w, l, Config{Ceiling: 50 * mbps})
	download := &bulk{world: w, link: l, back: l.delay}
	p.start(0)
	download.start(5 * second)
	w.at(20*second, func() { download.over = true })
	w.run(30 * second)
	o := p.measure(25*second, 30*second)
	show(t, "5 s after a download", p, o)
	if o.use < 0.8 || o.p95 > 15*milli {
		t.Errorf("five seconds after a download: %v", o)
	}
}
