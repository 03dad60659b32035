package congestion

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"
)

// world is a deterministic simulator: events in the order of their time, and of their making.
type world struct {
	now    time.Duration
	queue  events
	made   int
	random *rand.Rand
	pass   func(time.Duration) // where something lives by another clock; nil where nothing does
}

type event struct {
	at   time.Duration
	made int
	do   func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].made < e[j].made
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWorld(seed uint64) *world { return &world{random: rand.New(rand.NewPCG(seed, 1))} }

func (w *world) at(at time.Duration, do func()) {
	w.made++
	heap.Push(&w.queue, event{max(at, w.now), w.made, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

func (w *world) run(until time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= until {
		e := heap.Pop(&w.queue).(event)
		if w.pass != nil && e.at > w.now {
			w.pass(e.at - w.now)
		}
		w.now = e.at
		e.do()
	}
	w.now = until
}

// link is a queue that drops what does not fit, a rate that may change with time, and a delay. Zero bits per second is a pause.
type link struct {
	*world
	rate    func(time.Duration) float64
	limit   int           // bytes that fit
	delay   time.Duration // one way
	random  float64       // share lost behind the queue
	mark    int           // queued bytes from which packets are marked; 0 for never
	queued  int
	waiting []crossing
	busy    bool
	dropped int
	other   func(size int, arrived func(ce bool), lost func()) // another link in its place; nil for none

	police float64 // bits per second that pass; the rest is dropped without any delay
	tokens float64 // bytes
	refill time.Duration
}

type crossing struct {
	size    int
	arrived func(ce bool)
	lost    func()
	ce      bool
}

func constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

func (l *link) send(size int, arrived func(ce bool), lost func()) {
	if l.other != nil {
		l.other(size, arrived, lost)
		return
	}
	excessive := false
	if l.police > 0 {
		l.tokens = min(l.tokens+l.police/8*(l.now-l.refill).Seconds(), l.police/8*0.03)
		l.refill = l.now
		excessive = l.tokens < float64(size)
		if !excessive {
			l.tokens -= float64(size)
		}
	}
	if excessive || l.queued+size > l.limit {
		l.dropped++
		if lost != nil {
			lost()
		}
		return
	}
	l.queued += size
	l.waiting = append(l.waiting, crossing{size, arrived, lost, l.mark > 0 && l.queued > l.mark})
	if !l.busy {
		l.busy = true
		l.serve(float64(l.waiting[0].size) * 8)
	}
}

// serve sends what is left of the first packet, a millisecond of the rate at a time.
func (l *link) serve(bits float64) {
	const step = time.Millisecond
	rate := l.rate(l.now)
	if bits > rate*step.Seconds() {
		l.after(step, func() { l.serve(bits - rate*step.Seconds()) })
		return
	}
	l.after(time.Duration(bits/rate*float64(time.Second)), func() {
		p := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.queued -= p.size
		if l.random > 0 && l.world.random.Float64() < l.random {
			if p.lost != nil {
				p.lost()
			}
		} else {
			l.after(l.delay, func() { p.arrived(p.ce) })
		}
		if len(l.waiting) == 0 {
			l.busy = false
			return
		}
		l.serve(float64(l.waiting[0].size) * 8)
	})
}

// bulk is a download by a sender like CUBIC (RFC 9438): a window that grows until a packet is dropped.
type bulk struct {
	*world
	*link
	window, most, flying float64
	back                 time.Duration
	epoch, lastCut       time.Duration
	started              bool
	delivered            int
	over                 bool // it has nothing more to send
}

func (b *bulk) start(at time.Duration) {
	b.window, b.lastCut = 10, -time.Second
	b.at(at, b.pump)
}

func (b *bulk) pump() {
	for !b.over && b.flying+1 <= b.window {
		b.flying++
		sent := b.now
		b.link.send(1500, func(bool) {
			b.after(b.back, func() {
				b.flying--
				b.delivered += 1500
				b.grow()
				b.pump()
			})
		}, func() {
			wait := time.Duration(float64(b.queued) * 8 / max(b.rate(b.now), 1e5) * float64(time.Second))
			b.after(wait+b.link.delay+b.back, func() {
				b.flying--
				if sent > b.lastCut {
					b.lastCut, b.epoch, b.most, b.started = b.now, b.now, b.window, true
					b.window = max(b.window*0.7, 2)
				}
				b.pump()
			})
		})
	}
}

func (b *bulk) grow() {
	if !b.started {
		b.window++
		return
	}
	t := (b.now - b.epoch).Seconds()
	k := math.Cbrt(b.most * 0.3 / 0.4)
	target := 0.4*math.Pow(t-k, 3) + b.most
	if target > b.window {
		b.window += min((target-b.window)/b.window, 0.5)
	} else {
		b.window += 0.01 / b.window
	}
}
