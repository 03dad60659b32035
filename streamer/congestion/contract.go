package congestion

import "time"

// Instant is a point on the clock that the caller hands in. Any monotonic clock will do (CLOCK_MONOTONIC in the
// streamer), as long as every method gets the same one.
type Instant time.Duration

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns the time from earlier to i.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }

// Bitrate is a rate in bits per second.
type Bitrate int64

// Kind is what a packet carries.
type Kind uint8

// The kinds of packet. Media, repair and padding of a frame leave as one burst and are measured as one; retransmissions
// and audio leave when they are due, and only take room.
const (
	Media Kind = iota
	Retransmission
	Repair
	Padding
	Audio
)

// SentPacket is one packet that the socket took.
type SentPacket struct {
	Sequence int64   // transport-wide sequence number, unwrapped ([Unwrapper])
	Frame    int64   // the frame that it belongs to, or that a retransmission repairs; counts up. Audio's is not looked at
	Size     int     // bytes on the wire
	Sent     Instant // when the socket took it
	Kind     Kind
}

// Report is what the receiver says of one packet: transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01)
// or RFC 8888.
type Report struct {
	Sequence int64 // unwrapped, as in SentPacket
	Arrived  bool
	CE       bool          // ECN: congestion was experienced (RFC 3168 section 5)
	Arrival  time.Duration // on the receiver's clock, whose zero and pace are unknown
}

// Ack is what the player says of one frame when it is whole.
type Ack struct {
	Frame    int64
	Received time.Duration // when its last packet arrived, on the player's clock, whose zero and pace are unknown
}

// State is what the controller is doing, in one word.
type State uint8

// The states; the drawing above [Controller] says how they follow each other.
const (
	Starting  State = iota // doubling until the link's rate is seen
	Steady                 // near the link's rate, or at the ceiling
	Probing                // the frames pass so easily that the rate grows fast
	Braking                // the rate was cut, and nothing sent since has been heard of
	Draining               // what was sent too much is leaving the link's queue
	Competing              // somebody else keeps the queue filled
	Starved                // nothing at all is heard from the receiver
)

func (s State) String() string {
	return [...]string{"starting", "steady", "probing", "braking", "draining", "competing", "starved"}[s]
}

// Cause is why the rate was last cut.
type Cause uint8

// The causes.
const (
	None     Cause = iota
	Queueing       // packets waited on the link
	Loss           // packets were dropped from a full queue, or by a policer
	Overdue        // a frame's acknowledgement did not come in time
	ECN            // packets were marked
	Silence        // no feedback of any kind
)

func (c Cause) String() string {
	return [...]string{"none", "queueing", "loss", "overdue", "ecn", "silence"}[c]
}

// Grant is what the next frame may be.
type Grant struct {
	Budget int           // bytes on the wire that the frame should take
	Skip   bool          // the link's queue is so long that this frame should not be made at all
	Pacing Bitrate       // how fast the frame's trains leave; a frame that would take longer than Spread leaves within Spread
	Spread time.Duration // the most time that the frame may take to leave
	Trains int           // in how many bursts it should leave, at most
	Fill   int           // a probe: padding right behind the frame should bring it to so many bytes; zero for none
}

// Figures are for a page of statistics.
type Figures struct {
	State    State
	Cause    Cause         // of the last cut
	Target   Bitrate       // what may be sent
	Capacity Bitrate       // what frames were seen to pass at, at most two and a half times the target; 0 before the first
	Queue    time.Duration // standing queue on the link by the last reports
	Backlog  time.Duration // what the link still has to send of ours, estimated for now
	Loop     time.Duration // least time from a frame's last packet to its acknowledgement; 0 before the first
	Loss     float64       // share of packets lost lately, 0 to 1
	Limited  bool          // the application sends much less than it may
	Cuts     [Silence + 1]int
	Undone   int // cuts that were taken back, since the link had only paused
	Skips    int
	Jumps    int // times that a receiver's clock jumped
}
