package congestion

import "time"

// player is one Nearlight flow over a link: a source of frames, a browser that reports and acknowledges, and retransmission.
type player struct {
	*world
	*link
	c    *Controller
	back time.Duration // delay of what comes back
	log  []playedFrame // those that arrived whole, in order
	// targets holds the target at each frame that could have been.
	targets []target

	// What differs from one scenario to the next; zero values are the plain case.
	interval time.Duration
	every    time.Duration                     // between reports
	demand   func(time.Duration) float64       // share of the budget that the application uses; nil for all
	jitter   func() time.Duration              // by how long the receiver's thread is late
	late     func() time.Duration              // by how long the page's thread is late with an acknowledgement
	step     func(time.Duration) time.Duration // what is added to the receiver's clock
	refresh  time.Duration                     // the page tells of the newest frame once per refresh of its display; 0 for each frame at once
	skew     float64                           // the receiver's clock runs so much too fast
	grain    time.Duration                     // of the times in reports; 0 for transport-wide feedback's
	alone    time.Duration                     // that a frame's first packet is ahead of the others
	noAcks   bool
	noFill   bool
	shuffle  bool // reports come in any order, late, and some twice

	sequence, frame   int64
	got               map[int64]Report
	highest, reported int64
	again             []Report
	frames            map[int64]*playedFrame
	whole             int64 // all frames up to here arrived
	threadFree        time.Duration
	pageFree          time.Duration
	shown             Ack
}

type target struct {
	at   time.Duration
	rate float64
}

type playedFrame struct {
	id             int64
	made, complete time.Duration // when its first packet left, and when its last came
	bytes, left    int           // packets left
	done           bool
	received       time.Duration // complete on the receiver's clock
}

func newPlayer(w *world, l *link, config Config) *player {
	return &player{
		world: w, link: l, back: l.delay, interval: time.Second / 60, every: simReports,
		c: New(Instant(w.now), config), got: map[int64]Report{}, frames: map[int64]*playedFrame{},
		highest: -1, reported: -1, frame: -1, whole: -1, sequence: -1,
	}
}

const (
	simPacket   = 1200
	simNoise    = 0.2 // standard deviation of a frame's size
	simReports  = 62500 * time.Microsecond
	simDecoding = 3 * time.Millisecond
	simEncoding = 2 * time.Millisecond // and up to as much again
)

func (p *player) start(at time.Duration) {
	p.at(at, p.tick)
	p.at(at+p.every, p.report)
	if p.refresh > 0 {
		p.shown.Frame = -1
		p.at(at, p.show)
	}
}

func (p *player) show() {
	p.after(p.refresh, p.show)
	if ack := p.shown; ack.Frame >= 0 {
		p.shown.Frame = -1
		p.after(simDecoding+p.back, func() { p.c.Acknowledged(Instant(p.now), ack) })
	}
}

func (p *player) tick() {
	p.after(p.interval, p.tick)
	now := Instant(p.now)
	grant := p.c.Next(now)
	p.targets = append(p.targets, target{p.now, float64(p.c.Target())})
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
	size := share * float64(grant.Budget) * min(max(1+simNoise*p.world.random.NormFloat64(), 0.5), 1.6)
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
			if sent > 0 {
				leaves += p.alone
			}
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
	arrival := p.clock().Truncate(max(p.grain, 250*time.Microsecond))
	p.note(Report{Sequence: sequence, Arrived: true, CE: ce, Arrival: arrival})
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
		if p.refresh > 0 {
			p.shown = Ack{Frame: next.id, Received: next.received}
			continue
		}
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

// note remembers an arrival for the next report. What came after it was reported missing is reported again.
func (p *player) note(r Report) {
	if r.Sequence <= p.reported {
		p.again = append(p.again, r)
		return
	}
	p.got[r.Sequence] = r
	p.highest = max(p.highest, r.Sequence)
}

func (p *player) report() {
	p.after(p.every, p.report)
	if p.highest <= p.reported && len(p.again) == 0 {
		return
	}
	reports := p.again
	p.again = nil
	for s := p.reported + 1; s <= p.highest; s++ {
		r, ok := p.got[s]
		if !ok {
			r = Report{Sequence: s}
		}
		delete(p.got, s)
		reports = append(reports, r)
	}
	p.reported = p.highest
	if p.shuffle {
		p.world.random.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		half := len(reports) / 2
		some := func(r []Report) func() { return func() { p.c.Reported(Instant(p.now), r) } }
		for range 2 {
			p.after(p.back+time.Duration(p.world.random.Int64N(int64(200*time.Millisecond))), some(reports[:half]))
			p.after(p.back+time.Duration(p.world.random.Int64N(int64(200*time.Millisecond))), some(reports[half:]))
		}
		return
	}
	p.after(p.back, func() { p.c.Reported(Instant(p.now), reports) })
}
