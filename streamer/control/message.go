package control

import (
	"math"
	"time"
)

// Limits of the wire form; see the package comment.
const (
	MaxTime       = (1<<53 - 1) * time.Microsecond // what a JavaScript number holds exactly; fits time.Duration
	MaxKey        = 767                            // KEY_MAX of linux/input-event-codes.h
	MaxHeld       = 32
	MaxText       = 256
	MaxCursorSide = 256
	MaxCursorPNG  = 128 << 10
	MaxNotice     = 64 << 10
	MaxMessage    = 17 + MaxCursorPNG // the longest of all, a Cursor
	MaxDecode     = math.MaxUint32 * time.Microsecond
)

// WheelNotch is how far one notch of a stepped wheel counts in Wheel.
const WheelNotch = 120

// TurnUnit is how many of Turn's units make a pixel.
const TurnUnit = 16

// Channel is one of a session's two data channels.
type Channel uint8

// The channels.
const (
	OnMotion  Channel = iota + 1 // unordered, not retransmitted
	OnControl                    // ordered, reliable
)

// Label is the data channel's label in SDP and in the browser.
func (c Channel) Label() string {
	switch c {
	case OnMotion:
		return "motion"
	case OnControl:
		return "control"
	}
	return "unknown"
}

// Sender is the side that a message comes from.
type Sender uint8

// The two sides.
const (
	FromPlayer Sender = iota + 1
	FromEdge
)

// Message is one of the message types below, by pointer. Every time in them is a multiple of a microsecond.
type Message interface{ message() }

// Move says where the pointer is: 0 is the picture's first column or row, 65535 its last.
type Move struct {
	Seq  uint32
	X, Y uint16
}

// Turn carries movement under pointer lock as running totals in 1/16 pixel, modulo 2^32.
type Turn struct {
	Seq    uint32
	DX, DY int32
}

// Held repeats all that is held now: the keys, and bit b of Buttons for Button's number b.
type Held struct {
	Seq     uint32
	Buttons uint8
	Keys    []uint16
}

// Ack reports one presented frame. Received and Presented are on the player's clock.
type Ack struct {
	RTP                 uint32
	Received, Presented time.Duration
	Decode              time.Duration
	Frames              uint32
}

// Ping asks for a Pong; Sent is on the player's clock.
type Ping struct {
	ID   uint32
	Sent time.Duration
}

// Key is a physical key going down or up, by its evdev code.
type Key struct {
	Seq  uint32
	Down bool
	Code uint16
}

// Button is a pointer button going down or up, by its DOM number (0 left, 1 middle, 2 right, 3 back, 4 forward).
// X and Y count, as in Move, when At is set.
type Button struct {
	Seq    uint32
	Down   bool
	Button uint8
	At     bool
	X, Y   uint16
}

// Wheel is movement of the wheel in 1/120 of a notch, positive to the right and down.
type Wheel struct {
	Seq    uint32
	DX, DY int16
}

// Text is what was typed without a key for it: a composed character, a phone's keyboard, a paste.
type Text struct {
	Seq  uint32
	Text string
}

// Release lets go of every key and button.
type Release struct{ Seq uint32 }

// Pong answers a Ping; Edge is the edge's clock at that moment.
type Pong struct {
	ID         uint32
	Sent, Edge time.Duration
}

// Cursor is the pointer's picture and its hot spot. Width 0 hides the pointer; then all but Serial is zero.
type Cursor struct {
	Serial        uint32
	Width, Height uint16
	X, Y          uint16
	PNG           []byte
}

// Alive is the edge's heartbeat; Edge is its clock.
type Alive struct{ Edge time.Duration }

// Notice tells the player something about the session. A parsed one has a nil Body when its kind is unknown.
type Notice struct{ Body NoticeBody }

func (*Move) message()    {}
func (*Turn) message()    {}
func (*Held) message()    {}
func (*Ack) message()     {}
func (*Ping) message()    {}
func (*Key) message()     {}
func (*Button) message()  {}
func (*Wheel) message()   {}
func (*Text) message()    {}
func (*Release) message() {}
func (*Pong) message()    {}
func (*Cursor) message()  {}
func (*Alive) message()   {}
func (*Notice) message()  {}

// kind is a message's first octet.
type kind = byte

const (
	kindMove    kind = 0x01
	kindTurn    kind = 0x02
	kindHeld    kind = 0x03
	kindAck     kind = 0x04
	kindPing    kind = 0x05
	kindKey     kind = 0x10
	kindButton  kind = 0x11
	kindWheel   kind = 0x12
	kindText    kind = 0x13
	kindRelease kind = 0x14
	kindPong    kind = 0x81
	kindCursor  kind = 0x90
	kindAlive   kind = 0x91
	kindNotice  kind = 0x92
)

// route says who sends messages of a kind and on which channel; false means that there is no such kind.
func route(k kind) (Sender, Channel, bool) {
	switch k {
	case kindMove, kindTurn, kindHeld, kindAck, kindPing:
		return FromPlayer, OnMotion, true
	case kindKey, kindButton, kindWheel, kindText, kindRelease:
		return FromPlayer, OnControl, true
	case kindPong:
		return FromEdge, OnMotion, true
	case kindCursor, kindAlive, kindNotice:
		return FromEdge, OnControl, true
	}
	return 0, 0, false
}

// ChannelOf is the channel on which m travels.
func ChannelOf(m Message) Channel {
	switch m.(type) {
	case *Move, *Turn, *Held, *Ack, *Ping, *Pong:
		return OnMotion
	}
	return OnControl
}
