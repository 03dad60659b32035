package control

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Why a message is malformed. Parse wraps one of them with the message's type and the offending field.
var (
	ErrType   = errors.New("unknown message type")
	ErrRoute  = errors.New("message from the wrong side or on the wrong channel")
	ErrLength = errors.New("wrong length")
	ErrRange  = errors.New("out of range")
	ErrText   = errors.New("not UTF-8")
	ErrNotice = errors.New("not a notice")
)

// Parser reads messages without allocating, but for Text, Notice and errors. One goroutine at a time uses it.
type Parser struct {
	move    Move
	turn    Turn
	held    Held
	keys    [MaxHeld]uint16
	ack     Ack
	ping    Ping
	key     Key
	button  Button
	wheel   Wheel
	text    Text
	release Release
	pong    Pong
	cursor  Cursor
	alive   Alive
}

// Parse reads one message with a parser of its own; see Parser.Parse.
func Parse(from Sender, on Channel, b []byte) (Message, error) {
	return new(Parser).Parse(from, on, b)
}

// Parse reads one message that came from that side on that channel. The result is the parser's: it is valid until the
// next Parse, and a Cursor's PNG points into b. The error wraps one of the sentinels above.
func (p *Parser) Parse(from Sender, on Channel, b []byte) (Message, error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("empty message: %w", ErrLength)
	}
	sender, channel, known := route(b[0])
	if !known {
		return nil, fmt.Errorf("message 0x%02x: %w", b[0], ErrType)
	}
	if sender != from || channel != on {
		return nil, fmt.Errorf("message 0x%02x: %w", b[0], ErrRoute)
	}
	r := reader{rest: b[1:]}
	m := p.fields(b[0], &r)
	if r.err == nil && len(r.rest) != 0 {
		r.fail(ErrLength, "too long")
	}
	if r.err != nil {
		return nil, fmt.Errorf("message 0x%02x: %s: %w", b[0], r.what, r.err)
	}
	return m, nil
}

func (p *Parser) fields(k kind, r *reader) Message {
	switch k {
	case kindMove:
		p.move = Move{Seq: r.seq(), X: r.u16(), Y: r.u16()}
		return &p.move
	case kindTurn:
		p.turn = Turn{Seq: r.seq(), DX: int32(r.u32()), DY: int32(r.u32())}
		return &p.turn
	case kindHeld:
		p.held = Held{Seq: r.seq(), Buttons: r.max8("buttons", 1<<5-1)}
		n := int(r.max8("n", MaxHeld))
		p.held.Keys = p.keys[:n]
		for i := range n {
			p.held.Keys[i] = r.code()
		}
		return &p.held
	case kindAck:
		p.ack = Ack{RTP: r.u32(), Received: r.time(), Presented: r.time(), Decode: time.Duration(r.u32()) * time.Microsecond, Frames: r.u32()}
		return &p.ack
	case kindPing:
		p.ping = Ping{ID: r.u32(), Sent: r.time()}
		return &p.ping
	case kindKey:
		p.key = Key{Seq: r.seq(), Down: r.flag("down"), Code: r.code()}
		return &p.key
	case kindButton:
		p.button = Button{Seq: r.seq(), Down: r.flag("down"), Button: r.max8("button", 4), At: r.flag("at"), X: r.u16(), Y: r.u16()}
		return &p.button
	case kindWheel:
		p.wheel = Wheel{Seq: r.seq(), DX: int16(r.u16()), DY: int16(r.u16())}
		return &p.wheel
	case kindText:
		p.text = Text{Seq: r.seq(), Text: r.text()}
		return &p.text
	case kindRelease:
		p.release = Release{Seq: r.seq()}
		return &p.release
	case kindPong:
		p.pong = Pong{ID: r.u32(), Sent: r.time(), Edge: r.time()}
		return &p.pong
	case kindCursor:
		p.cursor = r.cursor()
		return &p.cursor
	case kindAlive:
		p.alive = Alive{Edge: r.time()}
		return &p.alive
	case kindNotice:
		return r.notice()
	}
	r.fail(ErrType, "no parser")
	return nil
}

// reader takes fields from the front; after its first failure it yields zeros.
type reader struct {
	rest []byte
	err  error
	what string
}

func (r *reader) fail(err error, what string) {
	if r.err == nil {
		r.err, r.what = err, what
	}
}

// take returns the next n octets, or nil after a failure.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.fail(ErrLength, "too short")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) seq() uint32 {
	v := r.u32()
	if v == 0 {
		r.fail(ErrRange, "seq")
	}
	return v
}

func (r *reader) max8(field string, limit uint8) uint8 {
	v := r.u8()
	if v > limit {
		r.fail(ErrRange, field)
		return 0
	}
	return v
}

func (r *reader) flag(field string) bool { return r.max8(field, 1) == 1 }

func (r *reader) code() uint16 {
	v := r.u16()
	if v == 0 || v > MaxKey {
		r.fail(ErrRange, "code")
	}
	return v
}

func (r *reader) time() time.Duration {
	b := r.take(8)
	if b == nil {
		return 0
	}
	v := binary.BigEndian.Uint64(b)
	if v > uint64(MaxTime/time.Microsecond) {
		r.fail(ErrRange, "time")
		return 0
	}
	return time.Duration(v) * time.Microsecond
}

// tail returns the rest, which must be exactly n octets.
func (r *reader) tail(n uint32) []byte {
	if r.err == nil && uint64(n) != uint64(len(r.rest)) {
		r.fail(ErrLength, "n")
	}
	return r.take(len(r.rest))
}

func (r *reader) text() string {
	b := r.tail(uint32(r.u16()))
	if len(b) == 0 || len(b) > MaxText {
		r.fail(ErrRange, "n")
		return ""
	}
	if !utf8.Valid(b) {
		r.fail(ErrText, "text")
		return ""
	}
	return string(b)
}

func (r *reader) cursor() Cursor {
	c := Cursor{Serial: r.u32(), Width: r.u16(), Height: r.u16(), X: r.u16(), Y: r.u16()}
	c.PNG = r.tail(r.u32())
	if r.err == nil {
		if field := c.outOfRange(); field != "" {
			r.fail(ErrRange, field)
		}
	}
	return c
}

// outOfRange names the first field that breaks the wire form's limits, or is empty.
func (c *Cursor) outOfRange() string {
	hidden := c.Width == 0
	switch {
	case c.Width > MaxCursorSide || c.Height > MaxCursorSide || hidden != (c.Height == 0):
		return "size"
	case hidden && (c.X != 0 || c.Y != 0), !hidden && (c.X >= c.Width || c.Y >= c.Height):
		return "hot spot"
	case hidden != (len(c.PNG) == 0) || len(c.PNG) > MaxCursorPNG:
		return "n"
	}
	return ""
}

func (r *reader) notice() *Notice {
	b := r.tail(r.u32())
	if r.err == nil && len(b) > MaxNotice {
		r.fail(ErrRange, "n")
	}
	if r.err != nil {
		return nil
	}
	n := new(Notice)
	if err := n.UnmarshalJSON(b); err != nil {
		r.fail(ErrNotice, err.Error())
	}
	return n
}
