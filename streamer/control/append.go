package control

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf8"
)

// Append adds m's wire form to dst and returns the longer slice. It allocates only when dst is too short, and for a
// Notice. The error wraps the sentinel that Parse would return for such a message; dst is then returned as it was.
func Append(dst []byte, m Message) ([]byte, error) {
	w := writer{b: dst}
	switch m := m.(type) {
	case *Move:
		w.head(kindMove).seq(m.Seq).u16(m.X).u16(m.Y)
	case *Turn:
		w.head(kindTurn).seq(m.Seq).u32(uint32(m.DX)).u32(uint32(m.DY))
	case *Held:
		w.head(kindHeld).seq(m.Seq).max8("buttons", m.Buttons, 1<<5-1)
		if len(m.Keys) > MaxHeld {
			w.fail(ErrRange, "n")
			break
		}
		w.u8(uint8(len(m.Keys)))
		for _, code := range m.Keys {
			w.code(code)
		}
	case *Ack:
		w.head(kindAck).u32(m.RTP).time(m.Received).time(m.Presented)
		if m.Decode < 0 || m.Decode > MaxDecode {
			w.fail(ErrRange, "decode")
		}
		w.u32(uint32(m.Decode / time.Microsecond)).u32(m.Frames)
	case *Ping:
		w.head(kindPing).u32(m.ID).time(m.Sent)
	case *Key:
		w.head(kindKey).seq(m.Seq).flag(m.Down).code(m.Code)
	case *Button:
		w.head(kindButton).seq(m.Seq).flag(m.Down).max8("button", m.Button, 4).flag(m.At).u16(m.X).u16(m.Y)
	case *Wheel:
		w.head(kindWheel).seq(m.Seq).u16(uint16(m.DX)).u16(uint16(m.DY))
	case *Text:
		w.head(kindText).seq(m.Seq)
		if len(m.Text) == 0 || len(m.Text) > MaxText {
			w.fail(ErrRange, "n")
		}
		if !utf8.ValidString(m.Text) {
			w.fail(ErrText, "text")
		}
		w.u16(uint16(len(m.Text)))
		w.b = append(w.b, m.Text...)
	case *Release:
		w.head(kindRelease).seq(m.Seq)
	case *Pong:
		w.head(kindPong).u32(m.ID).time(m.Sent).time(m.Edge)
	case *Cursor:
		if field := m.outOfRange(); field != "" {
			w.fail(ErrRange, field)
		}
		w.head(kindCursor).u32(m.Serial).u16(m.Width).u16(m.Height).u16(m.X).u16(m.Y).u32(uint32(len(m.PNG)))
		w.b = append(w.b, m.PNG...)
	case *Alive:
		w.head(kindAlive).time(m.Edge)
	case *Notice:
		w.head(kindNotice).notice(m)
	case nil:
		w.fail(ErrType, "nil")
	}
	if w.err != nil {
		return dst, fmt.Errorf("control message: %s: %w", w.what, w.err)
	}
	return w.b, nil
}

// writer appends fields and keeps the first failure.
type writer struct {
	b    []byte
	err  error
	what string
}

func (w *writer) fail(err error, what string) {
	if w.err == nil {
		w.err, w.what = err, what
	}
}

func (w *writer) head(k kind) *writer { return w.u8(k) }

func (w *writer) u8(v uint8) *writer {
	w.b = append(w.b, v)
	return w
}

func (w *writer) u16(v uint16) *writer {
	w.b = binary.BigEndian.AppendUint16(w.b, v)
	return w
}

func (w *writer) u32(v uint32) *writer {
	w.b = binary.BigEndian.AppendUint32(w.b, v)
	return w
}

func (w *writer) seq(v uint32) *writer {
	if v == 0 {
		w.fail(ErrRange, "seq")
	}
	return w.u32(v)
}

func (w *writer) max8(field string, v, limit uint8) *writer {
	if v > limit {
		w.fail(ErrRange, field)
	}
	return w.u8(v)
}

func (w *writer) flag(v bool) *writer {
	if v {
		return w.u8(1)
	}
	return w.u8(0)
}

func (w *writer) code(v uint16) *writer {
	if v == 0 || v > MaxKey {
		w.fail(ErrRange, "code")
	}
	return w.u16(v)
}

func (w *writer) time(v time.Duration) *writer {
	if v < 0 || v > MaxTime {
		w.fail(ErrRange, "time")
	}
	w.b = binary.BigEndian.AppendUint64(w.b, uint64(v/time.Microsecond))
	return w
}

func (w *writer) notice(n *Notice) {
	object, err := n.MarshalJSON()
	if err != nil {
		w.fail(ErrNotice, err.Error())
		return
	}
	if len(object) > MaxNotice {
		w.fail(ErrRange, "n")
		return
	}
	w.u32(uint32(len(object)))
	w.b = append(w.b, object...)
}
