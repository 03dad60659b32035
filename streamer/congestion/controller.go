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
//	               no headroom left,
//	           or queueing, loss, mark                   headroom
//	starting ----------------------------> steady <----------------> probing
//	                                       ^    |                       |
//	                      queue is gone    |    | queueing, loss, mark, |
//	        .------------------------------'    | overdue               |
//	        |                                   v                       |
//	     draining <------------------------- braking <------------------'
//	        |       what was sent since        ^
//	        |       the cut is heard of        | queueing again, or loss
//	        |                                  |
//	        '----------------------------> competing
//	           queue does not go                |
//	           although we sent less            '--> steady, once the queue is gone
//
//	any --> starved, when nothing is heard; back to draining when something is, or to what it was when the link
//	had only paused.
type Controller struct {
	ceiling, floor float64 // bits per second
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

	feedback feedback
	cut      cut
	growth   growth
	sending  sending
	figures  Figures
}

// New returns a controller that has sent nothing yet.
func New(now Instant, config Config) *Controller {
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
	c.ceiling = float64(min(ceiling, highest))
	c.floor = min(float64(floor), c.ceiling)
	c.SetFrameInterval(config.FrameInterval)
	c.set(float64(start))
	c.link = c.rate
	c.feedback.heard = now
	c.growth.at = now
	c.sending.reset(now)
	return c
}

// SetCeiling changes the ceiling, and lowers the floor to it if need be. What is not above zero is ignored.
func (c *Controller) SetCeiling(ceiling Bitrate) {
	if ceiling <= 0 {
		return
	}
	c.ceiling = float64(min(ceiling, highest))
	c.floor = min(c.floor, c.ceiling)
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

func (c *Controller) enter(now Instant, state State) {
	if c.state != state {
		c.state, c.since = state, now
	}
}

// Target is how much may be sent, of everything together.
func (c *Controller) Target() Bitrate { return Bitrate(c.rate) }

// PacketSent records what the socket took. Call it in the order of sending.
func (c *Controller) PacketSent(p SentPacket) {
	if p.Size <= 0 || p.Size > largestPacket || p.Sequence < 0 || p.Sequence > lastNumber || p.Sent < 0 || p.Sent > lastInstant {
		return // no packet that a socket could take
	}
	if p.Kind != Audio && (p.Frame < 0 || p.Frame > lastNumber) {
		return
	}
	c.packets.add(p)
	c.sending.sent(p)
	c.feedback.sent(p.Sent)
	switch p.Kind {
	case Media, Repair, Padding:
		c.frames.add(p)
	case Retransmission:
		if f := c.frames.find(p.Frame); f != nil {
			f.retransmitted = true
		}
		c.feedback.retransmitted = max(c.feedback.retransmitted, p.Sent)
	}
}

const (
	largestPacket = 65535
	// Numbers and instants beyond these would overflow when they are compared: 146 years.
	lastNumber  = 1 << 62
	lastInstant = 1 << 62
)

// FrameProduced tells how many bytes the encoder made of a frame, before they are sent. It is how the controller knows that
// the application sends less than it may.
func (c *Controller) FrameProduced(now Instant, bytes int) { c.sending.produced(now, bytes) }

// Figures returns what a page of statistics shows.
func (c *Controller) Figures(now Instant) Figures {
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
