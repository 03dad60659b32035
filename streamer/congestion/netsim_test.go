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

// player is one Nearlight flow over a link: a source of frames, a browser that reports and acknowledges, and retransmission.
type player struct {
	*world
	*link
	c        *Controller
	back     time.Duration // delay of what comes back
	interval time.Duration
	noise    float64
	demand   func(time.Duration) float64       // share of the budget that the application uses; nil for all
	jitter   func() time.Duration              // by how long the receiver's thread is late
	late     func() time.Duration              // by how long the page's thread is late with an acknowledgement
	step     func(time.Duration) time.Duration // what is added to the receiver's clock
	noAcks   bool
	noFill   bool
	skew     float64 // the receiver's clock runs so much too fast
	begin    time.Duration
	stop     time.Duration

	sequence, frame int64
	expected        int64 // transport-wide
	got             map[int64]Report
	highest         int64
	reported        int64
	frames          map[int64]*playedFrame
	whole           int64 // all frames up to here were acknowledged
	threadFree      time.Duration
	pageFree        time.Duration

	log []playedFrame // in the order of their frames
	// rates are the target at each frame.
	rates []sampledRate
}

type sampledRate struct {
	at   time.Duration
	rate float64
}

type playedFrame struct {
	id             int64
	made, complete time.Duration
	bytes, left    int // packets left
	done           bool
	acked          bool
	received       time.Duration
}

func newPlayer(w *world, l *link, config Config) *player {
	return &player{
		world: w, link: l, back: l.delay, interval: time.Second / 60, noise: 0.2,
		c: New(Instant(w.now), config), got: map[int64]Report{}, frames: map[int64]*playedFrame{},
		highest: -1, reported: -1, frame: -1, whole: -1, sequence: -1,
	}
}

const (
	simPacket   = 1200
	simReports  = 62500 * time.Microsecond
	simDecoding = 3 * time.Millisecond
	simEncoding = 2 * time.Millisecond // and up to as much again
)

func (p *player) start(at time.Duration) {
	p.begin = at
	p.at(at, p.tick)
	p.at(at+simReports, p.report)
}

func (p *player) tick() {
	if p.stop > 0 && p.now > p.stop {
		return
	}
	p.after(p.interval, p.tick)
	now := Instant(p.now)
	grant := p.c.Next(now)
	p.rates = append(p.rates, sampledRate{p.now, float64(p.c.Target())})
	if grant.Skip {
		return
	}
	share := 1.0
	if p.demand != nil {
		share = p.demand(p.now)
	}
	if share <= 0 {
		return
	}
	size := share * float64(grant.Budget) * min(max(1+p.noise*p.world.random.NormFloat64(), 0.5), 1.6)
	bytes := max(int(size), 200)
	p.frame++
	id := p.frame
	fill := 0
	if grant.Fill > bytes && !p.noFill {
		fill = grant.Fill - bytes
	}
	encoding := simEncoding + time.Duration(p.world.random.Int64N(int64(simEncoding)))
	p.after(encoding, func() { p.c.FrameProduced(Instant(p.now), bytes) })
	f := &playedFrame{id: id, made: p.now + encoding, bytes: bytes, left: (bytes + simPacket - 1) / simPacket}
	p.frames[id] = f
	pace := max(float64(grant.Pacing), float64(bytes+fill)*8/grant.Spread.Seconds())
	train := max((bytes+fill+grant.Trains-1)/grant.Trains, 2*simPacket)
	sent := 0
	for _, part := range []struct {
		bytes int
		kind  Kind
	}{{bytes, Media}, {fill, Padding}} {
		for left := part.bytes; left > 0; left -= simPacket {
			packet := min(left, simPacket)
			leaves := time.Duration(float64(sent/train*train) * 8 / pace * float64(time.Second))
			sent += packet
			kind := part.kind
			p.after(encoding+leaves, func() { p.packet(id, packet, kind) })
		}
	}
}

func (p *player) packet(frame int64, size int, kind Kind) {
	p.sequence++
	sequence := p.sequence
	p.c.PacketSent(SentPacket{Sequence: sequence, Frame: frame, Size: size, Sent: Instant(p.now), Kind: kind})
	p.link.send(size, func(ce bool) { p.thread(func() { p.arrive(sequence, frame, size, kind, ce) }) }, func() {
		if kind == Padding {
			return
		}
		// The gap is seen when the next packet comes, and asked for.
		p.after(p.link.delay+p.back+10*time.Millisecond, func() { p.packet(frame, size, Retransmission) })
	})
}

// thread runs something on the receiver's thread, which may be late.
func (p *player) thread(do func()) {
	if p.jitter == nil {
		do()
		return
	}
	p.threadFree = max(p.threadFree, p.now+p.jitter())
	p.at(p.threadFree, do)
}

func (p *player) clock() time.Duration {
	clock := 12345*time.Second + p.now + time.Duration(float64(p.now)*p.skew)
	if p.step != nil {
		clock += p.step(p.now)
	}
	return clock
}

func (p *player) arrive(sequence, frame int64, size int, kind Kind, ce bool) {
	arrival := p.clock().Truncate(250 * time.Microsecond)
	p.got[sequence] = Report{Sequence: sequence, Arrived: true, CE: ce, Arrival: arrival}
	p.highest = max(p.highest, sequence)
	f := p.frames[frame]
	if kind == Padding || f == nil || f.done {
		return
	}
	if f.left--; f.left > 0 {
		return
	}
	f.done, f.complete, f.received = true, p.now, p.clock()
	// A decoder takes frames in order.
	for {
		next := p.frames[p.whole+1]
		if next == nil || !next.done {
			return
		}
		p.whole++
		p.log = append(p.log, *next)
		delete(p.frames, next.id)
		if !p.noAcks {
			ack := Ack{Frame: next.id, Received: next.received}
			way := simDecoding + p.back
			if p.late != nil {
				p.pageFree = max(p.pageFree, p.now+p.late())
				way += p.pageFree - p.now
			}
			p.after(way, func() { p.c.Acknowledged(Instant(p.now), ack) })
		}
	}
}

func (p *player) report() {
	p.after(simReports, p.report)
	if p.highest <= p.reported {
		return
	}
	reports := make([]Report, 0, p.highest-p.reported)
	for s := p.reported + 1; s <= p.highest; s++ {
		r, ok := p.got[s]
		if !ok {
			r = Report{Sequence: s}
		}
		delete(p.got, s)
		reports = append(reports, r)
	}
	p.reported = p.highest
	p.after(p.back, func() { p.c.Reported(Instant(p.now), reports) })
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
}

func (b *bulk) start(at time.Duration) {
	b.window, b.lastCut = 10, -time.Second
	b.at(at, b.pump)
}

func (b *bulk) pump() {
	for b.flying+1 <= b.window {
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
