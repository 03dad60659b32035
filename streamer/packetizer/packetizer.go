// Package packetizer cuts the slices of an access unit into RTP payloads, without copying what fits and without
// allocating: how large is each packet, and where does a NAL unit, a frame or an OBU end?
//
// A packetizer is used by one goroutine at a time.
package packetizer

import (
	"errors"
	"fmt"

	"nearlight/internal/media"
)

// MaxPayload is the largest RTP payload, in bytes. With 12 bytes of RTP header, up to 32 of header extensions, 40 that a repair packet
// has beside what it protects (package fec, and its own number), 10 of SRTP tag, 4 of a TURN channel and 48 of IPv6 and UDP headers a
// packet stays under 1280 bytes, IPv6's minimum MTU (RFC 8200 section 5), which no link on the public Internet fragments or drops.
const MaxPayload = 1130

// ErrCodec reports a codec that there is no packetizer for.
var ErrCodec = errors.New("codec cannot be packetized")

// Packetizer cuts one codec's slices.
type Packetizer interface {
	// Packetize calls emit for each payload of the slice, in order. A payload is valid only inside the call. marker is set on the
	// last payload of the slice that ends its access unit (RTP's marker bit). If emit fails, the rest is dropped and its error
	// returned.
	Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error
}

// New makes a packetizer for one stream. The error wraps ErrCodec.
func New(codec media.Codec) (Packetizer, error) {
	switch codec {
	case media.H264:
		return new(H264), nil
	case media.HEVC:
		return new(HEVC), nil
	case media.VP8:
		return new(VP8), nil
	case media.VP9:
		return new(VP9), nil
	case media.AV1:
		return new(AV1), nil
	}
	return nil, fmt.Errorf("%w: %q", ErrCodec, codec)
}

// packets is how many packets with so much room each hold size bytes.
func packets(size, room int) int { return (size + room - 1) / room }

// fragment is where part i of so many begins and ends, when size bytes are cut into parts of nearly equal size: so that no
// packet is tiny, and repair packets protect equal lengths. The longer ones come first: two runs of equally long packets, which
// the kernel can cut from a buffer each.
func fragment(i, parts, size int) (from, to int) {
	each, longer := size/parts, size%parts
	from = i*each + min(i, longer)
	to = from + each
	if i < longer {
		to++
	}
	return from, to
}

// pictureID counts the frames of a stream modulo 2^15: libwebrtc takes a frame to refer to the one before it, by this
// number, when the descriptor names no layers.
type pictureID uint16

const (
	pictureIDLong = 0x80 // M: the identifier has 15 bits
	pictureIDMask = 0x7fff
)

func (p *pictureID) next() { *p = (*p + 1) & pictureIDMask }

// put writes the two octets that RFC 7741 section 4.2 and RFC 9628 section 4.2 have alike.
func (p pictureID) put(descriptor []byte) {
	descriptor[0], descriptor[1] = pictureIDLong|byte(p>>8), byte(p)
}
