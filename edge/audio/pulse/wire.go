package pulse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ErrProtocol reports bytes that are none of PulseAudio's protocol, or more of them than anything here needs.
var ErrProtocol = errors.New("not PulseAudio's protocol")

// A message is a descriptor of five 32-bit numbers, all big-endian, and a payload: length, channel, two for an offset, flags.
const (
	descriptorLength = 20
	// controlChannel marks commands; any other channel is a stream, and the payload its samples.
	controlChannel = 0xffffffff
	// longestMessage bounds what a server can make us hold: a quarter of a second of sound, where a fragment is a few milliseconds.
	longestMessage = 48 << 10
)

// The commands that are used or looked at.
const (
	commandError              = 0
	commandReply              = 2
	commandCreateRecordStream = 5
	commandAuth               = 8
	commandSetClientName      = 9
	commandGetServerInfo      = 20
	commandRecordStreamKilled = 65
)

// The tags before each value of a command.
const (
	tagString     = 't'
	tagNull       = 'N'
	tagNumber     = 'L'
	tagSampleSpec = 'a'
	tagBytes      = 'x'
	tagTrue       = '1'
	tagFalse      = '0'
	tagChannelMap = 'm'
	tagProperties = 'P'
)

const undefined = 0xffffffff // leaves a number to the server

// writer makes a command.
type writer struct{ bytes []byte }

// command begins one; what it answers carries the same serial number.
func command(code, serial uint32) *writer {
	w := &writer{make([]byte, descriptorLength, 512)}
	w.number(code)
	w.number(serial)
	return w
}

func (w *writer) number(v uint32) {
	w.bytes = binary.BigEndian.AppendUint32(append(w.bytes, tagNumber), v)
}

func (w *writer) text(s string) { w.bytes = append(append(append(w.bytes, tagString), s...), 0) }

func (w *writer) truth(v bool) {
	tag := byte(tagFalse)
	if v {
		tag = tagTrue
	}
	w.bytes = append(w.bytes, tag)
}

func (w *writer) data(b []byte) {
	w.bytes = append(binary.BigEndian.AppendUint32(append(w.bytes, tagBytes), uint32(len(b))), b...)
}

func (w *writer) sampleSpec(format, channels byte, rate uint32) {
	w.bytes = binary.BigEndian.AppendUint32(append(w.bytes, tagSampleSpec, format, channels), rate)
}

func (w *writer) channelMap(channels ...byte) {
	w.bytes = append(append(w.bytes, tagChannelMap, byte(len(channels))), channels...)
}

// properties are pairs of a name and a text.
func (w *writer) properties(pairs ...string) {
	w.bytes = append(w.bytes, tagProperties)
	for pair := range slices.Chunk(pairs, 2) {
		value := append([]byte(pair[1]), 0)
		w.text(pair[0])
		w.number(uint32(len(value)))
		w.data(value)
	}
	w.bytes = append(w.bytes, tagNull)
}

// message completes the command.
func (w *writer) message() []byte {
	binary.BigEndian.PutUint32(w.bytes, uint32(len(w.bytes)-descriptorLength))
	binary.BigEndian.PutUint32(w.bytes[4:], controlChannel)
	return w.bytes
}

// descriptor reads a message's.
func descriptor(b []byte) (length int, channel uint32, err error) {
	length, channel = int(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])
	if length > longestMessage {
		return 0, 0, fmt.Errorf("%w: a message of %d octets", ErrProtocol, length)
	}
	return length, channel, nil
}

// reader takes a command apart.
type reader struct{ rest []byte }

func (r *reader) number() (uint32, error) {
	if len(r.rest) < 5 || r.rest[0] != tagNumber {
		return 0, fmt.Errorf("%w: a number is missing", ErrProtocol)
	}
	v := binary.BigEndian.Uint32(r.rest[1:])
	r.rest = r.rest[5:]
	return v, nil
}

// text reads a text, which may be missing: then it is empty.
func (r *reader) text() (string, error) {
	if len(r.rest) > 0 && r.rest[0] == tagNull {
		r.rest = r.rest[1:]
		return "", nil
	}
	if len(r.rest) == 0 || r.rest[0] != tagString {
		return "", fmt.Errorf("%w: a text is missing", ErrProtocol)
	}
	text, rest, ended := bytes.Cut(r.rest[1:], []byte{0})
	if !ended {
		return "", fmt.Errorf("%w: a text has no end", ErrProtocol)
	}
	r.rest = rest
	return string(text), nil
}

func (r *reader) sampleSpec() (format, channels byte, rate uint32, err error) {
	if len(r.rest) < 7 || r.rest[0] != tagSampleSpec {
		return 0, 0, 0, fmt.Errorf("%w: the samples' format is missing", ErrProtocol)
	}
	format, channels, rate = r.rest[1], r.rest[2], binary.BigEndian.Uint32(r.rest[3:])
	r.rest = r.rest[7:]
	return format, channels, rate, nil
}
