package congestion

import "time"

// Config is what a controller is built with. Zero values mean the defaults.
type Config struct {
	Ceiling       Bitrate       // never exceeded; default 20 Mbit/s
	Floor         Bitrate       // never gone below; default 1 Mbit/s, or the ceiling if that is less
	Start         Bitrate       // what a connection begins with; default 3 Mbit/s, within floor and ceiling
	FrameInterval time.Duration // shortest time from one frame to the next; default a sixtieth of a second
}

const (
	defaultCeiling = 20_000_000
	// defaultFloor is what a small picture needs to be of any use; below it, fewer frames are the better answer.
	defaultFloor = 1_000_000
	// defaultStart is what nearly every link that can play at all carries, and doubles to 20 Mbit/s within four round trips.
	defaultStart = 3_000_000
	// highest bounds what a configuration may ask for, so that no product overflows.
	highest = 10_000_000_000

	defaultInterval  = time.Second / 60
	shortestInterval = time.Millisecond
	longestInterval  = time.Second
)

// Controller decides how much may be sent. One per connection; not safe for concurrent use.
//
//	starting ----- little headroom is left, or the ceiling is reached ----> steady
//	steady ------- frames pass much faster than the target ----------------> probing
//	probing ------ they do no longer, or the ceiling is reached -----------> steady
//
//	starting, steady, probing -- queueing, loss, mark, overdue ------------> braking
//	braking ------ something that was sent since the cut is heard of ------> draining
//	draining ----- the queue is gone --------------------------------------> steady
//	draining ----- what comes through is much less still, loss, mark ------> braking
//	draining ----- the queue stays, though half the rate was given up -----> competing
//	competing ---- the queue is gone --------------------------------------> steady
//
//	any ---------- nothing is heard ---------------------------------------> starved
//	starved ------ something is -------------------------------------------> braking
//	braking, draining -- overdue, or silence, and it was only a pause -----> steady, at the rate before
//
// While it is competing, cuts are smaller and change no state.
type Controller struct {
	ceiling, floor float64 // bits per second
	wanted         float64 // the floor as configured, which may be above the ceiling
	interval       time.Duration

	state State
	since Instant // when this state was entered
	cause Cause
	rate  float64 // the target, bits per second
	link  float64 // what the backlog is worked off at

	packets     packetLog
	frames      frameLog
	packetDelay minimum // arrival by the reports less sending
	ackDelay    minimum // arrival by the acknowledgements less sending
	probe       probe
	overdue     overdueWatch
	loss        lossClassifier
	marks       marks

	feedback feedback
	cut      cut
	growth   growth
	sending  sending
	figures  Figures
}

// New returns a controller that has sent nothing yet.
func New(now Instant, config Config) *Controller {
	now = within(now)
	c := &Controller{state: Starting, since: now}
	ceiling := config.Ceiling
	if ceiling <= 0 {
		ceiling = defaultCeiling
	}
	floor := config.Floor
	if floor <= 0 {
		floor = defaultFloor
	}
	start := config.Start
	if start <= 0 {
		start = defaultStart
	}
	c.wanted = float64(floor)
	c.ceiling = float64(min(ceiling, highest))
	c.floor = min(c.wanted, c.ceiling)
	c.SetFrameInterval(config.FrameInterval)
	c.set(float64(start))
	c.link = c.rate
	c.growth.at, c.growth.fresh = now, now
	c.sending.reset(now)
	return c
}

// SetCeiling changes the ceiling; a floor above it gives way to it. What is not above zero is ignored.
func (c *Controller) SetCeiling(ceiling Bitrate) {
	if ceiling <= 0 {
		return
	}
	c.ceiling = float64(min(ceiling, highest))
	c.floor = min(c.wanted, c.ceiling)
	c.set(c.rate)
}

// SetFrameInterval changes the shortest time from one frame to the next; zero means the default, and the rest is brought within
// 1 ms to 1 s.
func (c *Controller) SetFrameInterval(interval time.Duration) {
	if interval <= 0 {
		interval = defaultInterval
	}
	c.interval = min(max(interval, shortestInterval), longestInterval)
}

// set is the only way to the target, so that it is always a number between floor and ceiling.
func (c *Controller) set(rate float64) {
	if !(rate > c.floor) { // not a number counts as low
		rate = c.floor
	}
	c.rate = min(rate, c.ceiling)
}

// Target is how much may be sent, of everything together.
func (c *Controller) Target() Bitrate { return Bitrate(c.rate) }

// PacketSent records what the socket took. Call it in the order of sending.
func (c *Controller) PacketSent(p SentPacket) {
	if p.Size <= 0 || p.Size > largestPacket || p.Sequence < 0 || p.Sequence > lastNumber || p.Sent < 0 || p.Sent > lastInstant ||
		p.Kind > Audio {
		return // no packet that a socket could take
	}
	if p.Kind != Audio && (p.Frame < 0 || p.Frame > lastNumber) {
		return
	}
	c.packets.add(&p)
	c.sending.sent(&p)
	c.feedback.sent(p.Sent)
	switch p.Kind {
	case Media, Repair, Padding:
		c.frames.add(&p)
	case Retransmission:
		if f := c.frames.find(p.Frame); f != nil {
			f.retransmitted = true
		}
		c.feedback.retransmitted = max(c.feedback.retransmitted, p.Sent)
	}
}

const (
	largestPacket = 65535
	// Numbers and instants beyond these could overflow when they are compared. 2^60 ns are 36 years.
	lastNumber  = 1 << 60
	lastInstant = 1 << 60
)

// FrameProduced tells how many bytes the encoder made of a frame, before they are sent. It is how the controller knows that
// the application sends less than it may.
func (c *Controller) FrameProduced(now Instant, bytes int) {
	if bytes >= 0 {
		c.sending.produced(within(now), bytes)
	}
}

// within brings an instant into the range in which differences do not overflow.
func within(now Instant) Instant { return min(max(now, 0), lastInstant) }

// Figures returns what a page of statistics shows.
func (c *Controller) Figures(now Instant) Figures {
	now = within(now)
	f := c.figures
	f.State, f.Cause, f.Target = c.state, c.cause, c.Target()
	if capacity, ok := c.capacity(1); ok {
		f.Capacity = Bitrate(capacity)
	}
	f.Backlog = c.frames.backlog(now, c.link)
	f.Loop, _ = c.overdue.loop(now)
	f.Loss = c.loss.share()
	f.Limited = c.sending.limited(now, c.rate)
	return f
}
