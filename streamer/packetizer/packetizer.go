// Package packetizer cuts the slices of an access unit into RTP payloads, without copying what fits and without
// allocating: how large is each packet, and where does a NAL unit end?
//
// A packetizer is used by one goroutine at a time.
package packetizer

import "nearlight/internal/media"

// MaxPayload is the largest RTP payload, in bytes. With 12 bytes of RTP header, up to 40 of header extensions, 10 of SRTP tag, 4
// of a TURN channel and 48 of IPv6 and UDP headers a packet stays under 1280 bytes, IPv6's minimum MTU (RFC 8200
// section 5), which no link on the public Internet fragments or drops.
const MaxPayload = 1160

// Packetizer cuts one codec's slices.
type Packetizer interface {
	// Packetize calls emit for each payload of the slice, in order. A payload is valid only inside the call. marker is set on the
	// last payload of the slice that ends its access unit (RTP's marker bit). If emit fails, the rest is dropped and its error
	// returned.
	Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error
}
