// Package sequence carries one session's messages between two signaling nodes in order, each once, over a bus that may lose, repeat and
// reorder them.
//
// Each side has an End. What it sends is numbered from 1 and kept until the other side has said that it came; what arrives out of
// turn waits for what is missing, within Window. A gap is asked for at once, a lost last message when the other side's Keep tells of it.
//
// The package is pure: no clock, no bus. An End is not safe for concurrent use.
package sequence

import "errors"

// Window is how many messages of one side may be under way: an answer and all candidates that a session may have, twice.
const Window = 160

// ErrFull reports that the other side has taken none of Window messages: it is gone, or has forgotten the link.
var ErrFull = errors.New("sequence: too many messages are under way")

// Frame is what travels.
type Frame struct {
	Seq  uint64 `json:"seq,omitempty"`  // of Body; 0: there is none
	Body []byte `json:"body,omitempty"` // base64 in JSON
	Ack  uint64 `json:"ack,omitempty"`  // all up to it have come
	Top  uint64 `json:"top,omitempty"`  // with Keep: the highest number that was sent
	Gap  bool   `json:"gap,omitempty"`  // something after Ack is missing: send again
}

// End is one side of a link. The zero End is ready for the first message.
type End struct {
	sent    uint64   // the last number given
	unacked [][]byte // bodies sent-len+1 .. sent

	come    uint64 // all up to it were handed on
	waiting map[uint64][]byte
}

// Send numbers a message.
func (e *End) Send(body []byte) (Frame, error) {
	if len(e.unacked) >= Window {
		return Frame{}, ErrFull
	}
	e.sent++
	e.unacked = append(e.unacked, body)
	return Frame{Seq: e.sent, Body: body, Ack: e.come}, nil
}

// Receive takes a frame. It returns the bodies whose turn it is, and what to send back at once, if anything.
func (e *End) Receive(f Frame) (bodies [][]byte, back []Frame) {
	e.forget(f.Ack)
	if f.Gap {
		back = e.Unacked()
	}
	switch {
	case f.Seq == 0 || f.Seq <= e.come: // nothing, or once more
	case f.Seq > e.come+Window: // no honest side is so far ahead
	case f.Seq == e.come+1:
		e.come++
		bodies = append(bodies, f.Body)
		for body, ok := e.waiting[e.come+1]; ok; body, ok = e.waiting[e.come+1] {
			e.come++
			delete(e.waiting, e.come)
			bodies = append(bodies, body)
		}
	default:
		if _, known := e.waiting[f.Seq]; !known {
			if e.waiting == nil {
				e.waiting = make(map[uint64][]byte)
			}
			e.waiting[f.Seq] = f.Body
			back = append(back, Frame{Ack: e.come, Gap: true})
		}
	}
	if f.Top > e.come {
		back = append(back, Frame{Ack: e.come, Gap: true})
	}
	return bodies, back
}

// Keep is what tells the other side, now and then, how far this one is.
func (e *End) Keep() Frame { return Frame{Ack: e.come, Top: e.sent} }

// Idle reports whether nothing is under way from this side.
func (e *End) Idle() bool { return len(e.unacked) == 0 }

// Unacked is what was sent and may not have come.
func (e *End) Unacked() []Frame {
	frames := make([]Frame, len(e.unacked))
	for i, body := range e.unacked {
		frames[i] = Frame{Seq: e.sent - uint64(len(e.unacked)-1-i), Body: body, Ack: e.come}
	}
	return frames
}

// forget drops what has come at the other side.
func (e *End) forget(ack uint64) {
	first := e.sent - uint64(len(e.unacked)) + 1
	if ack > e.sent || ack < first {
		return
	}
	n := int(ack - first + 1)
	clear(e.unacked[:n])
	if e.unacked = e.unacked[n:]; len(e.unacked) == 0 {
		e.unacked = nil
	}
}
