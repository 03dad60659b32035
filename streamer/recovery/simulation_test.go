package recovery

import (
	"fmt"
	"math"
	"slices"
	"time"

	"nearlight/internal/netsim"
)

// A stream in virtual time, over netsim's links and with this package's decisions: frames of equal size at 60 a second, whose packets leave over
// half of a frame's time and all have the same length; a player that asks for what it misses as libwebrtc does, undoes repair packets, and
// goes on past what a frame does without; an encoder that refers to as many frames as H.264's decoders keep. Left out are congestion control, whose rate is
// given, and coding and decoding, which take no time.

const (
	simInterval   = time.Second / 60
	simSize       = 1200 // octets of a packet on the link
	simReferences = 8
	simSettle     = 5 * time.Second // until loss is known; not judged
	simStall      = 100 * time.Millisecond
	simPatience   = 350 * time.Millisecond // of the player, then it asks for a keyframe
)

// simulation is a stream over a link.
type simulation struct {
	loss      netsim.Loss
	share     float64 // of packets lost, as congestion control finds it
	roundTrip time.Duration
	rate      float64 // bits a second, repair packets included
	length    time.Duration
	seed      uint64
	rows      bool // as it was before: repair packets that are disjoint rows of their frame
}

// simulated is what a stream came to.
type simulated struct {
	stalls, frames, undecodable, skipped int
	media, repairs, repeats              int
	keyframes                            []time.Duration // when they were made
	excess                               []float64       // ms, of each frame above the way's own time
	length                               time.Duration
}

func (s simulated) stallsPerMinute() float64 { return float64(s.stalls) / s.length.Minutes() }

func (s simulated) late(quantile float64) float64 {
	return s.excess[min(int(quantile*float64(len(s.excess))), len(s.excess)-1)]
}

func (s simulated) String() string {
	return fmt.Sprintf("%.1f stalls a minute, %.2f %% undecodable, excess p50 %.0f p95 %.0f p99 %.0f ms, repair packets %.1f %%, repeats %.1f %%, %d keyframes",
		s.stallsPerMinute(), 100*float64(s.undecodable)/float64(s.frames), s.late(0.5), s.late(0.95), s.late(0.99),
		100*float64(s.repairs)/float64(s.media), 100*float64(s.repeats)/float64(s.media), len(s.keyframes))
}

type simFrame struct {
	first, packets int // sequence numbers, which do not go round here
	refersTo       int // -1 for a keyframe
	captured       time.Duration
	came           int  // packets that the player has
	delivered      bool // to its decoder
	lost           bool // for the encoder
}

type simPacket struct {
	sequence int
	protects []int // a repair packet's
	repeat   bool
}

// simRequest is what the player says: which packets are missing, which frame it has shown, or that it wants a keyframe.
type simRequest struct {
	missing  []int
	shown    int
	keyframe bool
}

type simKept struct {
	sent    bool
	last    time.Duration
	asked   time.Duration // 0 for never
	repeats int
}

type simEvent struct {
	at time.Duration
	do func()
}

// simStream is a simulation under way.
type simStream struct {
	simulation
	now      time.Duration
	events   []simEvent
	down, up *netsim.Link
	packets  map[uint64]simPacket
	requests map[uint64]simRequest
	id       uint64
	result   simulated

	// The sender.
	frames   []simFrame
	kept     []simKept
	tracker  Frames
	policy   Protection
	layout   *Layout
	overhead float64 // of what is sent, for repair packets
	wanted   bool    // a keyframe
	doubtful int     // the frame that is not to be referred to, nor any after it; -1 for none
	certain  bool

	// The player.
	have       []bool
	frameOf    []int
	newest     int
	next       int // frame
	asks       []simAsk
	rowsOpen   [][]int
	lastFrame  time.Duration
	missedFrom time.Duration
	begged     time.Duration
}

type simAsk struct {
	count int
	at    time.Duration
}

