package challenge_test

import (
	"container/heap"
	"time"

	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
	"nearlight/streamer/recovery"
)

// What becomes of a picture on its way, in virtual time. Its packets leave evenly while it is sent, repair packets behind them, as many as streamer/recovery
// gives for the loss that congestion control would find. Each repair packet that comes makes up for one packet of its frame or of the two before that is not
// there (streamer/fec's masks fall a little short of that). What a later packet shows to be missing is asked for at once, and again each round trip, and
// repeated at once, from the second request on twice. A picture has come with the last packet that it wanted, and is shown when those before it are. After
// 350 ms it is given up: it is never shown, nor is what was sent before the edge had been asked a third time, which refers to it.
//
// Left out: that the rate falls with the loss, that the newest packet is sent again where a stream pauses, and that a repair packet protects only some packets.

const (
	patience    = 350 * time.Millisecond // streamer/viewer's
	thirdAsked  = 3
	mostAsked   = 10
	reach       = 3    // frames that a repair packet protects
	octets      = 1158 // of a full packet on the link
	fewOctets   = 120  // of a request, a key or a question
	keyPackets  = 3    // that carry a nonce's keys, up to the last one's
	askedEvery  = 250 * time.Millisecond
	longRepeat  = time.Second // the longest, and on a short way only, time-out of the data channel (streamer/engine.go)
	downward    = 0
	upward      = 1
	directions  = 2
	mostPackets = 64 // of a frame
)

// way is a network between an edge and a checker.
type way struct {
	name  string
	trip  time.Duration // on average
	loss  float64       // as congestion control finds it
	links func(seed uint64) (down, up netsim.Config)
}

// shaky is 12 ms each way and jitter on top of it, and loses what a share says.
func shaky(name string, peak time.Duration, share float64) way {
	const delay = 12 * time.Millisecond
	return way{name: name, trip: 2*delay + peak, loss: share, links: func(seed uint64) (down, up netsim.Config) {
		config := func(direction uint64) netsim.Config {
			c := netsim.Config{Seed: 2*seed + direction, Delay: delay, Jitter: netsim.Jitter{Peak: peak}}
			if share > 0 {
				c.Loss = netsim.Random{Share: share}
			}
			return c
		}
		return config(downward), config(upward)
	}}
}

// named is a network that streams are compared on.
func named(name string, loss float64) way {
	found, err := scenario.Named(name)
	if err != nil {
		panic(err)
	}
	return way{name: name, trip: found[0].RTT, loss: loss, links: found[0].Links}
}

var (
	clean = shaky("clean", 2*time.Millisecond, 0)
	lossy = shaky("1 % loss, 20 ms jitter", 20*time.Millisecond, 0.01)
	ways  = []way{clean, lossy, named("burst", 0.02), named("loss-2", 0.02)}
	// stalls is a way on which an edge cannot be told from the air: see docs/checking.md.
	stalls = named("wifi-stall", 0)
)

// event is something to do at an instant.
type event struct {
	at    time.Duration
	order int
	do    func()
}

type agenda []event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(event)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// carriage carries packets over a way's two links.
type carriage struct {
	now    time.Duration
	agenda agenda
	count  int
	links  [directions]*netsim.Link
	came   [directions]func(id uint64)
	parcel []netsim.Packet
}

func (w way) carriage(seed uint64) *carriage {
	c := &carriage{}
	down, up := w.links(seed)
	for direction, config := range [directions]netsim.Config{down, up} {
		link, err := netsim.NewLink(config)
		if err != nil {
			panic(err)
		}
		c.links[direction] = link
	}
	return c
}

func (c *carriage) at(at time.Duration, do func()) {
	c.count++
	heap.Push(&c.agenda, event{at, c.count, do})
}

func (c *carriage) send(direction, size int, id uint64) {
	c.links[direction].Send(c.now, netsim.Packet{Size: size, ID: id})
}

// run goes on until nothing is left to do or to come.
func (c *carriage) run() {
	for {
		from, at := -1, time.Duration(0)
		for direction, link := range c.links {
			if next, is := link.Next(); is && (from < 0 || next < at) {
				from, at = direction, next
			}
		}
		if len(c.agenda) > 0 && (from < 0 || c.agenda[0].at <= at) {
			e := heap.Pop(&c.agenda).(event)
			c.now = max(c.now, e.at)
			e.do()
			continue
		}
		if from < 0 {
			return
		}
		c.now = max(c.now, at)
		c.parcel = c.links[from].Receive(c.now, c.parcel[:0])
		for _, p := range c.parcel {
			c.came[from](p.ID)
		}
	}
}

