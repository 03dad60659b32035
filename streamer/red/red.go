// Package red answers one question: how does a packet of sound carry the frames before it, so that a packet that is lost is not
// missed (RFC 2198)? It is pure.
//
// A payload is a header for each frame, the oldest first, then the frames. The header of all but the last says how much older a
// frame is than the packet, in ticks of its clock, and how long:
//
//	 0                   1                    2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3  4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	|1|  payload type |   timestamp offset         |   block length  |
//	|0|  payload type |
//
// A Packer has one user at a time.
package red

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of the format (RFC 2198 section 3).
const (
	longestOffset = 1<<14 - 1 // ticks by which a repeated frame may be older
	longestRepeat = 1<<10 - 1 // octets of one
	headerLength  = 4         // of a repeated frame's header
	lastLength    = 1         // of the last one's
)

// MaxBlocks is how many frames Parse takes from one packet: far more than anybody repeats.
const MaxBlocks = 8

// ErrPayload reports a payload that is not of this format.
var ErrPayload = errors.New("malformed redundant payload")

// Packer makes payloads in which each frame comes twice: as the packet's own, and again in the next packet.
type Packer struct {
	payloadType uint8 // of the frames
	largest     int   // octets that a payload may have
	previous    []byte
	timestamp   uint32 // of previous
}

// NewPacker makes a packer for frames of a payload type; a payload has at most so many octets, where a frame is not longer by itself.
func NewPacker(payloadType uint8, largest int) *Packer {
	return &Packer{payloadType: payloadType & 0x7f, largest: largest}
}

// Pack appends the payload for a frame, which it remembers for the next. A previous frame that is too old or too long is left out.
func (p *Packer) Pack(payload []byte, timestamp uint32, frame []byte) []byte {
	offset, length := timestamp-p.timestamp, len(p.previous)
	repeats := length > 0 && length <= longestRepeat && offset > 0 && offset <= longestOffset &&
		headerLength+lastLength+length+len(frame) <= p.largest
	if repeats {
		payload = binary.BigEndian.AppendUint32(payload, 1<<31|uint32(p.payloadType)<<24|offset<<10|uint32(length))
	}
	payload = append(payload, p.payloadType)
	if repeats {
		payload = append(payload, p.previous...)
	}
	p.previous, p.timestamp = append(p.previous[:0], frame...), timestamp
	return append(payload, frame...)
}

// Block is one frame of a packet. Data is part of the payload.
type Block struct {
	PayloadType uint8
	Timestamp   uint32
	Data        []byte
}

// Parse appends the frames of a payload whose packet has the timestamp given, the oldest first. The error wraps ErrPayload.
func Parse(blocks []Block, payload []byte, timestamp uint32) ([]Block, error) {
	var lengths [MaxBlocks]int
	first, rest := len(blocks), payload
	for repeats := 0; ; repeats++ {
		if len(rest) < lastLength {
			return blocks[:first], fmt.Errorf("%w: %d octets end within the headers", ErrPayload, len(payload))
		}
		if repeats == MaxBlocks {
			return blocks[:first], fmt.Errorf("%w: more than %d frames", ErrPayload, MaxBlocks)
		}
		if rest[0]&0x80 == 0 {
			blocks = append(blocks, Block{PayloadType: rest[0], Timestamp: timestamp})
			rest = rest[lastLength:]
			break
		}
		if len(rest) < headerLength {
			return blocks[:first], fmt.Errorf("%w: %d octets end within a header", ErrPayload, len(payload))
		}
		header := binary.BigEndian.Uint32(rest)
		blocks = append(blocks, Block{PayloadType: uint8(header >> 24 & 0x7f), Timestamp: timestamp - header>>10&longestOffset})
		lengths[repeats] = int(header & longestRepeat)
		rest = rest[headerLength:]
	}
	found := blocks[first:]
	for i := range found {
		length := len(rest) // the last frame's is what is left
		if i < len(found)-1 {
			length = lengths[i]
		}
		if length > len(rest) {
			return blocks[:first], fmt.Errorf("%w: a frame of %d octets, and %d are left", ErrPayload, length, len(rest))
		}
		found[i].Data, rest = rest[:length:length], rest[length:]
	}
	return blocks, nil
}
