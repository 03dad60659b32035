// Package microphone answers one question: what does the app hear of what the player says? Packets of Opus come in as the network
// brings them, and samples go out as evenly as the app's sound server takes them.
//
//	Push: packets ── by their timestamps ──> decoder ──> resampler ──> Pull: 10 ms at a time
//	                  what is missing comes from the next packet's copy of it, or is made up
//
// Between the two lies a delay, which is as short as the packets' jitter lets it be, and bounded. A delay that is too long, because the
// network has become better or the browser's clock is faster than ours, is worked off: quiet frames are left out, and the rest is
// played a little faster; one that is too short, a little slower. In a pause it is set anew.
//
// Everything that comes is a stranger's: memory, delay and work are bounded whatever it is, and what is no Opus is counted and dropped.
//
// A Playout may be used from several goroutines. It neither sleeps nor reads a clock.
package microphone

import (
	"math"
	"math/bits"
	"sync"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/opus"
)

// What Pull makes: one channel, signed 16-bit.
const (
	SampleRate  = opus.SampleRate
	StepTime    = 10 * time.Millisecond
	StepSamples = int(SampleRate * StepTime / time.Second)
)

// Lengths in samples. What a decoder makes up comes in multiples of the quantum.
const (
	millisecond = SampleRate / 1000
	quantum     = SampleRate / 400
)

// Bounds. Times are in samples.
const (
	// longestPayload is above all that a browser puts into a packet, whose size a network's frames bound.
	longestPayload = 1400
	// mostWaiting is how many packets wait to be played: with packets of 10 ms, five times mostDelay.
	mostWaiting = 64
	// mostAbove is how much longer than its aim the delay may become before what waits is thrown away.
	mostAbove = 80 * millisecond
	// mostMadeUp is how much is made up in a row: by then a decoder's guess has faded away.
	mostMadeUp = 60 * millisecond
	// quiet is what counts as nothing being said, of 32768: a frame of it can be left out.
	quiet = 400
	// tolerated is how much shorter than its aim the delay may be before anything is done: part of what is spare.
	tolerated = 1.5 * millisecond
	// mostPackets is how many packets a second are looked at: Opus has none shorter than 2.5 ms. burst may come at once.
	mostPackets = 500
	burst       = 100
	// forgottenAfter is how long nothing may have come before what is known of the jitter, and of two clocks, is forgotten.
	forgottenAfter = 5000 * millisecond
	// silentAfter is how long nothing may have come before Pull says that there is nothing.
	silentAfter = 500 * millisecond
)

// Packet is one packet of Opus (RFC 7587).
type Packet struct {
	Source    uint32 // the stream's SSRC
	Sequence  uint16
	Timestamp uint32 // of the first sample, at 48 kHz
	Arrived   media.Instant
	Payload   []byte
}

// Counts says what became of the packets, and what was played, since the beginning.
type Counts struct {
	Packets   uint64 // that were taken
	Refused   uint64 // no Opus, too long, or too many
	Late      uint64 // their time was over, or they came twice
	Lost      uint64 // never came, or came late
	Recovered uint64 // pieces of sound that were lost, of which the next packet may have had a copy
	MadeUp    uint64 // times that nothing had come yet when it was to be played
	Hurried   uint64 // quiet frames that were left out to shorten the delay
	Skipped   uint64 // packets that were thrown away because too many waited
	Restarts  uint64 // another stream took over, or this one jumped
}

// decoder is an *opus.SpeechDecoder, but in tests.
type decoder interface {
	Decode(samples []int16, packet []byte) (int, error)
	Recover(samples []int16, next []byte) error
	Conceal(samples []int16) error
	Close()
}

// Playout is one player's microphone.
type Playout struct {
	mu      sync.Mutex
	decoder decoder
	counts  Counts

	source   uint32
	began    bool
	highest  int64 // timestamp of the newest packet, carried on beyond 32 bits
	arrived  int64 // when it came
	allowed  float64
	waiting  queue
	arrivals arrivals

	speaking bool    // else there is a pause
	idle     bool    // the packet played last says that a pause begins
	next     int64   // timestamp of what is decoded next
	sequence uint16  // of the packet that was decoded last
	madeUp   int     // samples in a row for which nothing had come
	delay    float64 // from coming to being played, on average
	above    float64 // how much longer than it has to be
	sound    resampler
	pcm      [opus.MaxPacketSamples]int16
}

