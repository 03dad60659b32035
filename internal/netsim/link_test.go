package netsim_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

func newLink(t testing.TB, config netsim.Config) *netsim.Link {
	t.Helper()
	link, err := netsim.NewLink(config)
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// send gives the link count packets of size octets, one every interval, and returns what comes out within a minute more.
func send(t testing.TB, link *netsim.Link, count, size int, interval time.Duration) []netsim.Packet {
	t.Helper()
	var got []netsim.Packet
	for i := range count {
		now := time.Duration(i) * interval
		link.Send(now, netsim.Packet{Size: size, ID: uint64(i)})
		got = link.Receive(now, got)
	}
	return link.Receive(time.Duration(count)*interval+time.Minute, got)
}

func TestAPacketTakesItsTimeOnTheLinkAndThenTheDelay(t *testing.T) {
	link := newLink(t, netsim.Config{Delay: 20 * time.Millisecond, Rate: netsim.Constant(10 * media.Mbps)})
	link.Send(time.Second, netsim.Packet{Data: make([]byte, 1222)}) // 1250 octets with its headers: 1 ms
	if at, any := link.Next(); !any || at > time.Second+21*time.Millisecond {
		t.Errorf("next at %v, %v", at, any)
	}
	if early := link.Receive(time.Second+21*time.Millisecond-1, nil); len(early) != 0 {
		t.Errorf("it came early: %+v", early)
	}
	got := link.Receive(time.Second+21*time.Millisecond, nil)
	if len(got) != 1 || got[0].Arrived != time.Second+21*time.Millisecond || got[0].Sent != time.Second || len(got[0].Data) != 1222 {
		t.Errorf("got %+v", got)
	}
	if at, any := link.Next(); any {
		t.Errorf("next at %v with nothing under way", at)
	}
}

func TestAZeroLinkIsPerfect(t *testing.T) {
	got := send(t, newLink(t, netsim.Config{}), 100, 1200, 0)
	for i, p := range got {
		if p.ID != uint64(i) || p.Arrived != 0 {
			t.Errorf("packet %d came as %d, at %v", p.ID, i, p.Arrived)
		}
	}
	if len(got) != 100 {
		t.Errorf("%d of 100 packets came", len(got))
	}
}

func TestPacketsKeepTheirDataThoughTheSenderReusesItsOwn(t *testing.T) {
	link := newLink(t, netsim.Config{Delay: time.Millisecond, Duplicate: 1})
	data := []byte("first")
	link.Send(0, netsim.Packet{Data: data, Flow: 7, ECN: netsim.ECT0})
	copy(data, "later")
	link.Send(0, netsim.Packet{Data: data})
	var texts []string
	for _, p := range link.Receive(time.Second, nil) {
		texts = append(texts, fmt.Sprint(string(p.Data), p.Flow, p.ECN))
	}
	if got := strings.Join(texts, ","); got != "first7 2,first7 2,later0 0,later0 0" {
		t.Errorf("got %s", got)
	}
}

func TestRandomLossLosesItsShare(t *testing.T) {
	const count = 200_000
	for _, share := range []float64{0, 0.01, 0.05, 1} {
		link := newLink(t, netsim.Config{Seed: 1, Loss: netsim.Random{Share: share}})
		lost := float64(count - len(send(t, link, count, 100, 0)))
		deviation := math.Sqrt(count * share * (1 - share))
		if math.Abs(lost-count*share) > 5*deviation {
			t.Errorf("%v of %d packets lost, want a share of %v", lost, count, share)
		}
	}
}

func TestBurstLossHasTheShareAndTheBurstsOfItsModel(t *testing.T) {
	const count = 400_000
	model := netsim.GilbertElliott{ToBad: 0.01, ToGood: 0.25, BadPass: 0.1, GoodLoss: 0.001}
	got := send(t, newLink(t, netsim.Config{Seed: 2, Loss: model}), count, 100, 0)
	if share := 1 - float64(len(got))/count; math.Abs(share-model.Share()) > 0.05*model.Share() {
		t.Errorf("share lost %.4f, want %.4f", share, model.Share())
	}
	simple := netsim.GilbertElliott{ToBad: 0.01, ToGood: 0.25}
	got = send(t, newLink(t, netsim.Config{Seed: 3, Loss: simple}), count, 100, 0)
	bursts, lost, last := 0, 0, uint64(0)
	for _, p := range got {
		if gap := int(p.ID - last - 1); gap > 0 && p.ID > 0 {
			bursts++
			lost += gap
		}
		last = p.ID
	}
	if mean := float64(lost) / float64(bursts); math.Abs(mean-4) > 0.2 {
		t.Errorf("a burst is %.2f packets long, want 4", mean)
	}
}

func TestTheFateOfAPacketDoesNotDependOnTheOtherMechanisms(t *testing.T) {
	fates := func(config netsim.Config) []uint64 {
		config.Seed, config.Loss = 9, netsim.Random{Share: 0.1}
		var ids []uint64
		for _, p := range send(t, newLink(t, config), 1000, 1200, time.Millisecond) {
			ids = append(ids, p.ID)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	plain := fates(netsim.Config{})
	busy := fates(netsim.Config{
		Delay: 30 * time.Millisecond, Jitter: netsim.Jitter{Peak: 5 * time.Millisecond}, Duplicate: 0.1,
		Reorder: netsim.Reorder{Share: 0.1}, Rate: netsim.Constant(50 * media.Mbps), Bulk: []netsim.Bulk{{Stop: time.Millisecond}},
	})
	if !slices.Equal(plain, busy) {
		t.Error("the same seed lost other packets")
	}
}

func TestJitterWandersWithinItsPeakAndKeepsTheOrder(t *testing.T) {
	const delay, peak = 10 * time.Millisecond, 6 * time.Millisecond
	got := send(t, newLink(t, netsim.Config{Seed: 4, Delay: delay, Jitter: netsim.Jitter{Peak: peak}}), 20_000, 100, 100*time.Microsecond)
	least, most, sum := time.Hour, time.Duration(0), time.Duration(0)
	for i, p := range got {
		if p.ID != uint64(i) {
			t.Fatalf("packet %d came as %d", p.ID, i)
		}
		took := p.Arrived - p.Sent
		least, most, sum = min(least, took), max(most, took), sum+took
	}
	mean := sum / time.Duration(len(got))
	if least < delay || most > delay+peak || most-least < peak*8/10 || (mean-delay-peak/2).Abs() > peak/8 {
		t.Errorf("between %v and %v, %v on average", least, most, mean)
	}
}

func TestReorderedPacketsAreOvertakenByAsManyAsAsked(t *testing.T) {
	const share, distance = 0.02, 3
	link := newLink(t, netsim.Config{Seed: 5, Delay: time.Millisecond, Reorder: netsim.Reorder{Share: share, Distance: distance}})
	const count = 50_000
	got := send(t, link, count, 100, time.Millisecond)
	late, extents := 0, map[int]int{}
	highest := -1
	for i, p := range got {
		if int(p.ID) < highest {
			late++
			overtaken := 0
			for _, before := range got[max(i-20, 0):i] {
				if before.ID > p.ID {
					overtaken++
				}
			}
			extents[overtaken]++
		}
		highest = max(highest, int(p.ID))
	}
	if len(got) != count || math.Abs(float64(late)/count-share) > 0.005 {
		t.Errorf("%d of %d came, %d late", len(got), count, late)
	}
	// Those held back together overtake each other, so that a few are overtaken by one more or less.
	if extents[distance] < late*9/10 {
		t.Errorf("overtaken by: %v", extents)
	}
	if c := link.Counters(0); c.Reordered != uint64(late) && c.Reordered < uint64(late*9/10) {
		t.Errorf("%d counted, %d late", c.Reordered, late)
	}
}

func TestAPacketIsNotHeldBackForEver(t *testing.T) {
	link := newLink(t, netsim.Config{Reorder: netsim.Reorder{Share: 1}})
	link.Send(0, netsim.Packet{Size: 100})
	at, any := link.Next()
	if got := link.Receive(at, nil); !any || len(got) != 1 || at > 100*time.Millisecond {
		t.Errorf("next at %v, %v: %+v", at, any, got)
	}
}

func TestDuplicatesAreCounted(t *testing.T) {
	link := newLink(t, netsim.Config{Seed: 6, Duplicate: 0.1})
	got := send(t, link, 10_000, 100, 0)
	c := link.Counters(0)
	if len(got) != 10_000+int(c.Duplicated) || c.Duplicated < 900 || c.Duplicated > 1100 {
		t.Errorf("%d came, %d duplicated", len(got), c.Duplicated)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	link := newLink(t, netsim.Config{Delay: time.Hour, MaxPending: 100})
	for range 1000 {
		link.Send(0, netsim.Packet{Size: 100})
	}
	if c := link.Counters(0); c.Pending != 100 || c.LostFull != 900 {
		t.Errorf("%d pending, %d lost", c.Pending, c.LostFull)
	}
}

func TestInstantsNeverGoBack(t *testing.T) {
	link := newLink(t, netsim.Config{})
	link.Send(time.Second, netsim.Packet{Size: 1})
	link.Send(0, netsim.Packet{Size: 1})
	for _, p := range link.Receive(time.Second, nil) {
		if p.Sent != time.Second || p.Arrived != time.Second {
			t.Errorf("got %+v", p)
		}
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for name, config := range map[string]netsim.Config{
		"negative delay":        {Delay: -1},
		"loss above 1":          {Loss: netsim.Random{Share: 1.1}},
		"loss that is NaN":      {Loss: netsim.Random{Share: math.NaN()}},
		"a bad state for ever":  {Loss: netsim.GilbertElliott{ToBad: 1}},
		"rate of 0":             {Rate: netsim.Constant(0)},
		"negative rate":         {Rate: netsim.Constant(-1)},
		"no steps":              {Rate: netsim.Steps{}},
		"steps that begin late": {Rate: netsim.Steps{Steps: []netsim.Step{{At: 1, Rate: 1}}}},
		"steps out of order":    {Rate: netsim.Steps{Steps: []netsim.Step{{Rate: 1}, {At: 2, Rate: 1}, {At: 1, Rate: 1}}}},
		"steps of 0":            {Rate: netsim.Steps{Steps: []netsim.Step{{}}, Period: time.Second}},
		"a short period":        {Rate: netsim.Steps{Steps: []netsim.Step{{Rate: 1}, {At: 2, Rate: 1}}, Period: 2}},
		"an empty trace":        {Rate: &netsim.Trace{}},
		"a negative queue":      {Queue: netsim.DropTail{Octets: -1}},
		"a negative target":     {Queue: netsim.CoDel{Target: -1}},
		"a coupling below 1":    {Queue: netsim.DualPI2{Coupling: 0.5}},
		"bulk without a rate":   {Bulk: []netsim.Bulk{{}}},
		"bulk that stops early": {Rate: netsim.Constant(1), Bulk: []netsim.Bulk{{Start: 2, Stop: 1}}},
		"a far reordering":      {Reorder: netsim.Reorder{Distance: 1 << 30}},
		"negative jitter":       {Jitter: netsim.Jitter{Peak: -1}},
	} {
		if _, err := netsim.NewLink(config); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestSteadyTrafficDoesNotAllocate(t *testing.T) {
	trace := netsim.LTE().Trace(1, 10*time.Second)
	for name, queue := range map[string]netsim.Queue{"drop-tail": netsim.DropTail{Time: 200 * time.Millisecond}, "CoDel": netsim.CoDel{ECN: true}, "DualPI2": netsim.DualPI2{}} {
		link := newLink(t, netsim.Config{
			Seed: 7, Delay: 20 * time.Millisecond, Jitter: netsim.Jitter{Peak: time.Millisecond}, Loss: netsim.GilbertElliott{ToBad: 0.01, ToGood: 0.3},
			Duplicate: 0.01, Reorder: netsim.Reorder{Share: 0.01}, Rate: trace, Queue: queue, Bulk: []netsim.Bulk{{}},
		})
		data := make([]byte, 1200)
		var now time.Duration
		var got []netsim.Packet
		step := func() {
			now += 500 * time.Microsecond
			link.Send(now, netsim.Packet{Data: data, ECN: netsim.ECN(rand.IntN(4))})
			got = link.Receive(now, got[:0])
		}
		for range 100_000 {
			step()
		}
		if allocations := testing.AllocsPerRun(20_000, step); allocations > 0 {
			t.Errorf("%s: %v allocations a packet", name, allocations)
		}
	}
}
