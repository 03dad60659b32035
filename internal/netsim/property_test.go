package netsim_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

type arrival struct {
	at time.Duration
	p  netsim.Packet
}

func drawRate(t *rapid.T) netsim.Rate {
	switch rapid.IntRange(0, 3).Draw(t, "rate") {
	case 0:
		return nil
	case 1:
		return netsim.Constant(rapid.Int64Range(100_000, 100_000_000).Draw(t, "bit/s"))
	case 2:
		steps := netsim.Steps{Steps: []netsim.Step{{Rate: media.Bitrate(rapid.Int64Range(1_000_000, 50_000_000).Draw(t, "first"))}}, Period: 400 * ms}
		for at := range rapid.IntRange(0, 3).Draw(t, "steps") {
			steps.Steps = append(steps.Steps, netsim.Step{At: time.Duration(at+1) * 100 * ms, Rate: media.Bitrate(rapid.Int64Range(0, 20_000_000).Draw(t, "step"))})
		}
		return steps
	default:
		at := rapid.SliceOfN(rapid.Uint32Range(0, 300), 1, 100).Draw(t, "opportunities")
		slices.Sort(at)
		made, err := netsim.NewTrace(append(at, 301))
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

func drawQueue(t *rapid.T) netsim.Queue {
	octets := rapid.IntRange(3000, 200_000).Draw(t, "octets")
	switch rapid.IntRange(0, 3).Draw(t, "queue") {
	case 0:
		return netsim.DropTail{Octets: octets}
	case 1:
		return netsim.DropTail{Octets: octets, Time: time.Duration(rapid.IntRange(10, 300).Draw(t, "time")) * ms}
	case 2:
		return netsim.CoDel{Octets: octets, ECN: rapid.Bool().Draw(t, "ECN")}
	default:
		return netsim.DualPI2{Octets: octets}
	}
}

func drawConfig(t *rapid.T) netsim.Config {
	share := func(name string) float64 { return rapid.SampledFrom([]float64{0, 0, 0.01, 0.2}).Draw(t, name) }
	config := netsim.Config{
		Seed:      rapid.Uint64().Draw(t, "seed"),
		Delay:     time.Duration(rapid.IntRange(0, 100).Draw(t, "delay")) * ms,
		Jitter:    netsim.Jitter{Peak: time.Duration(rapid.IntRange(0, 20).Draw(t, "jitter")) * ms},
		Duplicate: share("duplicate"),
		Reorder:   netsim.Reorder{Share: share("reorder"), Distance: rapid.IntRange(0, 5).Draw(t, "distance")},
		Rate:      drawRate(t), Queue: drawQueue(t),
	}
	if rapid.Bool().Draw(t, "bursts") {
		config.Loss = netsim.GilbertElliott{ToBad: share("p"), ToGood: 0.3}
	} else {
		config.Loss = netsim.Random{Share: share("loss")}
	}
	if config.Rate != nil && rapid.Bool().Draw(t, "bulk") {
		config.Bulk = []netsim.Bulk{{Start: 50 * ms, Stop: time.Second}}
	}
	return config
}

// drawArrivals draws a few packets one by one, which a failure can be boiled down to, or many from a seed, which load the link.
func drawArrivals(t *rapid.T) []arrival {
	var all []arrival
	now := time.Duration(0)
	add := func(gap time.Duration, size int) {
		now += gap
		p := netsim.Packet{Size: size, ID: uint64(len(all)), ECN: netsim.ECN(size % 4), Flow: size}
		all = append(all, arrival{now, p})
	}
	if rapid.Bool().Draw(t, "few") {
		count := rapid.IntRange(1, 50).Draw(t, "count")
		gaps := rapid.SliceOfN(rapid.IntRange(0, 6000), count, count).Draw(t, "gaps")
		for i, size := range rapid.SliceOfN(rapid.IntRange(1, 1500), count, count).Draw(t, "sizes") {
			add(time.Duration(gaps[i])*time.Microsecond, size)
		}
		return all
	}
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "arrivals"), 0))
	mean := float64(rapid.IntRange(50, 5000).Draw(t, "gap")) * 1000
	for range 1000 {
		gap := random.ExpFloat64() * mean
		if random.IntN(4) > 0 { // in bursts, as frames come
			gap = 0
		}
		add(time.Duration(gap), 1+random.IntN(1500))
	}
	return all
}

// asking is how often a link is asked for what has come out, besides at the end.
type asking int

const (
	lazy  asking = iota // never
	eager               // at every instant that the link names
	late                // as late as a packet may still be sent afterwards
)

// play returns what comes out.
func play(t *rapid.T, config netsim.Config, packets []arrival, how asking) ([]netsim.Packet, *netsim.Link) {
	link, err := netsim.NewLink(config)
	if err != nil {
		t.Fatal(err)
	}
	var got []netsim.Packet
	for _, a := range packets {
		switch how {
		case late:
			got = link.Receive(a.at+config.Delay, got)
		case eager:
			for at, any := link.Next(); any && at < a.at; at, any = link.Next() {
				before := len(got)
				got = link.Receive(at, got)
				if next, _ := link.Next(); next <= at && len(got) == before {
					t.Fatalf("the link named %v twice, with nothing to hand out", at)
				}
			}
		}
		link.Send(a.at, a.p)
	}
	return got, link
}

const longAfter = 10 * time.Minute

func TestWhatGoesInComesOutOrIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config, packets := drawConfig(t), drawArrivals(t)
		got, link := play(t, config, packets, rapid.SampledFrom([]asking{lazy, eager, late}).Draw(t, "asking"))
		check := func(c netsim.Counters) {
			if in, out := c.Sent+c.Duplicated, c.Delivered+c.LostRandom+c.LostQueue+c.LostAQM+c.LostFull+c.Pending; in != out {
				t.Fatalf("in %d, out %d: %+v", in, out, c.Flows)
			}
			if b := c.Bulk; b.Sent != b.Delivered+b.LostRandom+b.LostQueue+b.LostAQM+b.Pending {
				t.Fatalf("bulk: %+v", b)
			}
			if config.Rate != nil && c.Carried > c.Capacity {
				t.Fatalf("%d octets carried where %d could be", c.Carried, c.Capacity)
			}
		}
		check(link.Counters(0))
		got = link.Receive(longAfter, got)
		c := link.Counters(0)
		check(c)
		if uint64(len(got)) != c.Delivered || c.Pending != 0 {
			t.Fatalf("%d came, %d delivered, %d pending", len(got), c.Delivered, c.Pending)
		}
		seen := map[uint64]int{}
		for i, p := range got {
			sent := packets[p.ID]
			if p.Arrived < sent.at+config.Delay {
				t.Fatalf("packet %d took %v, less than the delay of %v", p.ID, p.Arrived-sent.at, config.Delay)
			}
			if p.Size != sent.p.Size || p.Flow != sent.p.Flow || p.Sent != sent.at || (p.ECN != sent.p.ECN && (p.ECN != netsim.CE || sent.p.ECN == netsim.NotECT)) {
				t.Fatalf("packet %d changed: %+v", p.ID, p)
			}
			if i > 0 && p.Arrived < got[i-1].Arrived {
				t.Fatalf("packet %d was handed out after a later one", p.ID)
			}
			if seen[p.ID]++; seen[p.ID] > 2 {
				t.Fatalf("packet %d came three times", p.ID)
			}
		}
	})
}

func TestTheOrderIsKeptUnlessAskedOtherwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config, packets := drawConfig(t), drawArrivals(t)
		config.Reorder = netsim.Reorder{}
		if _, dual := config.Queue.(netsim.DualPI2); dual {
			config.Queue = nil // two queues: each keeps its order
		}
		got, link := play(t, config, packets, lazy)
		got = link.Receive(longAfter, got)
		if !slices.IsSortedFunc(got, func(a, b netsim.Packet) int { return int(a.ID) - int(b.ID) }) {
			t.Fatal("order was not kept")
		}
	})
}

func TestAskingMoreOftenChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config, packets := drawConfig(t), drawArrivals(t)
		outcome := func(how asking) ([]netsim.Packet, netsim.Flows) {
			got, link := play(t, config, packets, how)
			got = link.Receive(longAfter, got)
			return got, link.Counters(0).Flows
		}
		want, wantCounters := outcome(lazy)
		same := func(a, b netsim.Packet) bool {
			return a.ID == b.ID && a.Sent == b.Sent && a.Arrived == b.Arrived && a.ECN == b.ECN
		}
		for _, how := range []asking{eager, late} {
			if got, counters := outcome(how); !slices.EqualFunc(got, want, same) || counters != wantCounters {
				t.Fatalf("asking %d: %d and %d packets, %+v and %+v", how, len(got), len(want), counters, wantCounters)
			}
		}
	})
}

// In any window no more leaves than the rate allows, and one packet: the one that was under way when the window began.
func TestNoWindowExceedsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := media.Bitrate(rapid.Int64Range(100_000, 100_000_000).Draw(t, "bit/s"))
		config := netsim.Config{Rate: netsim.Constant(rate), Queue: drawQueue(t)}
		got, link := play(t, config, drawArrivals(t), lazy)
		got = link.Receive(longAfter, got)
		for first := range got {
			octets := 0
			for _, p := range got[first:] {
				octets += p.Size
				window := p.Arrived - got[first].Arrived
				if allowed := window.Seconds()*float64(rate)/8 + float64(got[first].Size) + 1; float64(octets) > allowed {
					t.Fatalf("%d octets in %v at %v, %.0f allowed", octets, window, rate, allowed)
				}
			}
		}
	})
}

func TestNoWindowExceedsATrace(t *testing.T) {
	made := netsim.LTE().Trace(5, 10*time.Second)
	link := newLink(t, netsim.Config{Rate: made})
	var got []netsim.Packet
	for i := range 40_000 {
		now := time.Duration(i) * 250 * time.Microsecond
		link.Send(now, netsim.Packet{Size: 1200})
		got = link.Receive(now, got)
	}
	octets := map[time.Duration]int{}
	for _, p := range got {
		if p.Arrived%time.Millisecond != 0 {
			t.Fatalf("out at %v, between two opportunities", p.Arrived)
		}
		octets[p.Arrived] += p.Size
	}
	if c := link.Counters(0); c.Carried > c.Capacity || c.Utilisation() < 0.99 {
		t.Errorf("%d octets of %d", c.Carried, c.Capacity)
	}
}

func TestTheQueueHoldsNoMoreThanItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 1000
		octets := rapid.IntRange(2000, 50_000).Draw(t, "octets")
		queue := rapid.SampledFrom([]netsim.Queue{netsim.DropTail{Octets: octets}, netsim.CoDel{Octets: octets}, netsim.DualPI2{Octets: octets}}).Draw(t, "queue")
		rate := media.Bitrate(rapid.Int64Range(100_000, 10_000_000).Draw(t, "bit/s"))
		link, err := netsim.NewLink(netsim.Config{Rate: netsim.Constant(rate), Queue: queue})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range drawArrivals(t) {
			link.Send(a.at, netsim.Packet{Size: size})
			link.Receive(a.at, nil)
			// All that is under way waits, but for the one that is being carried.
			if waiting := (int(link.Counters(a.at).Pending) - 1) * size; waiting > octets {
				t.Fatalf("%d octets wait, the bound is %d", waiting, octets)
			}
		}
	})
}
