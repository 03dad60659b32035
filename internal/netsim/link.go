package netsim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Config describes one direction of a path. The zero Config is a perfect one: no delay, no loss, no bottleneck. A packet
// meets, in this order: Loss, Duplicate, the Queue before the bottleneck, the bottleneck of the given Rate, Reorder, and
// Delay with Jitter.
type Config struct {
	// Seed makes the link's chances; the same seed and the same packets give the same outcome.
	Seed uint64

	Delay     time.Duration // one way
	Jitter    Jitter
	Loss      Loss    // nil: none
	Duplicate float64 // share of packets that come twice
	Reorder   Reorder
	Rate      Rate   // nil: no bottleneck
	Queue     Queue  // nil: DropTail{}; without a Rate nothing waits
	Bulk      []Bulk // downloads that share the bottleneck; they need a Rate
	Middlebox Middlebox

	// Headers is how many octets each payload has around it on the link; 0 means DefaultHeaders.
	Headers int
	// MaxPending bounds the packets under way, and with them the memory; 0 means DefaultMaxPending. What is beyond is lost
	// and counted in Counters.LostFull.
	MaxPending int
}

// Defaults of Config.
const (
	DefaultHeaders    = 28      // IPv4 and UDP
	DefaultMaxPending = 1 << 14 // 100 Mbit/s in packets of 1200 octets for 1.5 s
)

// Check says what is wrong with the config.
func (c Config) Check() error {
	if c.Delay < 0 || c.Headers < 0 || c.MaxPending < 0 {
		return errors.New("link: none of Delay, Headers and MaxPending may be negative")
	}
	if len(c.Bulk) > 0 && c.Rate == nil {
		return errors.New("link: a bulk flow fills whatever there is: give the link a Rate")
	}
	checks := []error{c.Jitter.check(), c.Reorder.check(), checkShare("duplication", c.Duplicate)}
	if c.Loss != nil {
		checks = append(checks, c.Loss.check())
	}
	if c.Rate != nil {
		checks = append(checks, c.Rate.check())
	}
	if c.Queue != nil {
		checks = append(checks, c.Queue.check())
	}
	for _, b := range c.Bulk {
		checks = append(checks, b.check())
	}
	if err := errors.Join(checks...); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}

// Link is one direction of a path, as a pure mechanism: packets go in with an instant and come out with an instant. Instants
// are times since the link's beginning, which is where traces and steps begin. What happens inside happens at exact instants
// however often and however late it is asked for.
//
// Instants do not go back, with one exception: a packet may be sent at up to Config.Delay before the latest Receive, for
// nothing of what it changes could have come out by then. An earlier instant counts as the earliest that is allowed.
//
// A Link is not safe for concurrent use.
type Link struct {
	config Config
	now    time.Duration

	loss      lossProcess
	duplicate coin
	reorder   coin
	jitter    *jitter

	queue   queue
	cursor  cursor
	begins  time.Duration // when the next packet is taken from the queue; never while it is empty or one is being carried
	leaves  time.Duration // when the packet that is being carried has passed; never if there is none
	carried Packet

	held        []held
	flight      ring[Packet] // past the bottleneck, in order of arrival
	lastArrival time.Duration

	bulk     []*bulkFlow
	bulkLoss []lossProcess

	buffers  [][]byte // free ones
	lent     [][]byte // those of the packets that Receive handed out
	counters Counters
}

// Each mechanism draws from a sequence of its own, so that one does not change what another does.
const (
	sequenceLoss = 1 + iota
	sequenceDuplicate
	sequenceReorder
	sequenceJitter
	sequenceBulk
)

