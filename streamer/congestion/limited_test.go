package congestion

import (
	"testing"
	"time"
)

// still is an application that stands still from 5 to 65 s: it sends a tenth of a frame once a second.
func still(at time.Duration) float64 {
	switch {
	case at < 5*second || at > 65*second:
		return 1
	case at%second < 17*milli:
		return 0.1
	}
	return 0
}

func TestScenarioAStillPictureForgetsNothing(t *testing.T) {
	w := newWorld(13)
	p := newPlayer(w, &link{world: w, rate: constant(10 * mbps), delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
	p.demand = still
	p.start(0)
	w.run(80 * second)
	before, after := p.measure(4*second, 5*second), p.measure(65*second, 66*second)
	show(t, "before a still minute", p, before)
	show(t, "the second after it", p, after)
	if after.least < 0.95*before.least || after.use < 0.75 || after.p95 > 15*milli {
		t.Errorf("after a still minute: %v; before: %v", after, before)
	}
}

func TestScenarioAStillPictureHidesASlowerLinkForNoLongerThanALoop(t *testing.T) {
	w := newWorld(13)
	rate := func(at time.Duration) float64 {
		if at > 30*second {
			return 4 * mbps
		}
		return 10 * mbps
	}
	p := newPlayer(w, &link{world: w, rate: rate, delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
	p.demand, p.noFill = still, true // what is sent meanwhile tells nothing
	p.start(0)
	w.run(70 * second)
	o := p.measure(65*second, 67*second)
	show(t, "the link got slower meanwhile", p, o)
	if got := p.settled(65*second, 4*mbps); got > 250*milli {
		t.Errorf("the target is above the link's rate for %v", got)
	}
	if o.latest > 250*milli {
		t.Errorf("a frame was %v late", o.latest)
	}
}

func TestScenarioALimitedApplicationFindsTheLinkByPadding(t *testing.T) {
	for _, noFill := range []bool{false, true} {
		w := newWorld(14)
		p := newPlayer(w, &link{world: w, rate: constant(30 * mbps), delay: 20 * milli, limit: queueOf(30*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
		p.noFill = noFill
		p.demand = func(at time.Duration) float64 {
			if at < 20*second {
				return 2 * mbps / float64(p.c.Target())
			}
			return 1
		}
		p.start(0)
		w.run(20 * second)
		if !p.c.Figures(Instant(w.now)).Limited {
			t.Error("an application that sends 2 Mbit/s is not called limited")
		}
		w.run(23 * second)
		show(t, "limited to 2 of 30 Mbit/s", p, p.measure(2*second, 20*second))
		show(t, "the first second of all", p, p.measure(20*second, 21*second))
		got := p.measure(19*second, 20*second).least
		if !noFill && got < 24*mbps {
			t.Errorf("with padding the target is %.1f Mbit/s", got/mbps)
		}
		if noFill && got > 8*mbps {
			t.Errorf("without padding the target grew blindly to %.1f Mbit/s", got/mbps)
		}
		if o := p.measure(20*second, 21*second); o.latest > 100*milli {
			t.Errorf("when the application sent all, a frame was %v late", o.latest)
		}
	}
}