// talked is what goes over the data channel: when each nonce was taken, and the round trips of the checker's questions with when they were answered. What is
// lost there is sent again after two round trips (RFC 8985's probe), then after a second each time.
func (w way) talked(seed uint64, sent []time.Duration, length, offset time.Duration) (taken []time.Duration, trips []roundTrip) {
	c := w.carriage(seed)
	const questions = 1 << 32
	arrived := [directions]map[uint64]bool{{}, {}}
	var surely func(direction int, id uint64, again time.Duration)
	surely = func(direction int, id uint64, again time.Duration) {
		c.send(direction, fewOctets, id)
		c.at(c.now+again, func() {
			if !arrived[direction][id] {
				surely(direction, id, longRepeat)
			}
		})
	}
	taken, missing := make([]time.Duration, len(sent)), make([]int, len(sent))
	for i, at := range sent {
		missing[i] = keyPackets
		c.at(at, func() {
			for p := range keyPackets {
				surely(upward, uint64(i*keyPackets+p), 2*w.trip)
			}
		})
	}
	var asked []time.Duration
	for at := offset; at < length; at += askedEvery {
		id := questions + uint64(len(asked))
		asked = append(asked, at)
		c.at(at, func() { surely(upward, id, 2*w.trip) })
	}
	c.came[upward] = func(id uint64) {
		switch {
		case arrived[upward][id]:
		case id >= questions:
			surely(downward, id, 2*w.trip)
		default:
			i := int(id / keyPackets)
			if missing[i]--; missing[i] == 0 {
				taken[i] = c.now
			}
		}
		arrived[upward][id] = true
	}
	c.came[downward] = func(id uint64) {
		if !arrived[downward][id] {
			trips = append(trips, roundTrip{c.now, c.now - asked[id-questions]})
		}
		arrived[downward][id] = true
	}
	c.run()
	for i := 1; i < len(taken); i++ {
		taken[i] = max(taken[i], taken[i-1]) // the channel keeps the order
	}
	return taken, trips
}

// transit is one picture on its way.
type transit struct {
	shot     *shot
	packets  int
	have     [mostPackets]bool
	asked    [mostPackets]int
	missing  int
	arrived  time.Duration
	whole    bool
	missed   time.Duration // when one of its packets was first seen to be missing
	past     time.Duration // when the edge went on without it
	askedFor bool
}

// carried lets a run's pictures go over its way: what is never shown is gone, the rest has the instants at which it came and was shown.
func (r *run) carried() *run {
	c := r.way.carriage(r.seed)
	flights := make([]transit, len(r.shots))
	shots := append([]shot(nil), r.shots...)
	var policy recovery.Protection
	for range 600 { // until it knows
		policy.Observe(r.way.loss)
	}
	const repair = 1 << 32
	next := 0 // the first packet of which nothing is known, as frame*mostPackets+packet
	var ask func(id int)
	ask = func(id int) {
		f, p := &flights[id/mostPackets], id%mostPackets
		if f.have[p] || f.whole || f.asked[p] >= mostAsked || c.now-f.missed > patience {
			return
		}
		f.asked[p]++
		c.send(upward, fewOctets, uint64(id)|uint64(f.asked[p])<<40)
		c.at(c.now+r.way.trip, func() { ask(id) })
	}
	take := func(f *transit, p int) {
		if f.have[p] || f.whole {
			return
		}
		f.have[p] = true
		if f.missing--; f.missing == 0 {
			f.whole, f.arrived = f.missed == 0 || c.now-f.missed <= patience, c.now
		}
	}
	c.came[downward] = func(id uint64) {
		if id >= repair {
			last := int(id - repair)
			for n := max(0, last-reach+1); n <= last; n++ {
				f := &flights[n]
				for p := range f.packets {
					if !f.have[p] && !f.whole {
						take(f, p)
						return
					}
				}
			}
			return
		}
		at := int(id)
		for ; next < at; next++ {
			f, p := &flights[next/mostPackets], next%mostPackets
			if p < f.packets && !f.have[p] {
				if f.missed == 0 {
					f.missed = c.now
				}
				ask(next)
			}
		}
		next = max(next, at+1)
		take(&flights[at/mostPackets], at%mostPackets)
	}
	c.came[upward] = func(id uint64) {
		times, which := int(id>>40), id&(1<<40-1)
		c.send(downward, octets, which)
		if times > 1 {
			c.send(downward, octets, which)
		}
		if f := &flights[which/mostPackets]; times >= thirdAsked && !f.askedFor {
			f.askedFor, f.past = true, c.now
		}
	}
	var leave func(n int)
	leave = func(n int) {
		f := &flights[n]
		f.shot, f.packets, f.missing = &shots[n], r.packets, r.packets
		begun := max(f.shot.left-afterward, c.now)
		for p := range f.packets {
			c.at(begun+afterward*time.Duration(p+1)/time.Duration(f.packets), func() { c.send(downward, octets, uint64(n*mostPackets+p)) })
		}
		repairs := policy.Repairs(recovery.Protected{Packets: r.packets, Together: reach * r.packets}, r.way.trip)
		for range repairs {
			c.at(begun+afterward, func() { c.send(downward, octets, repair+uint64(n)) })
		}
		if n+1 < len(shots) {
			c.at(max(shots[n+1].left-afterward, begun), func() { leave(n + 1) })
		}
	}
	if len(shots) > 0 {
		c.at(max(shots[0].left-afterward, 0), func() { leave(0) })
	}
	c.run()
	out := *r
	out.shots = nil
	without, shown := time.Duration(0), time.Duration(0) // until when pictures refer to one that is lost
	for n := range flights {
		f := &flights[n]
		if !f.whole {
			past := f.past
			if !f.askedFor {
				past = f.missed + patience
			}
			without = max(without, past)
		}
		if !f.whole || f.shot.left < without {
			continue
		}
		shown = max(shown, f.arrived)
		f.shot.arrived, f.shot.shown = f.arrived, shown
		out.shots = append(out.shots, *f.shot)
	}
	return &out
}
