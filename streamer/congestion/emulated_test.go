package congestion

import (
	"math"
	"slices"
	"testing"
	"time"

	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
	"nearlight/streamer/recovery"
)

// carrier is one direction of an emulated path (internal/netsim) in a world's time.
type carrier struct {
	*world
	link    *netsim.Link
	arrived []func(netsim.Packet) // by the packet's flow
	got     []netsim.Packet
	due     time.Duration // when to look next; 0 for never
}

func newCarrier(t testing.TB, w *world, config netsim.Config) *carrier {
	t.Helper()
	link, err := netsim.NewLink(config)
	if err != nil {
		t.Fatal(err)
	}
	return &carrier{world: w, link: link}
}

func (c *carrier) send(p netsim.Packet) {
	c.link.Send(c.now, p)
	c.wake()
}

// wake looks again when something can have come.
func (c *carrier) wake() {
	next, is := c.link.Next()
	if !is || c.due != 0 && c.due <= next {
		return
	}
	c.due = next
	c.at(next, func() {
		if c.due == next {
			c.due = 0
			c.receive()
		}
	})
}

func (c *carrier) receive() {
	c.got = c.link.Receive(c.now, c.got[:0])
	for _, p := range c.got {
		c.arrived[p.Flow](p)
	}
	c.wake()
}

// What the stream around the controller is like: an encoder such as x264, and a player such as streamer/viewer. Sizes and times are
// those that were measured of `bench net`.
const (
	emulatedPayload  = 1130
	emulatedHeaders  = 42 // RTP's, with extensions
	emulatedBelow    = 38 // SRTP's tag, UDP's and IP's
	emulatedEncoding = 2500 * time.Microsecond
	emulatedShowing  = 2 * time.Millisecond // from the last packet to the acknowledgement
	emulatedReports  = 100 * time.Millisecond
	emulatedGiveUp   = 350 * time.Millisecond // a packet that is missing for longer is not waited for
	emulatedAsking   = 10 * time.Millisecond  // later than a round trip, a packet is asked for again
	// sizeAim and sizeScatter are an encoder's mean and standard deviation in shares of the budget; it rarely exceeds it.
	sizeAim, sizeScatter, sizeMost = 0.955, 0.042, 1.02
	// sizeStep is by how much the target has to differ from the rate that the encoder has before that changes.
	sizeStep        = 0.03
	emulatedCeiling = 20 * mbps
	// trainOctets may leave at once after a pause, whatever the pace.
	trainOctets = 10 << 10
)

// driver is what decides how much a flow sends: *Controller, or another to compare with.
type driver interface {
	Next(Instant) Grant
	Target() Bitrate
	FrameProduced(Instant, int)
	PacketSent(SentPacket)
	Reported(Instant, []Report)
	Acknowledged(Instant, Ack)
	Figures(Instant) Figures
}

var _ driver = (*Controller)(nil)

// flow is one stream over an emulated path: the controller, what it drives, and the player.
type flow struct {
	*world
	c        driver
	number   int
	down, up *carrier
	trip     time.Duration

	rate     float64 // that the encoder has
	sequence int64
	seen     Instant // when the pacer is free
	packets  map[int64]*emulatedPacket
	log      []emulatedFrame
	targets  []target

	// The player.
	expected int64            // first media packet that has not come, by index
	index    int64            // of the next media packet to be sent
	media    []emulatedPacket // by index
	have     map[int64]bool
	missing  map[int64]*asked
	newest   int64
	reports  map[int64]time.Duration
	reported int64
	highest  int64
	upward   []func() // what was said, until it is heard
}

type emulatedPacket struct {
	frame, index int64
	size         int
	kind         Kind
	ends         bool // its frame
	first, last  time.Duration
	asked        time.Duration
	repeats      int
}

type emulatedFrame struct {
	captured, encoded, last, decodable time.Duration
	bytes                              int
	lost                               bool
	begins                             int64 // index of its first packet
	ends                               int64
}

// asked is a packet that the player misses.
type asked struct{ since, last time.Duration }

func newFlow(w *world, number int, down, up *carrier, trip time.Duration, c driver) *flow {
	f := &flow{
		world: w, c: c, number: number, down: down, up: up, trip: trip,
		packets: map[int64]*emulatedPacket{}, have: map[int64]bool{}, missing: map[int64]*asked{}, newest: -1,
		reports: map[int64]time.Duration{}, highest: -1, reported: -1,
	}
	down.arrived = append(down.arrived, f.arrive)
	up.arrived = append(up.arrived, func(p netsim.Packet) { f.heard(p) })
	return f
}

