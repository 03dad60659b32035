// Package fec makes and undoes repair packets: from one that says what some packets of a stream come to together, and all of those but
// one, the missing one is made again, without asking anybody.
//
// The format is FlexFEC as browsers speak it, draft 03 (draft-ietf-payload-flexible-fec-scheme-03 section 4.2), with one protected stream
// and the mask of that draft. Of the RTP extensions that change on the way to the network, the transport-wide number above all, zeros are
// protected, as libwebrtc expects.
package fec

import (
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
)

// MimeType names the format in an SDP, and Parameters are what has to stand there: how long the receiver keeps packets, in microseconds.
const (
	MimeType   = "video/flexfec-03"
	Parameters = "repair-window=10000000"
)

// MaxSpan is how many packets a repair packet can reach over: the bits of the three parts of a mask.
const MaxSpan = 15 + 31 + 63

// Sizes in octets.
const (
	rtpHeader  = 12
	fixed      = 18 // of the header before the mask
	firstMask  = 2
	secondMask = 4
	thirdMask  = 8
	// MaxHeader is how much longer than what a packet has behind its fixed header a repair packet's payload may be.
	MaxHeader = fixed + firstMask + secondMask + thirdMask
)

// Errors of reading a repair packet.
var (
	// ErrShort reports one that ends too soon.
	ErrShort = errors.New("repair packet: it ends too soon")
	// ErrForm reports one that is not of the form that this package undoes.
	ErrForm = errors.New("repair packet: unknown form")
)

// Parity is a repair packet in the making. The zero value is ready. One goroutine uses it.
type Parity struct {
	ssrc  uint32
	base  uint16
	count int
	mask  [MaxSpan]bool
	span  int
	head  [8]byte // the first two octets, the length, the timestamp
	body  []byte
}

// Reset begins a new one, which protects nothing yet.
func (p *Parity) Reset() { *p = Parity{body: p.body[:0]} }

// Protects is how many packets it protects.
func (p *Parity) Protects() int { return p.count }

// Add protects a packet, given as a whole before encryption. Packets come in order; one that is too far from the first, or shorter than
// RTP's header, is not protected, and false returned.
func (p *Parity) Add(packet []byte) bool {
	if len(packet) < rtpHeader {
		return false
	}
	sequence := binary.BigEndian.Uint16(packet[2:])
	if p.count == 0 {
		p.base, p.ssrc = sequence, binary.BigEndian.Uint32(packet[8:])
	}
	at := int(sequence - p.base)
	if at >= MaxSpan || p.mask[at] {
		return false
	}
	p.mask[at], p.span = true, max(p.span, at+1)
	p.count++
	p.head, p.body = fold(p.head, p.body, packet)
	return true
}

// fold takes a packet's exclusive or with what others have come to.
func fold(head [8]byte, body, packet []byte) ([8]byte, []byte) {
	head[0] ^= packet[0]
	head[1] ^= packet[1]
	rest := packet[rtpHeader:]
	length := uint16(len(rest))
	head[2] ^= byte(length >> 8)
	head[3] ^= byte(length)
	for i := range 4 {
		head[4+i] ^= packet[4+i]
	}
	if have := len(body); have < len(rest) {
		body = slices.Grow(body, len(rest)-have)[:len(rest)]
		clear(body[have:])
	}
	subtle.XORBytes(body, body, rest)
	return head, body
}

// Append adds the repair packet's payload to dst.
func (p *Parity) Append(dst []byte) []byte {
	head := p.head
	head[0] &= 0x3f // R and F: a mask, and no repeat
	dst = append(dst, head[:]...)
	dst = append(dst, 1, 0, 0, 0) // one stream; reserved
	dst = binary.BigEndian.AppendUint32(dst, p.ssrc)
	dst = binary.BigEndian.AppendUint16(dst, p.base)
	last := p.span <= 15
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.part(0, 15, last)))
	if !last {
		last = p.span <= 15+31
		dst = binary.BigEndian.AppendUint32(dst, uint32(p.part(15, 31, last)))
	}
	if !last {
		dst = binary.BigEndian.AppendUint64(dst, p.part(15+31, 63, true))
	}
	return append(dst, p.body...)
}

// part is a part of the mask: so many bits from one on, behind the one that says whether it is the last part.
func (p *Parity) part(from, bits int, last bool) (part uint64) {
	if last {
		part = 1
	}
	for i := range bits {
		part <<= 1
		if p.mask[from+i] {
			part |= 1
		}
	}
	return part
}