// New makes a playout. The error wraps opus.ErrUnavailable in a build without libopus.
func New() (*Playout, error) {
	d, err := opus.NewSpeechDecoder()
	if err != nil {
		return nil, err
	}
	return newPlayout(d), nil
}

func newPlayout(d decoder) *Playout { return &Playout{decoder: d, allowed: burst} }

// Close frees the decoder. Afterwards there is silence, and what is pushed is refused.
func (p *Playout) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.decoder != nil {
		p.decoder.Close()
		p.decoder = nil
	}
}

// Counts says how it goes.
func (p *Playout) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Delay is the time from a packet's coming, had it come as soon as any, to its being played; and what it aims at.
func (p *Playout) Delay() (now, aim time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return duration(p.delay), duration(float64(p.arrivals.aim()))
}

func duration(samples float64) time.Duration {
	return time.Duration(samples * float64(time.Second) / SampleRate)
}

// ticks is an instant in samples.
func ticks(i media.Instant) int64 {
	high, low := bits.Mul64(uint64(max(i, 0)), SampleRate)
	quotient, _ := bits.Div64(high, low, uint64(time.Second))
	return int64(quotient)
}

// Push takes a packet, whose payload is the caller's again when it returns.
func (p *Playout) Push(packet Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := ticks(packet.Arrived)
	length, err := opus.Samples(packet.Payload)
	if p.decoder == nil || err != nil || len(packet.Payload) > longestPayload || !p.allow(now) {
		p.counts.Refused++
		return
	}
	timestamp := p.highest + int64(int32(packet.Timestamp-uint32(p.highest)))
	if !p.began || packet.Source != p.source || p.arrivals.strange(now-timestamp) {
		if p.began {
			p.counts.Restarts++
		}
		timestamp = int64(packet.Timestamp) + 1<<32 // far from 0, so that what comes before it is above 0 as well
		p.restart(packet.Source, timestamp)
	}
	if now-p.arrived > forgottenAfter {
		p.arrivals = arrivals{}
	}
	p.arrivals.add(now - timestamp)
	p.highest, p.arrived = max(p.highest, timestamp), now
	p.counts.Packets++
	if p.speaking && timestamp+int64(length) <= p.next {
		p.counts.Late++
		return
	}
	if !p.waiting.add(timestamp, length, packet.Sequence, packet.Payload) {
		p.counts.Late++
	}
}

// allow bounds how many packets a second are looked at.
func (p *Playout) allow(now int64) bool {
	if elapsed := now - p.arrived; p.began && elapsed > 0 {
		p.allowed = min(p.allowed+float64(elapsed)*mostPackets/SampleRate, burst)
	}
	if p.allowed < 1 {
		p.arrived = max(p.arrived, now)
		return false
	}
	p.allowed--
	return true
}

// restart forgets the stream there was.
func (p *Playout) restart(source uint32, timestamp int64) {
	p.source, p.began, p.highest = source, true, timestamp
	p.waiting.clear()
	p.arrivals = arrivals{}
	p.pause()
}

// pause ends what is being said.
func (p *Playout) pause() {
	p.speaking, p.idle, p.madeUp = false, false, 0
	p.sound.steady()
}

// Pull fills samples, StepSamples of them, with what comes next, and reports whether anything was said lately; if not, they are
// silence. It is called for every StepTime, with the instant at which that is over.
func (p *Playout) Pull(samples []int16, until media.Instant) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := ticks(until)
	if p.decoder == nil || !p.began || !p.speaking && p.waiting.empty() && now-p.arrived > silentAfter {
		clear(samples)
		return false
	}
	if p.speaking {
		p.steer(now)
	}
	for {
		missing := p.sound.missing(len(samples))
		if missing <= 0 {
			break
		}
		p.refill(now, missing)
	}
	p.sound.take(samples)
	return true
}

// steer keeps the delay near its aim.
//
// What counts is how long a packet that came as soon as any has been there when its first sample is needed. Pull takes a step at a time,
// so that this changes by whole steps: what is held beyond whole steps is of no use, and a delay that is less than a step too long
// cannot be helped.
func (p *Playout) steer(now int64) {
	held := p.sound.length()
	delay := float64(now - p.arrivals.soonest() - p.next + int64(held))
	p.delay += (delay - p.delay) / 16
	over := float64(held % StepSamples)
	p.above = p.delay - over - float64(p.arrivals.aim())
	p.sound.hurry(over + float64(StepSamples)*math.Floor((p.above+tolerated)/float64(StepSamples)))
	if p.above < mostAbove {
		return
	}
	// Too much waits: what is oldest is thrown away, as long as there is something newer.
	for p.above > 0 && p.waiting.count > 1 {
		head, _ := p.waiting.head()
		gone := head.timestamp + int64(head.length) - p.next
		p.next, p.sequence = head.timestamp+int64(head.length), head.sequence
		p.delay, p.above = p.delay-float64(gone), p.above-float64(gone)
		p.counts.Skipped++
		p.waiting.drop()
	}
}

