// Package wire answers one question: how do the bytes on a Wayland socket become messages, and messages bytes?
//
// # Vocabulary
//
// A message goes to or comes from an object, which has a number, and its opcode says which of the object's requests or
// events it is (Wayland protocol, "Wire Format"). A Message is one that came in; its Arguments are read in the order in
// which the object's interface declares them. A Writer puts requests together. A Conn is a socket, and the way to wait
// for it. What objects there are and what their messages mean is for the caller to know.
//
// # Trust
//
// Nothing that a peer sends is believed: lengths are checked before they are used, a message is at most LongestMessage,
// and what does not parse is ErrMalformed.
//
// # Concurrency
//
// A Conn is used by one goroutine at a time, but for Interrupt. Nothing is allocated after Open, but for strings and passed
// descriptors.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed reports bytes that are no Wayland messages.
var ErrMalformed = errors.New("malformed Wayland message")

const (
	headerBytes = 8
	wordBytes   = 4
	// LongestMessage is what the reference implementation takes in one message, and so what every compositor keeps to.
	LongestMessage = 4096
)

// Message is one that a peer sent. It is valid until the next call of the function that returned it.
type Message struct {
	Object uint32
	Opcode uint16
	Arguments
}

// Parse reads the message at the start of b. It returns how many bytes that is, 0 when b does not hold all of it yet.
func Parse(b []byte) (Message, int, error) {
	if len(b) < headerBytes {
		return Message{}, 0, nil
	}
	object, word := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[wordBytes:])
	length := int(word >> 16)
	if object == 0 || length < headerBytes || length > LongestMessage || length%wordBytes != 0 {
		return Message{}, 0, fmt.Errorf("%w: object %d, %d bytes", ErrMalformed, object, length)
	}
	if len(b) < length {
		return Message{}, 0, nil
	}
	return Message{Object: object, Opcode: uint16(word), Arguments: Arguments{rest: b[headerBytes:length]}}, length, nil
}

// Arguments are a message's, read one after the other. What is missing reads as zero, and Err tells so at the end.
type Arguments struct {
	rest  []byte
	short bool
}

// Uint reads an unsigned number, an object or an enumeration.
func (a *Arguments) Uint() uint32 {
	word := a.take(wordBytes)
	if word == nil {
		return 0
	}
	return binary.NativeEndian.Uint32(word)
}

// Int reads a signed number.
func (a *Arguments) Int() int { return int(int32(a.Uint())) }

// String reads a string, which the wire ends with a zero octet.
func (a *Arguments) String() string {
	b := a.Array()
	if len(b) == 0 || b[len(b)-1] != 0 {
		a.short = true
		return ""
	}
	return string(b[:len(b)-1])
}

// Array reads octets; they belong to the message.
func (a *Arguments) Array() []byte {
	length := a.Uint()
	if length > LongestMessage {
		a.short = true
		return nil
	}
	padded := a.take(int(length+wordBytes-1) &^ (wordBytes - 1))
	if padded == nil {
		return nil
	}
	return padded[:length]
}

func (a *Arguments) take(n int) []byte {
	if a.short || len(a.rest) < n {
		a.short = true
		return nil
	}
	taken := a.rest[:n:n]
	a.rest = a.rest[n:]
	return taken
}

// Err reports whether the message was too short for what was read of it. Arguments that a later version of an interface
// may have added are none of the reader's business.
func (a *Arguments) Err() error {
	if a.short {
		return fmt.Errorf("%w: too few arguments", ErrMalformed)
	}
	return nil
}

// Writer gathers requests. Begin starts one, End finishes it, its arguments are appended in between.
type Writer struct {
	bytes []byte
	start int // of the request under way
}

// Begin starts a request of an object.
func (w *Writer) Begin(object uint32, opcode uint16) {
	w.start = len(w.bytes)
	w.Uint(object)
	w.Uint(uint32(opcode)) // completed by End
}

// Uint appends an unsigned number, an object, a new object's number or an enumeration.
func (w *Writer) Uint(v uint32) { w.bytes = binary.NativeEndian.AppendUint32(w.bytes, v) }

// Int appends a signed number.
func (w *Writer) Int(v int) { w.Uint(uint32(int32(v))) }

// String appends a string.
func (w *Writer) String(s string) {
	w.Uint(uint32(len(s) + 1))
	w.bytes = append(append(w.bytes, s...), 0)
	w.pad()
}

// Array appends octets.
func (w *Writer) Array(b []byte) {
	w.Uint(uint32(len(b)))
	w.bytes = append(w.bytes, b...)
	w.pad()
}

func (w *Writer) pad() {
	for (len(w.bytes)-w.start)%wordBytes != 0 {
		w.bytes = append(w.bytes, 0)
	}
}

// End finishes the request. One that is longer than LongestMessage is a mistake of the caller's, and panics.
func (w *Writer) End() {
	length := len(w.bytes) - w.start
	if length > LongestMessage {
		panic(fmt.Sprintf("wire: a request of %d bytes", length))
	}
	at := w.bytes[w.start+wordBytes:]
	binary.NativeEndian.PutUint32(at, binary.NativeEndian.Uint32(at)|uint32(length)<<16)
}

// Bytes are the requests so far; Reset forgets them.
func (w *Writer) Bytes() []byte { return w.bytes }

// Reset forgets what was gathered, and keeps its memory.
func (w *Writer) Reset() { w.bytes = w.bytes[:0] }
