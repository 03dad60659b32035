package congestion

import (
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/internal/netsim/scenario"
)

// fallen is a stream whose link has just lost nine tenths of its rate, at the first frame that could know of it.
func fallen(t *testing.T, after time.Duration) *player {
	t.Helper()
	w := newWorld(4)
	at := 5 * second
	rate := func(now time.Duration) float64 {
		if now > at {
			return 2 * mbps
		}
		return 20 * mbps
	}
	p := newPlayer(w, &link{world: w, rate: rate, delay: 20 * milli, limit: queueOf(20*mbps, 100*milli)}, Config{Ceiling: 50 * mbps})
	p.start(0)
	w.run(at + after)
	return p
}

func TestAFrameThatIsLateMakesTheNextOneSmallerBeforeAnyCut(t *testing.T) {
	p := fallen(t, -20*milli)
	p.every = 10 * second // no report comes in time
	full := p.c.Next(Instant(p.now)).Budget
	for range 200 {
		p.run(p.now + milli)
		grant := p.c.Next(Instant(p.now))
		if figures := p.c.Figures(Instant(p.now)); figures.Cuts[Overdue]+figures.Cuts[Queueing] > 0 {
			t.Fatalf("%v after the fall the target was cut before any frame was made smaller", p.now-5*second)
		}
		if grant.Skip || grant.Budget < full*3/4 {
			return
		}
	}
	t.Error("no frame was made smaller")
}

func TestNothingIsSuspectedWithoutNews(t *testing.T) {
	c := New(0, Config{})
	if got := c.suspected(0); got != c.link {
		t.Errorf("before any acknowledgement the link is suspected of %v", got)
	}
}

func TestASuspicionIsAtMostWhatTheLinkIsKnownBy(t *testing.T) {
	for after := time.Duration(0); after < 400*milli; after += 7 * milli {
		p := fallen(t, after)
		if got := p.c.suspected(Instant(p.now)); got > p.c.link || got <= 0 {
			t.Errorf("%v after the fall the link of %v is suspected of %v", after, p.c.link, got)
		}
	}
}

func TestWhatIsUnusualDependsOnWhatIsUsual(t *testing.T) {
	learned := func(late func() time.Duration) time.Duration {
		var w overdueWatch
		for range 300 {
			w.learn(late())
		}
		return w.unusual()
	}
	random := rand.New(rand.NewPCG(2, 2))
	if got := learned(func() time.Duration { return 0 }); got != doubtLeast {
		t.Errorf("after acknowledgements in time %v is unusual", got)
	}
	if got := learned(func() time.Duration { return time.Duration(random.Int64N(int64(10 * milli))) }); got < 10*milli || got > 25*milli {
		t.Errorf("after acknowledgements that were up to 10 ms late %v is unusual", got)
	}
	if got := learned(func() time.Duration { return time.Hour }); got > 2*overduePatient {
		t.Errorf("one hour made %v unusual", got)
	}
}

func TestWhatTheLinkDelaysTeachesNoPatience(t *testing.T) {
	p := fallen(t, 3*second) // the queue that stood after the fall is long gone
	if got := p.c.overdue.allowance(false); got > 40*milli {
		t.Errorf("after a queue of half a second an acknowledgement may be %v late", got)
	}
}

func TestLostWordsOfThePlayerDoNotStopTheStream(t *testing.T) {
	w := newWorld(5)
	p := newPlayer(w, &link{world: w, rate: constant(10 * mbps), delay: 20 * milli, limit: queueOf(10*mbps, 100*milli)}, Config{Ceiling: 20 * mbps})
	p.start(0)
	w.run(5 * second)
	p.noAcks, p.every = true, 10*second // a second in which nothing that the player says arrives
	began := p.frame
	w.run(6 * second)
	if sent := p.frame - began; sent < 7 {
		t.Errorf("in a second without news %d frames were sent", sent)
	}
}

func TestPacketsLostInARowAreLostOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	share := func(length int) (queued float64) {
		var l lossClassifier
		left := 0
		for i := range 3000 {
			// A frame of 25 packets, of which each waits behind those before it.
			wait := time.Duration(i%25) * 400 * time.Microsecond
			if left == 0 && random.Float64() < 0.02/float64(length) {
				left = length
			}
			l.reported(left == 0, wait)
			left = max(left-1, 0)
			if i%100 == 99 {
				l.batch()
			}
			queued = max(queued, l.queued())
		}
		return queued
	}
	for _, length := range []int{1, 5} {
		if got := share(length); got > lossQueued {
			t.Errorf("2 %% lost at random in rows of %d look like %.3f from a full queue", length, got)
		}
	}
}

