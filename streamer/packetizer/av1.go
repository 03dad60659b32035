package packetizer

import "nearlight/internal/media"

// OBU header fields and types (AV1 sections 5.3.2 and 6.2.2).
const (
	obuTypeMask  = 0x78
	obuExtension = 0x04
	obuHasSize   = 0x02

	obuTemporalDelimiter = 2 << 3
	obuTileList          = 8 << 3
	obuPadding           = 15 << 3
)

// The aggregation header (RTP Payload Format For AV1, version 1.0, section 4.4).
const (
	av1Continues   = 0x80 // Z: the first element continues one of the packet before
	av1Unfinished  = 0x40 // Y: the last element goes on in the next packet
	av1CountShift  = 4    // W: how many elements there are, the last of which has no length; 0: each has one
	av1CountMost   = 3
	av1NewSequence = 0x08 // N: a coded video sequence begins

	av1Header = 1
)

// AV1 packetizes temporal units in the low-overhead form (AV1 section 5.2) by the AOM's RTP payload format: OBUs go without
// their own size, small ones share a packet with the beginning of the next, and temporal delimiters, tile lists and
// padding are left out.
type AV1 struct {
	open    bool // the temporal unit's first packet has been made
	scratch [MaxPayload]byte
	size    int // of the packet in scratch, its header included; 0 for none
	count   int // elements in it, each with its length
}

var _ Packetizer = (*AV1)(nil)

// Packetize implements Packetizer. What is not a sequence of OBUs that tell their sizes is dropped from there on.
func (p *AV1) Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error {
	p.size, p.count = 0, 0
	unit, rest := nextOBU(s.Data)
	for unit.size() > 0 {
		var following obu
		following, rest = nextOBU(rest)
		last := following.size() == 0
		if !last && p.hold(unit, s.Keyframe) {
			unit = following
			continue
		}
		if err := p.send(unit, s.Keyframe, s.Last && last, emit); err != nil {
			p.open = false
			return err
		}
		unit = following
	}
	p.open = p.open && !s.Last
	return nil
}

// begin starts a packet in scratch unless there is one.
func (p *AV1) begin(keyframe bool) {
	if p.size > 0 {
		return
	}
	p.scratch[0], p.size, p.count = 0, av1Header, 0
	if keyframe && !p.open {
		p.scratch[0] = av1NewSequence
	}
	p.open = true
}

// hold adds a whole unit, with its length, to the packet in scratch, and reports whether it did: what is held stays within a
// third of a packet, so that the unit which follows always has a part in that packet.
func (p *AV1) hold(u obu, keyframe bool) bool {
	p.begin(keyframe)
	if p.count == av1CountMost-1 || p.size+maxLength+u.size() > MaxPayload/3 {
		return false
	}
	p.size += putLength(p.scratch[p.size:], u.size())
	p.size += u.copy(p.scratch[p.size:], 0, u.size())
	p.count++
	return true
}

// send emits a unit as the last element of the packet in scratch, and where that has not room enough in as many more as it
// needs, so that all are of nearly equal size.
func (p *AV1) send(u obu, keyframe, marker bool, emit func(payload []byte, marker bool) error) error {
	p.begin(keyframe)
	held := p.size - av1Header
	parts := packets(held+u.size(), MaxPayload-av1Header)
	for i := range parts {
		from, to := fragment(i, parts, held+u.size())
		from, to = max(from-held, 0), to-held
		last := i == parts-1
		if i > 0 {
			p.begin(keyframe)
			p.scratch[0] |= av1Continues
		}
		if !last {
			p.scratch[0] |= av1Unfinished
		}
		p.scratch[0] |= byte((p.count + 1) << av1CountShift)
		size := p.size + u.copy(p.scratch[p.size:], from, to)
		p.size, p.count = 0, 0
		if err := emit(p.scratch[:size], marker && last); err != nil {
			return err
		}
	}
	return nil
}

// obu is one open bitstream unit as it is sent: its header, changed to say that no size follows, and its payload.
type obu struct {
	header  [2]byte
	length  int // of header
	payload []byte
}

func (u *obu) size() int { return u.length + len(u.payload) }

// copy writes bytes from to to of the unit and returns how many those are.
func (u *obu) copy(dst []byte, from, to int) int {
	n := 0
	if from < u.length {
		n = copy(dst, u.header[from:min(u.length, to)])
	}
	if to > u.length {
		n += copy(dst[n:], u.payload[max(from-u.length, 0):to-u.length])
	}
	return n
}

// nextOBU returns the first unit worth sending, and what follows it; a unit of size 0 at the end.
func nextOBU(stream []byte) (u obu, rest []byte) {
	for len(stream) > 0 {
		header := stream[0]
		u = obu{header: [2]byte{header &^ obuHasSize}, length: 1}
		stream = stream[1:]
		if header&obuExtension != 0 {
			if len(stream) == 0 {
				return obu{}, nil
			}
			u.header[1], u.length = stream[0], 2
			stream = stream[1:]
		}
		size, used := len(stream), 0
		if header&obuHasSize != 0 {
			size, used = length(stream)
			if used == 0 || size > len(stream)-used {
				return obu{}, nil
			}
		}
		u.payload, stream = stream[used:used+size], stream[used+size:]
		switch header & obuTypeMask {
		case obuTemporalDelimiter, obuTileList, obuPadding:
			continue
		}
		return u, stream
	}
	return obu{}, nil
}

// maxLength is the most octets of a length that Packetize writes: two hold 14 bits.
const maxLength = 2

// putLength writes a number in LEB128 (AV1 section 4.10.5).
func putLength(to []byte, n int) int {
	at := 0
	for ; n >= 0x80; n >>= 7 {
		to[at] = byte(n) | 0x80
		at++
	}
	to[at] = byte(n)
	return at + 1
}

// length reads a number in LEB128 and how many octets it takes; none when it does not end, or exceeds 32 bits.
func length(from []byte) (n, used int) {
	for i, octet := range from[:min(len(from), 5)] {
		n |= int(octet&0x7f) << (7 * i)
		if octet&0x80 == 0 {
			return n, i + 1
		}
	}
	return 0, 0
}
