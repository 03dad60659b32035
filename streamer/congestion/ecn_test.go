package congestion

import (
	"slices"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// over has a flow's packets cross a link of netsim.
func over(t *testing.T, w *world, config netsim.Config, ecn netsim.ECN) (*link, *netsim.Link) {
	t.Helper()
	n, err := netsim.NewLink(config)
	if err != nil {
		t.Fatal(err)
	}
	type crossing struct {
		arrived func(ce bool)
		lost    func()
	}
	const never = 1 << 62
	flying := map[uint64]crossing{}
	var next, oldest uint64
	var look func()
	due := time.Duration(never)
	schedule := func() {
		if at, is := n.Next(); is && at < due {
			due = at
			w.at(at, look)
		}
	}
	look = func() {
		due = never
		for _, p := range n.Receive(w.now, nil) {
			for ; oldest < p.ID; oldest++ { // one flow's packets stay in order
				if c := flying[oldest]; c.lost != nil {
					c.lost()
				}
				delete(flying, oldest)
			}
			flying[p.ID].arrived(p.ECN == netsim.CE)
			delete(flying, p.ID)
			oldest = p.ID + 1
		}
		schedule()
	}
	return &link{world: w, delay: config.Delay, other: func(size int, arrived func(ce bool), lost func()) {
		flying[next] = crossing{arrived, lost}
		n.Send(w.now, netsim.Packet{Size: size, ECN: ecn, ID: next})
		next++
		schedule()
	}}, n
}

// shared is how a flow fares behind a DualPI2 queue beside a download.
type shared struct {
	p50, p99 time.Duration // of a frame's way, less the link's delay
	share    float64       // of the link's rate
	bulk     float64
}

func besideADownload(t *testing.T, rate media.Bitrate, ecn netsim.ECN) shared {
	w := newWorld(3)
	const begin, end = 5 * time.Second, 25 * time.Second
	l, n := over(t, w, netsim.Config{
		Delay: 20 * time.Millisecond, Rate: netsim.Constant(rate), Queue: netsim.DualPI2{}, Bulk: []netsim.Bulk{{Start: begin, Stop: end}},
	}, ecn)
	p := newPlayer(w, l, Config{Ceiling: 50_000_000})
	p.every, p.grain, p.alone = p.interval, time.Second/1024, 1300*time.Microsecond // as with RFC 8888's reports
	p.start(0)
	w.run(end)
	var ways []time.Duration
	octets := 0
	for _, f := range p.log {
		if f.made >= begin+2*time.Second {
			ways = append(ways, f.complete-f.made-l.delay)
			octets += f.bytes
		}
	}
	slices.Sort(ways)
	of := float64(rate) / 8
	return shared{
		ways[len(ways)/2], ways[len(ways)*99/100],
		float64(octets) / of / (end - begin - 2*time.Second).Seconds(),
		float64(n.Counters(w.now).Bulk.DeliveredOctets) / of / (end - begin).Seconds(),
	}
}

func TestMarksKeepTheWayShortBesideADownloadAndTheLinkEvenlyShared(t *testing.T) {
	for _, rate := range []media.Bitrate{10 * media.Mbps, 20 * media.Mbps, 40 * media.Mbps} {
		without, with := besideADownload(t, rate, netsim.NotECT), besideADownload(t, rate, netsim.ECT1)
		t.Logf("%v: not-ECT p50 %v p99 %v, %.0f %% and the download %.0f %%; ECT(1) p50 %v p99 %v, %.0f %% and the download %.0f %%", rate,
			without.p50, without.p99, 100*without.share, 100*without.bulk, with.p50, with.p99, 100*with.share, 100*with.bulk)
		// On the fastest link frames are short beside the queue, and what has no marks keeps a quarter out of it by itself.
		if with.p50 > without.p50*17/20 || with.p99 > without.p99*17/20 {
			t.Errorf("%v: marks save too little", rate)
		}
		if with.share < 0.35 || with.bulk < 0.27 {
			t.Errorf("%v: the link is shared unevenly", rate)
		}
	}
}

func TestMarksAloneLeaveMostOfALinkInUse(t *testing.T) {
	w := newWorld(3)
	const rate, settled, end = 20_000_000, 3 * time.Second, 20 * time.Second
	l, n := over(t, w, netsim.Config{Delay: 20 * time.Millisecond, Rate: netsim.Constant(rate), Queue: netsim.DualPI2{}}, netsim.ECT1)
	p := newPlayer(w, l, Config{Ceiling: 50_000_000})
	p.every, p.grain, p.alone = p.interval, time.Second/1024, 1300*time.Microsecond
	p.start(0)
	w.run(settled)
	before := n.Counters(w.now)
	w.run(end)
	after := n.Counters(w.now)
	if used := float64(after.Carried-before.Carried) / float64(after.Capacity-before.Capacity); used < 0.7 {
		t.Errorf("%.0f %% of the link is used", 100*used)
	}
	if late := after.QueueDelay.Quantile(0.99); late > 10*time.Millisecond {
		t.Errorf("packets wait for %v", late)
	}
	if f := p.c.Figures(Instant(w.now)); f.Cuts[ECN] == 0 || f.State != Steady && f.State != Probing {
		t.Errorf("%+v", f)
	}
}

// A player that does not acknowledge, such as one who looks on, is heard of by its reports alone: then they had better come after each
// frame (RFC 8888) than sixteen times a second.
func TestReportsAfterEachFrameDoForAcknowledgements(t *testing.T) {
	late := func(every, grain time.Duration) time.Duration {
		w := newWorld(3)
		l := &link{world: w, limit: 150_000, delay: 20 * time.Millisecond, rate: func(now time.Duration) float64 {
			if now > 10*time.Second && now < 15*time.Second {
				return 2e6
			}
			return 20e6
		}}
		p := newPlayer(w, l, Config{})
		p.every, p.grain, p.noAcks = every, grain, true
		p.start(0)
		w.run(30 * time.Second)
		var ways []time.Duration
		for _, f := range p.log {
			ways = append(ways, f.complete-f.made-l.delay)
		}
		slices.Sort(ways)
		return ways[len(ways)*99/100]
	}
	seldom, often := late(simReports, 0), late(time.Second/60, time.Second/1024)
	t.Logf("the slowest hundredth of frames on a link that falls from 20 to 2 Mbit/s: %v, and %v with reports after each", seldom, often)
	if often > seldom*19/20 {
		t.Errorf("%v, and %v with reports after each frame", seldom, often)
	}
}