func (f *flow) start(at time.Duration) {
	f.at(at, f.tick)
	f.at(at+emulatedReports, f.report)
	f.at(at+5*time.Millisecond, f.ask)
}

// tick is one picture of the source.
func (f *flow) tick() {
	f.after(time.Second/60, f.tick)
	captured := f.now
	grant := f.c.Next(Instant(f.now))
	aimed := float64(f.c.Target())
	f.targets = append(f.targets, target{at: f.now, rate: aimed})
	if grant.Skip {
		return
	}
	if off := aimed/max(f.rate, 1) - 1; off > sizeStep || off < -sizeStep {
		f.rate = aimed
	}
	share := f.rate / 8 / 60
	budget := share
	if grant.Budget > 0 && float64(grant.Budget) < 0.9*share {
		budget = 0.9 * float64(grant.Budget)
	}
	size := budget * min(sizeAim+sizeScatter*f.random.NormFloat64(), sizeMost)
	payload := max(int(size)*emulatedPayload/(emulatedPayload+emulatedHeaders), 450)
	encoding := emulatedEncoding + time.Duration(f.random.ExpFloat64()*float64(150*time.Microsecond))
	f.after(encoding, func() { f.send(captured, payload, grant) })
}

func (f *flow) send(captured time.Duration, payload int, grant Grant) {
	id := int64(len(f.log))
	frame := emulatedFrame{captured: captured, encoded: f.now, begins: f.index}
	fill := max(grant.Fill-payload, 0)
	type piece struct {
		size int
		kind Kind
	}
	var pieces []piece
	for left := payload; left > 0; left -= emulatedPayload {
		size := min(left, emulatedPayload) + emulatedHeaders
		pieces = append(pieces, piece{size, Media})
		frame.bytes += size
	}
	for left := fill; left > 0; left -= emulatedPayload {
		pieces = append(pieces, piece{min(left, emulatedPayload) + emulatedHeaders, Padding})
	}
	f.c.FrameProduced(Instant(f.now), frame.bytes)
	pace := math.Inf(1) // all at once
	if grant.Spread > 0 {
		pace = max(float64(grant.Pacing), float64(frame.bytes+fill)*8/grant.Spread.Seconds())
	}
	took := func(octets int) time.Duration {
		return time.Duration(float64(octets) * 8 / pace * float64(time.Second))
	}
	f.seen = max(f.seen, Instant(f.now-took(trainOctets)))
	for i, p := range pieces {
		at := max(time.Duration(f.seen), f.now)
		at = f.now + (at - f.now).Truncate(time.Millisecond) // a train leaves together
		f.seen += Instant(took(p.size))
		var index int64 = -1
		if p.kind == Media {
			index = f.index
			f.index++
			ends := i+1 == len(pieces) || pieces[i+1].kind != Media
			f.media = append(f.media, emulatedPacket{frame: id, index: index, size: p.size, kind: Media, ends: ends})
		}
		f.at(at, func() {
			f.put(&emulatedPacket{frame: id, index: index, size: p.size, kind: p.kind})
		})
	}
	frame.ends = f.index
	f.log = append(f.log, frame)
}

// put hands a packet to the link.
func (f *flow) put(p *emulatedPacket) {
	sequence := f.sequence
	f.sequence++
	f.packets[sequence] = p
	if p.index >= 0 {
		m := &f.media[p.index]
		m.last = f.now
		if m.first == 0 {
			m.first = f.now
		}
	}
	f.c.PacketSent(SentPacket{Sequence: sequence, Frame: p.frame, Size: p.size, Sent: Instant(f.now), Kind: p.kind})
	f.down.send(netsim.Packet{Size: p.size + emulatedBelow, Flow: f.number, ID: uint64(sequence)})
}

// arrive is the player's thread that reads.
func (f *flow) arrive(sent netsim.Packet) {
	sequence := int64(sent.ID)
	f.reports[sequence] = f.now
	f.highest = max(f.highest, sequence)
	p := f.packets[sequence]
	if p.index < 0 || p.index < f.expected || f.have[p.index] {
		return
	}
	f.have[p.index] = true
	f.log[p.frame].last = f.now
	delete(f.missing, p.index)
	for i := max(f.newest+1, f.expected); i < p.index; i++ {
		if !f.have[i] && f.missing[i] == nil {
			f.missing[i] = &asked{since: f.now}
		}
	}
	f.newest = max(f.newest, p.index)
	f.advance()
}

