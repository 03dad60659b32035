package netsim_test

import (
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// download runs a link with nothing but bulk flows on it.
func download(t *testing.T, config netsim.Config, length time.Duration) netsim.Counters {
	t.Helper()
	return newLink(t, config).Counters(length)
}

func TestABulkFlowFillsTheLinkAndItsQueue(t *testing.T) {
	config := netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.DropTail{Octets: 500_000}, Bulk: []netsim.Bulk{{}}}
	c := download(t, config, 30*time.Second)
	if c.Utilisation() < 0.98 || c.Bulk.LostQueue == 0 {
		t.Errorf("utilisation %.3f, %d lost", c.Utilisation(), c.Bulk.LostQueue)
	}
	// 500,000 octets are 200 ms; CUBIC comes back to 70 % of window and pipe, then rises to the brim again.
	if p50 := c.QueueDelay.Quantile(0.5); p50 < 100*ms || c.QueueDelay.Max > 201*ms {
		t.Errorf("waited %v, %v at the most", p50, c.QueueDelay.Max)
	}
	if share := float64(c.Bulk.LostQueue) / float64(c.Bulk.Sent); share > 0.02 {
		t.Errorf("a share of %.4f lost", share)
	}
}

func TestABulkFlowLeavesAShortQueueUnderCoDel(t *testing.T) {
	config := netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.CoDel{}, Bulk: []netsim.Bulk{{}}}
	c := download(t, config, 30*time.Second)
	if p50 := c.QueueDelay.Quantile(0.5); c.Utilisation() < 0.9 || p50 > 15*ms || c.Bulk.LostAQM == 0 {
		t.Errorf("utilisation %.3f, waited %v, %d dropped", c.Utilisation(), p50, c.Bulk.LostAQM)
	}
}

// Where round trips are short CUBIC is as fast as Reno (RFC 9438 section 4.3), whose window is about the root of 1.5 divided
// by the share that is lost: 12 segments at 1 %, which make 3.7 Mbit/s over 40 ms.
func TestABulkFlowSlowsDownUnderLoss(t *testing.T) {
	rate := func(share float64) float64 {
		config := netsim.Config{Seed: 1, Delay: 20 * ms, Rate: netsim.Constant(100 * media.Mbps), Loss: netsim.Random{Share: share}, Bulk: []netsim.Bulk{{}}}
		c := download(t, config, 60*time.Second)
		return float64(c.Bulk.DeliveredOctets) * 8 / 60 / 1e6
	}
	one, four := rate(0.01), rate(0.04)
	if one < 2.5 || one > 6 || four > one*0.7 || four < 0.5 {
		t.Errorf("%.2f Mbit/s with 1 %% of loss, %.2f with 4 %%", one, four)
	}
}

func TestTwoBulkFlowsShare(t *testing.T) {
	first := netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.DropTail{Octets: 100_000}, Bulk: []netsim.Bulk{{}, {Start: 5 * time.Second}}}
	alone := first
	alone.Bulk = first.Bulk[:1]
	both, one := download(t, first, 60*time.Second), download(t, alone, 60*time.Second)
	if both.Utilisation() < 0.95 || one.Utilisation() < 0.95 {
		t.Errorf("utilisation %.3f with two, %.3f with one", both.Utilisation(), one.Utilisation())
	}
}

func TestABulkFlowComesBackAfterAnOutage(t *testing.T) {
	steps := netsim.Steps{Steps: []netsim.Step{{Rate: 20 * media.Mbps}, {At: 5 * time.Second}, {At: 8 * time.Second, Rate: 20 * media.Mbps}}}
	link := newLink(t, netsim.Config{Delay: 20 * ms, Rate: steps, Queue: netsim.DropTail{Octets: 100_000}, Bulk: []netsim.Bulk{{}}})
	link.Counters(10 * time.Second)
	before := link.Counters(10 * time.Second)
	after := link.Counters(15 * time.Second)
	if used := float64(after.Carried-before.Carried) / float64(after.Capacity-before.Capacity); used < 0.9 {
		t.Errorf("utilisation %.3f from 2 s after the outage on", used)
	}
}

func TestABulkFlowKeepsItsTimes(t *testing.T) {
	link := newLink(t, netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(20 * media.Mbps), Bulk: []netsim.Bulk{{Start: time.Second, Stop: 2 * time.Second}}})
	if c := link.Counters(time.Second - 1); c.Bulk.Sent != 0 {
		t.Errorf("%d sent before its start", c.Bulk.Sent)
	}
	if c := link.Counters(time.Second); c.Bulk.Sent != 10 {
		t.Errorf("%d sent at its start, want RFC 6928's 10", c.Bulk.Sent)
	}
	stopped := link.Counters(2 * time.Second).Bulk.Sent
	if c := link.Counters(time.Minute); c.Bulk.Sent != stopped || c.Bulk.Pending != 0 {
		t.Errorf("%d sent after its stop, %d pending", c.Bulk.Sent-stopped, c.Bulk.Pending)
	}
}

func TestAStreamBesideABulkFlowWaitsInItsQueue(t *testing.T) {
	link := newLink(t, netsim.Config{Delay: 20 * ms, Rate: netsim.Constant(20 * media.Mbps), Queue: netsim.DropTail{Octets: 500_000}, Bulk: []netsim.Bulk{{Start: 2 * time.Second}}})
	var before, during netsim.Histogram
	for now := time.Duration(0); now < 20*time.Second; now += 2 * ms {
		link.Send(now, netsim.Packet{Size: 1228})
		for _, p := range link.Receive(now, nil) {
			if p.Sent < 2*time.Second {
				before.Observe(p.Arrived - p.Sent)
			} else if p.Sent > 5*time.Second {
				during.Observe(p.Arrived - p.Sent)
			}
		}
	}
	if before.Max > 21*ms || during.Quantile(0.5) < 100*ms {
		t.Errorf("%v before, %v beside it", before.Max, during.Quantile(0.5))
	}
}
