package tells

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// datagrams sorts what came by its first octet (RFC 9443 section 3).
func (f Features) datagrams(all []Datagram) {
	var s checks
	var h greeting
	for _, d := range all {
		if len(d.Data) < 1 {
			continue
		}
		switch first := d.Data[0]; {
		case first < 4:
			s.take(f, d)
		case first >= 20 && first < 64:
			f.records(d.Data, &h)
		case first >= 128 && len(d.Data) >= 8 && d.Data[1] >= 192 && d.Data[1] < 224: // RTCP, whose first header is in the clear (RFC 3711 section 3.4)
			kind := d.Data[1]
			f.is(RTCP, fmt.Sprintf("octets after the first packet, of %d", kind), len(d.Data)-4*(int(binary.BigEndian.Uint16(d.Data[2:]))+1))
		}
	}
	s.sum(f)
}

// STUN's numbers (RFC 8489 section 14, RFC 8445 section 16.1).
const (
	stunHeader      = 20
	bindingRequest  = 0x0001
	bindingResponse = 0x0101
	attrUsername    = 0x0006
	attrPriority    = 0x0024
	attrNominate    = 0x0025
)

// checks are a session's binding requests.
type checks struct {
	requests  []time.Duration
	responses int
}

func (s *checks) take(f Features, d Datagram) {
	kind, attributes, err := Attributes(d.Data)
	if err != nil {
		f.is(STUN, "malformed", err)
		return
	}
	var names []string
	for _, a := range attributes {
		name := fmt.Sprintf("%04x", a.Type)
		switch a.Type {
		case attrUsername:
			_, own, _ := strings.Cut(string(a.Value), ":")
			name += fmt.Sprintf("(%d)", len(own))
		case attrPriority:
			if len(a.Value) == 4 {
				f.is(STUN, "priority's type preference", a.Value[0])
				f.is(STUN, "priority's local preference", binary.BigEndian.Uint16(a.Value[1:]))
			}
		case 0x8022:
			name += fmt.Sprintf("(%q)", a.Value)
		default:
			name += fmt.Sprintf("[%d]", len(a.Value))
		}
		names = append(names, name)
	}
	switch kind {
	case bindingRequest:
		s.requests = append(s.requests, d.At)
	case bindingResponse:
		s.responses++
	}
	f.is(STUN, fmt.Sprintf("attributes of %04x", kind), strings.Join(names, " "))
}

func (s *checks) sum(f Features) {
	first := s.requests
	for i, at := range first {
		if at > first[0]+2*time.Second {
			first = first[:i]
			break
		}
	}
	f.number(STUN, "requests in the first 2 s", float64(len(first)))
	f.spread(STUN, "interval of requests", intervals(s.requests[len(first):]))
	f.spread(STUN, "interval of first requests", intervals(first))
}

// Attribute is one of a STUN message.
type Attribute struct {
	Type  uint16
	Value []byte
}

// Attributes reads a STUN message. Values are parts of data.
func Attributes(data []byte) (kind uint16, attributes []Attribute, err error) {
	if len(data) < stunHeader || int(binary.BigEndian.Uint16(data[2:])) != len(data)-stunHeader {
		return 0, nil, fmt.Errorf("a message of %d octets", len(data))
	}
	kind = binary.BigEndian.Uint16(data)
	for rest := data[stunHeader:]; len(rest) > 0; {
		if len(rest) < 4 {
			return 0, nil, fmt.Errorf("%d octets after the last attribute", len(rest))
		}
		length := int(binary.BigEndian.Uint16(rest[2:]))
		padded := 4 + (length+3)&^3
		if padded > len(rest) {
			return 0, nil, fmt.Errorf("an attribute of %d octets in %d", length, len(rest))
		}
		attributes = append(attributes, Attribute{binary.BigEndian.Uint16(rest), rest[4 : 4+length]})
		rest = rest[padded:]
	}
	return kind, attributes, nil
}

// DTLS's numbers (RFC 6347 section 4.1, RFC 5246 section 7.4).
const (
	recordHeader    = 13
	handshakeHeader = 12
	recordHandshake = 22
	clientHello     = 1
)

// greeting is a hello whose fragments come (RFC 6347 section 4.2.3).
type greeting struct {
	message []byte // with a header as if it were whole
	come    int
}

// longestHello bounds what is put together, in octets.
const longestHello = 8192

