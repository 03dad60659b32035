package latency

import (
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
)

// Config says what was promised. Its zero value promises nothing, and measures all the same.
type Config struct {
	// Began is when the checker asked to play, from which on it waits for the first frame.
	Began media.Instant
	// FrameRate is the rate that was promised, in frames a second. With 0 nothing has a deadline.
	FrameRate float64
	// Size is the picture that was promised; 0x0 for none.
	Size media.Size
	// Patience is for how long an input waits for a frame that answers it; 0 means DefaultPatience.
	Patience time.Duration
}

// DefaultPatience is longer than anybody waits for an answer to a key: what takes longer is not slow, but lost.
const DefaultPatience = 3 * time.Second

// Frame is one presented frame.
type Frame struct {
	FirstPacket media.Instant // of its packets, the first to come; 0 where it is not known
	Decoded     media.Instant // presented
	Size        media.Size
	Bytes       int // coded

	// Stamp is what the frame's marker says; it means nothing unless Marked.
	Stamp  marker.Stamp
	Marked bool
	// Content is a number that frames in a row share while they show the same (quality.Motion), 0 where nobody has looked.
	Content uint64
}

// Meter turns frames and inputs into figures.
type Meter struct {
	config Config

	began    bool // there was a frame
	first    Frame
	last     Frame
	frames   uint64
	bytes    uint64 // of all frames but the first
	cadence  cadence
	pictures pictures
	sizes    sizes
	inputs   inputs
	clock    edgeClock
	glass    Spread
	ahead    uint64 // frames of instants yet to come
	sound    soundGaps

	received, lost uint64 // packets
}

// New makes a meter.
func New(config Config) *Meter {
	if config.Patience == 0 {
		config.Patience = DefaultPatience
	}
	m := &Meter{config: config}
	m.inputs.patience = config.Patience
	m.sizes.promised = config.Size
	if config.FrameRate > 0 {
		m.pictures.interval = time.Duration(float64(time.Second) / config.FrameRate)
	}
	return m
}

// Sent is for each message of the checker's that has a sequence number, in the order in which they are sent.
func (m *Meter) Sent(sequence uint32, at media.Instant) { m.inputs.sent(sequence, at) }

// Frame is for each presented frame, in their order. It does not allocate.
func (m *Meter) Frame(f Frame) {
	if m.began {
		f.Decoded = max(f.Decoded, m.last.Decoded)
		m.bytes += uint64(max(f.Bytes, 0))
		m.cadence.add(f.Decoded.Sub(m.last.Decoded))
		m.sizes.passed(m.last.Size, f.Size, f.Decoded.Sub(m.last.Decoded))
	} else {
		m.first, m.began = f, true
		m.sizes.begin(f.Size)
	}
	m.frames++
	m.pictures.add(&f)
	m.inputs.expire(f.Decoded)
	if f.Marked {
		m.inputs.answered(&f)
		m.advise(&f)
	}
	m.last = f
}

// advise counts what the marker says of the edge's clock, once that is known.
func (m *Meter) advise(f *Frame) {
	if !m.clock.known {
		return
	}
	age, offBy := m.clock.age(f.Stamp, f.Decoded)
	if age < -offBy {
		m.ahead++
		return
	}
	m.glass.Observe(age)
}

// Clock is for an exchange with the edge: what its clock showed, and when the question was sent and the answer came.
func (m *Meter) Clock(asked, edge, answered media.Instant) { m.clock.exchange(asked, edge, answered) }

// Packets is for what came of the stream, and what is known never to have come, since the last call.
func (m *Meter) Packets(received, lost int) {
	m.received += uint64(max(received, 0))
	m.lost += uint64(max(lost, 0))
}

// Sound is for each piece of sound, in their order.
func (m *Meter) Sound(s Sound) { m.sound.add(s) }
