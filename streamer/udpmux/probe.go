package udpmux

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/pion/stun/v4"
	"golang.org/x/time/rate"
)

// Whoever wants to know how far an edge is asks it as ICE asks a peer, under these credentials, which everybody knows: with a STUN binding request
// (RFC 8445 section 7.2.2). The media port answers by itself. Nobody has to have a session, and the edge keeps nothing about who asks. An answer is shorter than
// its request, so that nothing is gained by asking in another's name.
const (
	ProbeUser     = "nearlightprobe"
	ProbePassword = "nearlight/tells/how+far+it+is"
)

const (
	// probesASecond bounds what answers cost: a few microseconds each. Eight players a second measure an edge some fifty times.
	probesASecond = 2000
	probeBurst    = 500
	stunHeader    = 20 // octets
	stunCookie    = 0x2112A442
)

// prober answers probes. It belongs to the one who reads the socket.
type prober struct {
	request, response stun.Message
	integrity         stun.MessageIntegrity
	limit             *rate.Limiter
}

func newProber() *prober {
	return &prober{integrity: stun.NewShortTermIntegrity(ProbePassword), limit: rate.NewLimiter(probesASecond, probeBurst)}
}

// answer reports whether a datagram is a probe. The answer to it is good until the next call; nil for one that is not to be answered.
func (p *prober) answer(data []byte, from netip.AddrPort) (answer []byte, probe bool) {
	// Media and what belongs to sessions is told apart by a few octets: by far most datagrams are.
	if len(data) < stunHeader || data[0] != 0 || data[1] != 1 || binary.BigEndian.Uint32(data[4:]) != stunCookie || !bytes.Contains(data, []byte(ProbeUser+":")) {
		return nil, false
	}
	p.request.Raw = append(p.request.Raw[:0], data...)
	if p.request.Decode() != nil {
		return nil, false
	}
	user, err := p.request.Get(stun.AttrUsername)
	if err != nil || !bytes.HasPrefix(user, []byte(ProbeUser+":")) {
		return nil, false
	}
	// What ICE asks for makes the request longer than any answer.
	whole := p.request.Contains(stun.AttrPriority) && p.request.Contains(stun.AttrICEControlling)
	if !whole || !p.limit.Allow() || stun.Fingerprint.Check(&p.request) != nil || p.integrity.Check(&p.request) != nil {
		return nil, true
	}
	mapped := stun.XORMappedAddress{IP: from.Addr().Unmap().AsSlice(), Port: int(from.Port())}
	if p.response.Build(&p.request, stun.BindingSuccess, &mapped, p.integrity, stun.Fingerprint) != nil {
		return nil, true
	}
	return p.response.Raw, true
}