// add takes a fragment, and returns the hello once it is whole.
func (g *greeting) add(fragment []byte) []byte {
	number := func(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }
	length, offset, part := number(fragment[1:]), number(fragment[6:]), number(fragment[9:])
	if length > longestHello || offset+part > length || len(fragment) != handshakeHeader+part {
		return nil
	}
	if len(g.message) != handshakeHeader+length || offset == 0 {
		g.message, g.come = append(fragment[:handshakeHeader:handshakeHeader], make([]byte, length)...), 0
	}
	g.come += copy(g.message[handshakeHeader+offset:], fragment[handshakeHeader:])
	if g.come < length {
		return nil
	}
	g.come = 0
	return g.message
}

// records looks at the handshake's records that are in the clear.
func (f Features) records(data []byte, h *greeting) {
	kinds := ""
	for len(data) >= recordHeader {
		length := int(binary.BigEndian.Uint16(data[11:]))
		if len(data) < recordHeader+length {
			f.is(DTLS, "malformed", "record")
			return
		}
		body := data[recordHeader : recordHeader+length]
		epoch := binary.BigEndian.Uint16(data[3:])
		if data[0] != 23 && epoch == 0 {
			kinds += fmt.Sprintf("%d ", data[0])
			if data[0] == recordHandshake && length >= handshakeHeader {
				kinds += fmt.Sprintf("(%d, version %x) ", body[0], data[1:3])
				if body[0] == clientHello {
					if whole := h.add(body); whole != nil {
						f.hello(whole)
					}
				}
			}
		}
		data = data[recordHeader+length:]
	}
	if kinds != "" {
		f.is(DTLS, "flight", kinds)
	}
}

func (f Features) hello(body []byte) {
	h, err := ReadHello(body)
	if err != nil {
		f.is(DTLS, "hello", err)
		return
	}
	for _, line := range h.Form() {
		f.is(DTLS, "hello", line)
	}
}

// Hello is what a ClientHello says, in its order.
type Hello struct {
	Version    uint16
	Session    int // octets
	Cookie     int
	Suites     []uint16
	Extensions []Attribute
}

// take cuts a vector with a length of n octets off data.
func take(data []byte, n int) (vector, rest []byte, ok bool) {
	if len(data) < n {
		return nil, nil, false
	}
	length := 0
	for _, b := range data[:n] {
		length = length<<8 | int(b)
	}
	if len(data) < n+length {
		return nil, nil, false
	}
	return data[n : n+length], data[n+length:], true
}

// ReadHello reads a handshake message with its header.
func ReadHello(message []byte) (h Hello, err error) {
	malformed := fmt.Errorf("a hello of %d octets that ends too soon", len(message))
	if len(message) < handshakeHeader+34 {
		return h, malformed
	}
	body := message[handshakeHeader:]
	h.Version = binary.BigEndian.Uint16(body)
	session, rest, ok := take(body[34:], 1)
	if !ok {
		return h, malformed
	}
	cookie, rest, ok := take(rest, 1)
	if !ok {
		return h, malformed
	}
	h.Session, h.Cookie = len(session), len(cookie)
	suites, rest, ok := take(rest, 2)
	if !ok {
		return h, malformed
	}
	for ; len(suites) >= 2; suites = suites[2:] {
		h.Suites = append(h.Suites, binary.BigEndian.Uint16(suites))
	}
	if _, rest, ok = take(rest, 1); !ok { // compression
		return h, malformed
	}
	extensions, _, ok := take(rest, 2)
	if !ok && len(rest) > 0 {
		return h, malformed
	}
	for len(extensions) > 0 {
		if len(extensions) < 4 {
			return h, malformed
		}
		value, rest, ok := take(extensions[2:], 2)
		if !ok {
			return h, malformed
		}
		h.Extensions = append(h.Extensions, Attribute{binary.BigEndian.Uint16(extensions), value})
		extensions = rest
	}
	return h, nil
}

// extensionKeyShare has public keys, which are chance but for their groups and lengths (RFC 8446 section 4.2.8).
const extensionKeyShare = 51

// Form is a hello without what is chosen by chance, the order of extensions apart from their contents.
func (h Hello) Form() []string {
	lines := []string{fmt.Sprintf("version %04x", h.Version), fmt.Sprintf("session of %d", h.Session), fmt.Sprintf("cookie of %d", h.Cookie), fmt.Sprintf("suites %04x", h.Suites)}
	var kinds []uint16
	for _, e := range h.Extensions {
		kinds = append(kinds, e.Type)
		value := fmt.Sprintf("%x", e.Value)
		if e.Type == extensionKeyShare {
			value = fmt.Sprintf("%d octets", len(e.Value))
		}
		lines = append(lines, fmt.Sprintf("extension %d: %s", e.Type, value))
	}
	return append(lines, fmt.Sprint("order ", kinds))
}