// refill makes more sound of what waits, or, as far as it is missing, for want of it.
func (p *Playout) refill(now int64, missing int) {
	if !p.speaking {
		p.begin(now, missing)
		return
	}
	head, is := p.waiting.head()
	switch {
	case !is && (p.idle || p.madeUp >= mostMadeUp):
		p.pause()
	case !is:
		p.makeUp((missing + quantum - 1) / quantum * quantum)
	case head.timestamp+int64(head.length) <= p.next || head.timestamp < p.next: // it came twice, in other words
		p.counts.Late++
		p.waiting.drop()
	case head.timestamp > p.next && head.sequence == p.sequence+1: // nothing was sent in between
		p.pause()
	default:
		p.bridge(head)
		p.play(head)
	}
}

// begin lets silence pass until what waits has waited for as long as it is to.
func (p *Playout) begin(now int64, missing int) {
	head, is := p.waiting.head()
	if !is {
		p.silence(missing)
		return
	}
	aim := int64(p.arrivals.aim())
	waited := now - p.arrivals.soonest() - head.timestamp
	if waited < aim {
		p.silence(missing)
		return
	}
	for p.waiting.count > 1 && waited-int64(head.length) >= aim { // and no longer
		p.counts.Skipped++
		waited -= int64(head.length)
		p.waiting.drop()
		head, _ = p.waiting.head()
	}
	p.sound.clear()
	p.speaking, p.next, p.madeUp = true, head.timestamp, 0
	p.delay, p.above = float64(waited), float64(waited-aim)
	p.play(head)
}

// bridge fills the gap before a packet. What was made up while nothing had come is part of it.
func (p *Playout) bridge(head *waitingPacket) {
	gap := head.timestamp - p.next
	if gap <= 0 {
		return
	}
	if lost := head.sequence - p.sequence - 1; lost < mostWaiting {
		p.counts.Lost += uint64(lost)
	}
	if p.above < -tolerated { // where something is missing anyway, nobody hears that it lasts a step longer
		p.makeUp(StepSamples)
		p.madeUp -= StepSamples // not part of the gap
		p.delay, p.above = p.delay+float64(StepSamples), p.above+float64(StepSamples)
	}
	missing := (gap - int64(p.madeUp)) / quantum * quantum
	if missing <= 0 || missing > int64(opus.MaxPacketSamples) {
		return
	}
	p.counts.Recovered++
	if err := p.decoder.Recover(p.pcm[:missing], head.payload()); err != nil {
		p.silence(int(missing))
		return
	}
	p.sound.add(p.pcm[:missing])
}

// play decodes a packet, and leaves it out where nothing is said in it and the delay is too long.
func (p *Playout) play(head *waitingPacket) {
	payload := head.payload()
	n, err := p.decoder.Decode(p.pcm[:], payload)
	if err != nil { // its header was Opus, and the rest is not
		p.counts.Refused++
		n = head.length
		clear(p.pcm[:n])
	}
	p.next, p.sequence, p.idle = head.timestamp+int64(n), head.sequence, opus.Idle(payload)
	p.madeUp = 0
	p.waiting.drop()
	if float64(n) <= p.above && isQuiet(p.pcm[:n]) {
		p.counts.Hurried++
		p.delay, p.above = p.delay-float64(n), p.above-float64(n)
		return
	}
	p.sound.add(p.pcm[:n])
}

// makeUp makes up what did not come in time.
func (p *Playout) makeUp(samples int) {
	p.counts.MadeUp++
	p.madeUp += samples
	if err := p.decoder.Conceal(p.pcm[:samples]); err != nil {
		clear(p.pcm[:samples])
	}
	p.sound.add(p.pcm[:samples])
}

func (p *Playout) silence(samples int) {
	clear(p.pcm[:samples])
	p.sound.add(p.pcm[:samples])
}

func isQuiet(samples []int16) bool {
	for _, s := range samples {
		if s > quiet || s < -quiet {
			return false
		}
	}
	return true
}
