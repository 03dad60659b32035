package netsim_test

import (
	"math"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// stream sends packets of 1250 octets, which take 1 ms at 10 Mbit/s, for the given time, and returns what comes out.
func stream(t *testing.T, config netsim.Config, rate media.Bitrate, ecn netsim.ECN, length time.Duration) ([]netsim.Packet, netsim.Counters) {
	t.Helper()
	link := newLink(t, config)
	var got []netsim.Packet
	interval := time.Duration(1250 * 8 * int64(time.Second) / int64(rate))
	now := time.Duration(0)
	for ; now < length; now += interval {
		link.Send(now, netsim.Packet{Size: 1250, ECN: ecn})
		got = link.Receive(now, got)
	}
	c := link.Counters(now)
	return link.Receive(now+time.Minute, got), c
}

const tenMbps = netsim.Constant(10 * media.Mbps)

func TestDropTailHoldsItsOctets(t *testing.T) {
	got, c := stream(t, netsim.Config{Rate: tenMbps, Queue: netsim.DropTail{Octets: 20 * 1250}}, 20*media.Mbps, netsim.NotECT, time.Second)
	// Twenty wait and one is carried: once the queue is full each packet waits for 20 ms, less the half of one that a packet
	// comes earlier than the next one is taken.
	if most := c.QueueDelay.Max; most > 20*ms || most < 19*ms {
		t.Errorf("waited for up to %v", most)
	}
	if c.LostQueue < 950 || c.LostQueue > 1000 || len(got)+int(c.LostQueue) != int(c.Sent) {
		t.Errorf("%d sent, %d came, %d refused", c.Sent, len(got), c.LostQueue)
	}
}

func TestDropTailByTimeBoundsTheTimeExactlyWhateverTheRateDoes(t *testing.T) {
	const bound = 100 * ms
	for name, rate := range map[string]netsim.Rate{
		"constant": tenMbps,
		"steps":    netsim.Steps{Steps: []netsim.Step{{Rate: 10 * media.Mbps}, {At: 300 * ms, Rate: media.Mbps}, {At: 600 * ms}, {At: 650 * ms, Rate: 10 * media.Mbps}}, Period: time.Second},
		"trace":    netsim.WiFiStalls().Trace(3, time.Minute),
	} {
		got, c := stream(t, netsim.Config{Rate: rate, Queue: netsim.DropTail{Time: bound}}, 60*media.Mbps, netsim.NotECT, 5*time.Second)
		most := time.Duration(0)
		for _, p := range got {
			most = max(most, p.Arrived-p.Sent)
		}
		if most > bound || most < bound*8/10 || c.LostQueue == 0 {
			t.Errorf("%s: up to %v between coming and leaving, %d refused", name, most, c.LostQueue)
		}
	}
}

func TestCoDelLeavesAShortQueueAlone(t *testing.T) {
	got, c := stream(t, netsim.Config{Rate: tenMbps, Queue: netsim.CoDel{}}, 9900*media.Kbps, netsim.NotECT, 5*time.Second)
	if len(got) != int(c.Sent) || c.LostAQM != 0 {
		t.Errorf("%d of %d came, %d dropped", len(got), c.Sent, c.LostAQM)
	}
}

// RFC 8289 section 5.3: the first drop comes an interval after the wait first exceeded the target; the n-th then follows
// the one before after an interval divided by the root of n.
func TestCoDelDropsByItsControlLaw(t *testing.T) {
	const rate = 10500 * media.Kbps // 5 % too much: the target is exceeded after about 105 ms
	got, _ := stream(t, netsim.Config{Rate: tenMbps, Queue: netsim.CoDel{}}, rate, netsim.NotECT, time.Second)
	sent := map[time.Duration]bool{}
	for _, p := range got {
		sent[p.Sent] = true
	}
	interval := time.Duration(1250 * 8 * int64(time.Second) / int64(rate))
	var dropped []time.Duration // when the packet was taken from the queue: it would have begun to be carried then
	for now := time.Duration(0); now < time.Second; now += interval {
		if !sent[now] {
			dropped = append(dropped, now)
		}
	}
	if len(dropped) < 5 {
		t.Fatalf("%d dropped", len(dropped))
	}
	if first := dropped[0]; first < 190*ms || first > 215*ms {
		t.Errorf("the first dropped was sent at %v", first)
	}
	for n := 1; n < 5; n++ {
		want := time.Duration(float64(100*ms) / math.Sqrt(float64(n)))
		// Sent, not taken, is known here: the wait grows by 5 % of the time between.
		if gap := dropped[n] - dropped[n-1]; (gap - want).Abs() > 8*ms {
			t.Errorf("drop %d came %v after the one before, want %v", n+1, gap, want)
		}
	}
}

func TestCoDelMarksWhatMayBeMarked(t *testing.T) {
	got, c := stream(t, netsim.Config{Rate: tenMbps, Queue: netsim.CoDel{ECN: true}}, 10500*media.Kbps, netsim.ECT0, time.Second)
	marked := 0
	for _, p := range got {
		if p.ECN == netsim.CE {
			marked++
		}
	}
	if c.LostAQM != 0 || marked < 5 || c.Marked > uint64(marked) {
		t.Errorf("%d marked, %d counted, %d dropped", marked, c.Marked, c.LostAQM)
	}
}

func TestDualPI2KeepsLowLatencyPacketsFromTheClassicQueue(t *testing.T) {
	link := newLink(t, netsim.Config{Rate: tenMbps, Queue: netsim.DualPI2{}})
	// A classic sender at 95 % of the rate, which is all that is left beside 10 % of the other kind: a queue of its own.
	var got []netsim.Packet
	for i := range 20_000 {
		now := time.Duration(i) * 500 * time.Microsecond
		if i%20 != 0 {
			link.Send(now, netsim.Packet{Size: 625, ID: 1})
		}
		if i%10 == 0 {
			link.Send(now, netsim.Packet{Size: 625, ECN: netsim.ECT1, ID: 2})
		}
		got = link.Receive(now, got)
	}
	var classic, low netsim.Histogram
	dropped := link.Counters(0).LostAQM
	for _, p := range got[len(got)/2:] {
		if p.ID == 2 {
			low.Observe(p.Arrived - p.Sent)
		} else {
			classic.Observe(p.Arrived - p.Sent)
		}
	}
	if low.Quantile(0.99) > 2*ms {
		t.Errorf("low latency: %v at the 99th percentile", low.Quantile(0.99))
	}
	// 5 % too much: the controller holds the wait near its target by dropping about as much.
	if mean := classic.Mean(); mean < 10*ms || mean > 25*ms || dropped == 0 {
		t.Errorf("classic: %v on average, %d dropped", mean, dropped)
	}
}

func TestDualPI2CouplesTheChances(t *testing.T) {
	link := newLink(t, netsim.Config{Rate: tenMbps, Queue: netsim.DualPI2{}})
	marked, low, classicMarked, classic := 0, 0, 0, 0
	for i := range 60_000 {
		now := time.Duration(i) * 970 * time.Microsecond
		link.Send(now, netsim.Packet{Size: 1150, ECN: netsim.ECT0, ID: 1})
		if i%4 == 0 {
			link.Send(now, netsim.Packet{Size: 400, ECN: netsim.ECT1, ID: 2})
		}
		for _, p := range link.Receive(now, nil) {
			ce := 0
			if p.ECN == netsim.CE {
				ce = 1
			}
			if p.ID == 2 {
				low, marked = low+1, marked+ce
			} else {
				classic, classicMarked = classic+1, classicMarked+ce
			}
		}
	}
	// Marks do not slow this sender down, so that the controller goes to its end: all of the one kind, and of the other,
	// for which ECN is off then, a quarter is dropped (p_Cmax).
	c := link.Counters(0)
	if share := float64(marked) / float64(low); share < 0.9 {
		t.Errorf("%.2f of the low-latency packets marked", share)
	}
	if c.LostAQM == 0 || classicMarked == 0 {
		t.Errorf("%d dropped, %d of %d classic ones marked", c.LostAQM, classicMarked, classic)
	}
}

func TestDualPI2MarksByItsRamp(t *testing.T) {
	burst := func(count int) (marked int) {
		link := newLink(t, netsim.Config{Rate: netsim.Constant(100 * media.Mbps), Queue: netsim.DualPI2{}})
		for range count {
			link.Send(0, netsim.Packet{Size: 1250, ECN: netsim.ECT1}) // 100 us each
		}
		for _, p := range link.Receive(time.Second, nil) {
			if p.ECN == netsim.CE {
				marked++
			}
		}
		return marked
	}
	// The n-th packet waits for n times 100 us: marked from 0.8 ms on, all from 1.2 ms on, but not the last.
	if got := burst(8); got != 0 {
		t.Errorf("%d of 8 marked", got)
	}
	if got := burst(30); got < 18 || got > 20 {
		t.Errorf("%d of 30 marked", got)
	}
}

func TestDualPI2BoundsAnUnresponsiveLowLatencyFlow(t *testing.T) {
	_, c := stream(t, netsim.Config{Rate: tenMbps, Queue: netsim.DualPI2{Octets: 1 << 20}}, 12*media.Mbps, netsim.ECT1, 20*time.Second)
	// It needs a sixth to be dropped, and only at the controller's end is anything: the wait swings about that point.
	if c.LostAQM == 0 || c.LostQueue != 0 || c.QueueDelay.Quantile(0.99) > 100*ms {
		t.Errorf("%d dropped, %d refused, %v waited", c.LostAQM, c.LostQueue, c.QueueDelay.Quantile(0.99))
	}
}