func TestNearWhatWasTooMuchTheTargetGrowsSlowly(t *testing.T) {
	g := growth{lid: 10 * mbps, lidAt: Instant(second)}
	for _, step := range []struct {
		now  time.Duration
		rate float64
		near bool
		why  string
	}{
		{1500 * milli, 9.5 * mbps, true, "just below it, half a second later"},
		{1500 * milli, 4 * mbps, false, "the link lost more than half"},
		{1500 * milli, 12 * mbps, false, "it carries more by now"},
		{6 * second, 9.5 * mbps, false, "it is long ago"},
	} {
		if got := g.nearLid(Instant(step.now), step.rate); got != step.near {
			t.Errorf("%s: %v", step.why, got)
		}
	}
	if (&growth{}).nearLid(Instant(second), mbps) {
		t.Error("nothing was too much yet")
	}
}

func TestScenarioAFallIsAnsweredWithinTwoFrames(t *testing.T) {
	for _, s := range []struct {
		name     string
		latest   time.Duration
		recovery time.Duration
	}{
		// Four and a half frames of 36 kB are on their way before the first can be missed: at 5 Mbit/s they take 260 ms, at 2 Mbit/s 650.
		{"steps", 250 * milli, 350 * milli},
		{"cliff", 750 * milli, 900 * milli},
	} {
		links, err := scenario.Named(s.name)
		if err != nil {
			t.Fatal(err)
		}
		toPlayer, _ := links[0].Links(1)
		for seed := range uint64(17) { // each phase of a frame
			flows, before, after := emulateOurs(t, links[0], seed, 13*second)
			e := figuresOf(flows[0], before, after, fallsOf(toPlayer, emulatedSettle, 13*second), emulatedSettle, 13*second)
			if e.latest > s.latest || e.slowest() > s.recovery {
				t.Errorf("%s, seed %d: %v", s.name, seed, e)
			}
		}
	}
}

func TestManyPacketsSentAgainAtOnceTakeTheTimeOfSeveralFrames(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps, Start: 12 * mbps})
	full := c.Next(0).Budget // 25 kB
	for n := range int64(80) {
		c.PacketSent(SentPacket{Sequence: n, Size: 1200, Sent: 1, Kind: Retransmission})
	}
	c.PacketSent(SentPacket{Sequence: 80, Frame: 1, Size: 1200, Sent: 1, Kind: Media})
	smaller := 0
	for n := range 10 {
		if grant := c.Next(Instant(time.Duration(n+1) * second / 60)); grant.Skip || grant.Budget < full {
			smaller++
		}
	}
	if smaller != 4 { // 96 kB are 3.84 frames
		t.Errorf("%d frames made room for 96 kB", smaller)
	}
}

func TestTheBeginningOfAFrameTellsOfALinkThatBecameSlow(t *testing.T) {
	var p probe
	const rate = 20 * mbps
	if _, longer := p.underway(rate); longer != 0 {
		t.Errorf("nothing is %v late", longer)
	}
	arrive := func(packets int, each time.Duration) {
		p = probe{}
		for i := range packets {
			p.arrived(&sentPacket{frame: 1, size: 1200, sent: Instant(i)}, time.Duration(i)*each, 0)
		}
	}
	arrive(10, 480*time.Microsecond)
	if _, longer := p.underway(rate); longer > 10*time.Microsecond || longer < -10*time.Microsecond {
		t.Errorf("at the link's rate it is %v late", longer)
	}
	arrive(10, 4800*time.Microsecond)
	if comes, longer := p.underway(rate); comes < 1.9*mbps || comes > 2.1*mbps || longer < 35*milli {
		t.Errorf("a tenth of the rate is taken for %.1f Mbit/s, %v late", comes/mbps, longer)
	}
	arrive(2, 4800*time.Microsecond)
	if _, longer := p.underway(rate); longer != 0 {
		t.Errorf("two packets tell that it is %v late", longer)
	}
}