// advance makes frames decodable in order.
func (f *flow) advance() {
	for f.have[f.expected] || f.givenUp(f.expected) {
		delete(f.have, f.expected)
		m := &f.media[f.expected]
		f.expected++
		frame := &f.log[m.frame]
		if !m.ends || frame.lost {
			continue
		}
		frame.decodable = f.now
		id, received := m.frame, frame.last
		showing := emulatedShowing + time.Duration(f.random.ExpFloat64()*float64(700*time.Microsecond))
		if f.random.Float64() < 0.01 {
			showing += time.Duration(f.random.Int64N(int64(15 * time.Millisecond))) // a thread that is late at times
		}
		f.after(showing, func() { f.say(func() { f.c.Acknowledged(Instant(f.now), Ack{Frame: id, Received: received}) }) })
	}
}

// givenUp forgets a frame that misses a packet for too long.
func (f *flow) givenUp(index int64) bool {
	miss := f.missing[index]
	if miss == nil || f.now-miss.since < emulatedGiveUp {
		return false
	}
	frame := &f.log[f.media[index].frame]
	frame.lost = true
	for i := frame.begins; i < frame.ends; i++ {
		delete(f.missing, i)
		f.have[i] = true
	}
	return true
}

// say sends something back over the other direction, which may lose it.
func (f *flow) say(do func()) {
	f.upward = append(f.upward, do)
	f.up.send(netsim.Packet{Size: 100, Flow: f.number, ID: uint64(len(f.upward) - 1)})
}

func (f *flow) heard(p netsim.Packet) {
	do := f.upward[p.ID]
	f.upward[p.ID] = nil
	if do != nil {
		do()
	}
}

// report is transport-wide feedback, which pion sends ten times a second.
func (f *flow) report() {
	f.after(emulatedReports, f.report)
	if f.highest <= f.reported {
		return
	}
	var reports []Report
	for s := f.reported + 1; s <= f.highest; s++ {
		arrival, arrived := f.reports[s]
		delete(f.reports, s)
		reports = append(reports, Report{Sequence: s, Arrived: arrived, Arrival: arrival.Truncate(250 * time.Microsecond)})
	}
	f.reported = f.highest
	f.say(func() { f.c.Reported(Instant(f.now), reports) })
}

// ask asks for what is missing, as libwebrtc does.
func (f *flow) ask() {
	f.after(5*time.Millisecond, f.ask)
	f.advance()
	var wanted []int64
	for index, miss := range f.missing {
		if miss.last == 0 || f.now-miss.last >= f.trip+emulatedAsking {
			miss.last = f.now
			wanted = append(wanted, index)
		}
	}
	if len(wanted) == 0 {
		return
	}
	slices.Sort(wanted)
	f.say(func() { f.again(wanted) })
}

// again sends what was asked for, as streamer does.
func (f *flow) again(wanted []int64) {
	if recovery.TooMuch(len(wanted)*emulatedPayload, int64(f.c.Target())) {
		for _, index := range wanted {
			f.log[f.media[index].frame].lost = true // the stream goes on without it
		}
		return
	}
	for _, index := range wanted {
		m := &f.media[index]
		if m.asked == 0 {
			m.asked = f.now
		}
		verdict := recovery.Judge(recovery.Packet{Waited: f.now - m.asked, Since: f.now - m.last, Repeats: m.repeats}, f.trip)
		for range verdict.Copies {
			m.repeats++
			f.put(&emulatedPacket{frame: m.frame, index: index, size: m.size, kind: Retransmission})
		}
	}
}

// emulate runs a scenario's flows for some time, of which settle does not count. Each flow has a driver of its own.
func emulate(t testing.TB, w *world, s scenario.Scenario, seed uint64, settle, length time.Duration, drive func() driver) (flows []*flow, before, after netsim.Counters) {
	t.Helper()
	toPlayer, back := s.Links(seed)
	down, up := newCarrier(t, w, toPlayer), newCarrier(t, w, back)
	for n := range s.Flows {
		f := newFlow(w, n, down, up, s.RTT, drive())
		f.start(time.Duration(seed%17)*time.Millisecond + time.Duration(n)*7*time.Millisecond)
		flows = append(flows, f)
	}
	w.run(settle)
	before = down.link.Counters(w.now)
	w.run(length)
	return flows, before, down.link.Counters(w.now)
}

// emulateOurs runs a scenario's flows with our controller.
func emulateOurs(t testing.TB, s scenario.Scenario, seed uint64, length time.Duration) (flows []*flow, before, after netsim.Counters) {
	t.Helper()
	return emulate(t, newWorld(seed), s, seed, emulatedSettle, length, func() driver { return New(0, Config{Ceiling: emulatedCeiling}) })
}