// NewLink makes a link at its beginning.
func NewLink(config Config) (*Link, error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	if config.Headers == 0 {
		config.Headers = DefaultHeaders
	}
	if config.MaxPending == 0 {
		config.MaxPending = DefaultMaxPending
	}
	if config.Queue == nil {
		config.Queue = DropTail{}
	}
	random := func(sequence uint64) *rand.Rand { return rand.New(rand.NewPCG(config.Seed, sequence)) }
	l := &Link{
		config: config, begins: never, leaves: never,
		loss:      noLoss{},
		duplicate: coin{config.Duplicate, random(sequenceDuplicate)},
		reorder:   coin{config.Reorder.Share, random(sequenceReorder)},
		jitter:    newJitter(config.Jitter, random(sequenceJitter).Uint64()),
	}
	if config.Loss != nil {
		l.loss = config.Loss.lossProcess(random(sequenceLoss))
	}
	if config.Rate != nil {
		l.queue = config.Queue.queue(config.Rate, l.droppedByQueue)
	}
	for i, b := range config.Bulk {
		l.bulk = append(l.bulk, newBulkFlow(b, config.Delay))
		loss := lossProcess(noLoss{})
		if config.Loss != nil {
			loss = config.Loss.lossProcess(random(sequenceBulk + uint64(i)))
		}
		l.bulkLoss = append(l.bulkLoss, loss)
	}
	return l, nil
}

type noLoss struct{}

func (noLoss) lost() bool { return false }

// Send hands the link a packet.
func (l *Link) Send(now time.Duration, p Packet) {
	l.advance(now)
	if p.Size == 0 {
		p.Size = len(p.Data) + l.config.Headers
	}
	p.Sent, p.bulk, p.marked = l.now, 0, false
	l.counters.Sent++
	l.counters.SentOctets += uint64(p.Size)
	if l.loss.lost() || l.config.Middlebox == ECNDropped && p.ECN != NotECT {
		l.counters.LostRandom++
		return
	}
	if l.config.Middlebox == ECNBleached {
		p.ECN = NotECT
	}
	twice := l.duplicate.lost()
	l.admit(p)
	if twice {
		l.counters.Duplicated++
		l.admit(p)
	}
}

// admit takes a packet that is the sender's, with memory of the link's own.
func (l *Link) admit(p Packet) {
	if l.counters.Pending >= uint64(l.config.MaxPending) {
		l.counters.LostFull++
		return
	}
	l.counters.Pending++
	if p.Data != nil {
		var buffer []byte
		if n := len(l.buffers); n > 0 {
			buffer, l.buffers = l.buffers[n-1], l.buffers[:n-1]
		}
		p.Data = append(buffer[:0], p.Data...)
	}
	l.enqueue(p)
}

func (l *Link) enqueue(p Packet) {
	p.entered = l.now
	if l.queue == nil {
		l.leave(p)
		return
	}
	if !l.queue.push(p) {
		l.gone(p, func(f *Flows) *uint64 { return &f.LostQueue })
		return
	}
	if l.begins == never && l.leaves == never {
		l.begins = l.config.Rate.begin(l.cursor, l.now)
	}
}

func (l *Link) droppedByQueue(p Packet) {
	l.gone(p, func(f *Flows) *uint64 { return &f.LostAQM })
}

// gone ends a packet that was admitted.
func (l *Link) gone(p Packet, cause func(*Flows) *uint64) {
	flows := l.flows(&p)
	*cause(flows)++
	flows.Pending--
	l.free(p.Data)
}

func (l *Link) flows(p *Packet) *Flows {
	if p.bulk > 0 {
		return &l.counters.Bulk
	}
	return &l.counters.Flows
}

func (l *Link) free(data []byte) {
	if data != nil {
		l.buffers = append(l.buffers, data)
	}
}

// advance does all that happens up to an instant, in order.
func (l *Link) advance(to time.Duration) {
	for {
		at, what := l.upcoming()
		if what == nil || at > to {
			break
		}
		l.now = max(l.now, at)
		what(l)
	}
	l.now = max(l.now, to)
}

// upcoming returns what happens next inside. At one instant a packet leaves before another begins, so that the bottleneck
// is never idle, and both before a bulk flow sends.
func (l *Link) upcoming() (at time.Duration, what func(*Link)) {
	at = never
	if l.leaves < at {
		at, what = l.leaves, (*Link).carry
	}
	if l.begins < at {
		at, what = l.begins, (*Link).take
	}
	if len(l.held) > 0 && l.held[0].until < at {
		at, what = l.held[0].until, (*Link).release
	}
	for _, flow := range l.bulk {
		if next := flow.next(); next < at {
			at, what = next, (*Link).wakeBulk
		}
	}
	return at, what
}