func (c simulation) run() simulated {
	s := &simStream{simulation: c, packets: map[uint64]simPacket{}, requests: map[uint64]simRequest{}, layout: NewLayout(), doubtful: -1, newest: -1, begged: -time.Hour}
	s.down, s.up = s.link(2*c.seed), s.link(2*c.seed+1)
	count := int(c.length / simInterval)
	var frame func(number int)
	frame = func(number int) {
		s.make(number)
		if number+1 < count {
			s.at(time.Duration(number+1)*simInterval, func() { frame(number + 1) })
		}
	}
	s.at(0, func() { frame(0) })
	s.at(0, s.tick)
	s.at(0, s.report)
	end := c.length + 2*time.Second
	var came []netsim.Packet
	for s.now < end {
		due, from := s.events[0].at, (*netsim.Link)(nil)
		for _, link := range []*netsim.Link{s.down, s.up} {
			if at, is := link.Next(); is && at < due {
				due, from = at, link
			}
		}
		s.now = max(s.now, due)
		if from == nil {
			event := s.events[0]
			s.events = s.events[1:]
			event.do()
			continue
		}
		came = from.Receive(s.now, came[:0])
		for _, p := range came {
			if from == s.down {
				s.arrived(s.packets[p.ID])
				delete(s.packets, p.ID)
			} else {
				s.told(s.requests[p.ID])
				delete(s.requests, p.ID)
			}
		}
	}
	for i, f := range s.frames {
		if f.captured >= simSettle && i < count-60 {
			s.result.frames++
			if !f.delivered {
				s.result.undecodable++
			}
		}
	}
	slices.Sort(s.result.excess)
	s.result.length = c.length - simSettle
	return s.result
}

func (s *simStream) link(seed uint64) *netsim.Link {
	link, err := netsim.NewLink(netsim.Config{
		Seed: seed, Delay: s.roundTrip / 2, Rate: netsim.Constant(20_000_000), Loss: s.loss, Queue: netsim.DropTail{Octets: 150_000},
	})
	if err != nil {
		panic(err)
	}
	return link
}

func (s *simStream) at(at time.Duration, do func()) {
	i := len(s.events)
	for i > 0 && s.events[i-1].at > at {
		i--
	}
	s.events = slices.Insert(s.events, i, simEvent{at, do})
}

func (s *simStream) send(p simPacket) {
	s.id++
	s.packets[s.id] = p
	s.down.Send(s.now, netsim.Packet{Size: simSize, ID: s.id})
	if s.now < simSettle {
		return
	}
	switch {
	case p.protects != nil:
		s.result.repairs++
	case p.repeat:
		s.result.repeats++
	default:
		s.result.media++
	}
}

// make codes a frame and has it sent.
func (s *simStream) make(number int) {
	refersTo := s.reference(number)
	budget := max(1, int(s.rate*simInterval.Seconds()/8/simSize+0.5))
	if refersTo < 0 {
		s.result.keyframes = append(s.result.keyframes, s.now)
		s.wanted = false
		budget *= 2
		for i := range s.frames {
			s.frames[i].lost = true
		}
	}
	s.policy.Observe(s.share)
	f := simFrame{first: len(s.kept), refersTo: refersTo, captured: s.now}
	f.packets = max(1, int(float64(budget)*(1-s.overhead)+0.5))
	previous := s.previous(number, f.packets)
	repairs := s.repairs(Protected{Packets: f.packets, Together: f.packets + len(previous), Keyframe: refersTo < 0})
	s.overhead += (float64(repairs)/float64(repairs+f.packets) - s.overhead) / 30
	s.frames = append(s.frames, f)
	s.kept = append(s.kept, make([]simKept, f.packets)...)
	s.have = append(s.have, make([]bool, f.packets)...)
	s.asks = append(s.asks, make([]simAsk, f.packets)...)
	var line []simPacket
	for i := range f.packets {
		s.frameOf = append(s.frameOf, number)
		line = append(line, simPacket{sequence: f.first + i})
	}
	s.tracker.Sent(int64(number+1), refersTo < 0, number-refersTo-1)
	for _, protects := range s.protect(number, previous, repairs) {
		line = append(line, simPacket{protects: protects})
	}
	for i, p := range line {
		s.at(s.now+simInterval/2*time.Duration(i)/time.Duration(len(line)), func() {
			if p.protects == nil {
				s.kept[p.sequence].sent, s.kept[p.sequence].last = true, s.now
			}
			s.send(p)
		})
	}
}

// reference is the frame that the next one refers to, -1 for a keyframe.
func (s *simStream) reference(number int) int {
	if number == 0 || s.wanted && (len(s.result.keyframes) == 0 || s.now-s.result.keyframes[len(s.result.keyframes)-1] > max(s.roundTrip, 100*time.Millisecond)) {
		s.doubtful, s.certain = -1, false
		return -1
	}
	to := s.usable(number, number)
	if s.doubtful >= 0 {
		older := s.usable(number, s.doubtful)
		if older >= 0 || s.certain {
			for i := s.doubtful; i < number; i++ {
				s.frames[i].lost = true
			}
			to = older
		}
		if to >= 0 && to < number-1 {
			s.result.skipped++
		}
		s.doubtful, s.certain = -1, false
	}
	return to
}

// usable is the newest frame before another that the encoder has and may refer to, -1 for none.
func (s *simStream) usable(number, before int) int {
	for i := before - 1; i >= max(0, number-simReferences); i-- {
		if !s.frames[i].lost {
			return i
		}
	}
	return -1
}

// previous are the packets of earlier frames that are protected again.
func (s *simStream) previous(number, packets int) (sequences []int) {
	if s.rows {
		return nil
	}
	for sequence := len(s.kept) - 1; sequence >= 0 && packets+len(sequences) < Reach; sequence-- {
		frame := s.frameOf[sequence]
		if number-frame >= ReachFrames || s.now-s.kept[sequence].last > s.roundTrip || !s.tracker.Needed(int64(frame+1)) {
			break
		}
		sequences = append(sequences, sequence)
	}
	return sequences
}

// repairs is how many repair packets a frame gets.
func (s *simStream) repairs(f Protected) int {
	if !s.rows {
		return s.policy.Repairs(f, s.roundTrip)
	}
	const each, eachLong, most = 3, 4, 5 // for each packet that is lost on average
	switch {
	case s.share < protectFrom || s.roundTrip < 30*time.Millisecond:
		return 0
	case s.roundTrip < 60*time.Millisecond:
		return max(1, min(int(math.Ceil(float64(f.Packets*each)*s.share)), f.Packets/most))
	}
	return max(1, min(int(math.Ceil(float64(f.Packets*eachLong)*s.share)), f.Packets/most))
}

// protect says which packets each repair packet protects.
func (s *simStream) protect(number int, previous []int, repairs int) [][]int {
	rows := make([][]int, repairs)
	add := func(age, index, sequence int) {
		set := uint32(1) << (index % max(repairs, 1))
		if !s.rows {
			set = s.layout.Repairs(repairs, age, index)
		}
		for i := range rows {
			if set>>i&1 == 1 {
				rows[i] = append(rows[i], sequence)
			}
		}
	}
	for _, sequence := range previous {
		frame := s.frameOf[sequence]
		add(number-frame, sequence-s.frames[frame].first, sequence)
	}
	f := s.frames[number]
	for i := range f.packets {
		add(0, i, f.first+i)
	}
	return slices.DeleteFunc(rows, func(row []int) bool { return len(row) == 0 })
}

// told takes what the player says.
func (s *simStream) told(r simRequest) {
	s.tracker.Shown(int64(r.shown))
	s.wanted = s.wanted || r.keyframe
	for _, sequence := range r.missing {
		k, frame := &s.kept[sequence], s.frameOf[sequence]
		if k.asked == 0 {
			k.asked = s.now
			s.policy.Missed(uint16(sequence))
		}
		if !s.tracker.Needed(int64(frame + 1)) {
			continue
		}
		verdict := Judge(Packet{Waited: s.now - k.asked, Since: s.now - k.last, Repeats: k.repeats}, s.roundTrip)
		if verdict.Lost || verdict.Doubt {
			if s.doubtful < 0 || frame < s.doubtful {
				s.doubtful = frame
			}
			s.certain = s.certain || verdict.Lost
		}
		for range verdict.Copies {
			k.repeats++
			k.last = s.now
			s.send(simPacket{sequence: sequence, repeat: true})
		}
	}
}

func (s *simStream) tell(r simRequest) {
	s.id++
	s.requests[s.id] = r
	s.up.Send(s.now, netsim.Packet{Size: 80 + 4*len(r.missing), ID: s.id})
}