// take begins to carry the next packet of the queue.
func (l *Link) take() {
	l.begins = never
	p, found := l.queue.pop(l.now)
	if !found {
		return
	}
	if p.marked {
		l.flows(&p).Marked++
	}
	l.counters.QueueDelay.Observe(l.now - p.entered)
	l.cursor, l.leaves = l.config.Rate.finish(l.cursor, l.now, p.Size)
	l.carried = p
}

// carry ends what take began.
func (l *Link) carry() {
	p := l.carried
	l.carried, l.leaves = Packet{}, never
	l.counters.Carried += int64(p.Size)
	if l.queue.len() > 0 {
		l.begins = l.config.Rate.begin(l.cursor, l.now)
	}
	l.leave(p)
}

// leave takes a packet from the bottleneck's exit on.
func (l *Link) leave(p Packet) {
	if p.bulk > 0 {
		l.counters.Bulk.Pending--
		l.counters.Bulk.Delivered++
		l.counters.Bulk.DeliveredOctets += uint64(p.Size)
		l.bulk[p.bulk-1].arrived(p.ID, l.now+l.config.Delay+l.jitter.at(l.now))
		return
	}
	if l.reorder.lost() {
		l.held = append(l.held, held{p, max(l.config.Reorder.Distance, 1), l.now + reorderPatience})
		return
	}
	l.fly(p)
	kept := l.held[:0]
	for _, h := range l.held {
		if h.missing--; h.missing > 0 {
			kept = append(kept, h)
			continue
		}
		l.counters.Reordered++
		l.fly(h.packet)
	}
	clear(l.held[len(kept):])
	l.held = kept
}

// release lets the packet go that was held back for longest.
func (l *Link) release() {
	p := l.held[0].packet
	n := copy(l.held, l.held[1:])
	l.held[n] = held{}
	l.held = l.held[:n]
	l.fly(p)
}

func (l *Link) fly(p Packet) {
	l.lastArrival = max(l.lastArrival, l.now+l.config.Delay+l.jitter.at(l.now))
	p.Arrived = l.lastArrival
	l.flight.push(p)
}

// wakeBulk lets the downloads do what is due.
func (l *Link) wakeBulk() {
	for i, flow := range l.bulk {
		if flow.next() > l.now {
			continue
		}
		flow.wake(l.now)
		for flow.mayOpen(l.now) {
			p := Packet{Size: flow.Segment, ID: flow.open(l.now), Sent: l.now, bulk: i + 1}
			l.counters.Bulk.Sent++
			l.counters.Bulk.SentOctets += uint64(p.Size)
			if l.bulkLoss[i].lost() {
				l.counters.Bulk.LostRandom++
				continue
			}
			l.counters.Bulk.Pending++
			l.enqueue(p)
		}
	}
}

// Receive appends to into the packets that have arrived by now and were not handed out before, in order of arrival. Their Data
// is the link's, and valid until the next Receive.
func (l *Link) Receive(now time.Duration, into []Packet) []Packet {
	l.buffers = append(l.buffers, l.lent...)
	clear(l.lent)
	l.lent = l.lent[:0]
	l.advance(now - l.config.Delay)
	for l.flight.count > 0 && l.flight.at(0).Arrived <= now {
		p := l.flight.pop()
		l.counters.Pending--
		l.counters.Delivered++
		l.counters.DeliveredOctets += uint64(p.Size)
		if p.Data != nil {
			l.lent = append(l.lent, p.Data)
		}
		into = append(into, p)
	}
	return into
}

// Next returns when to call Receive next: at no earlier instant does it have anything to hand out unless something is sent
// in between. It may be somewhat early, and is false when nothing is under way.
func (l *Link) Next() (time.Duration, bool) {
	at := never
	if l.flight.count > 0 {
		at = l.flight.at(0).Arrived
	}
	for _, inside := range []time.Duration{l.leaves, l.begins} {
		if inside < never-l.config.Delay {
			at = min(at, inside+l.config.Delay)
		}
	}
	if len(l.held) > 0 {
		at = min(at, l.held[0].until+l.config.Delay)
	}
	return at, at != never
}

// Counters returns what the link has seen up to now.
func (l *Link) Counters(now time.Duration) Counters {
	l.advance(now)
	c := l.counters
	c.At = l.now
	if l.config.Rate != nil {
		c.Capacity = l.config.Rate.octets(l.now)
	}
	return c
}
