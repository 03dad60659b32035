package packetizer

import "nearlight/internal/media"

// HEVC NAL unit types (ITU-T H.265 table 7-1) and RTP payload structures (RFC 7798 section 4.4).
const (
	hevcVPS           = 32
	hevcSPS           = 33
	hevcPPS           = 34
	hevcDelimiter     = 35
	hevcFiller        = 38
	hevcPrefixSEI     = 39
	hevcAggregation   = 48
	hevcFragmentation = 49

	hevcHeader = 2 // octets of a NAL unit header: F, type (6 bits), layer (6 bits), temporal identifier (3 bits)
)

// HEVC packetizes Annex B NAL units by RFC 7798 in transmission order (no DONL): single NAL unit packets, fragmentation
// units for larger ones, and one aggregation packet for the parameter sets that precede a keyframe. Access unit
// delimiters and filler data are left out.
type HEVC struct {
	scratch [MaxPayload]byte
}

var _ Packetizer = (*HEVC)(nil)

// Packetize implements Packetizer. Data that is not an Annex B stream yields nothing.
func (p *HEVC) Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error {
	var units, size int // of an aggregation packet in scratch
	flush := func(marker bool) error {
		payload := p.scratch[:size]
		if units == 1 {
			payload = payload[hevcHeader+2:] // an aggregation packet holds two units at the least: this is one by itself
		}
		units, size = 0, 0
		if len(payload) == 0 {
			return nil
		}
		return emit(payload, marker)
	}
	nal, rest := nextHEVC(s.Data)
	for nal != nil {
		var following []byte
		following, rest = nextHEVC(rest)
		switch hevcType(nal) {
		case hevcVPS, hevcSPS, hevcPPS, hevcPrefixSEI:
			if p.aggregate(&size, nal) {
				units++
				nal = following
				continue
			}
		}
		if err := flush(false); err != nil {
			return err
		}
		if err := p.single(nal, s.Last && following == nil, emit); err != nil {
			return err
		}
		nal = following
	}
	return flush(s.Last)
}

func hevcType(nal []byte) int { return int(nal[0] >> 1 & 0x3f) }

// aggregate adds nal to the aggregation packet in scratch (RFC 7798 section 4.4.2) and reports whether there was room for
// it. Parameter sets are all of the lowest layers, so that the first one's header has the least identifiers.
func (p *HEVC) aggregate(size *int, nal []byte) bool {
	begin := max(*size, hevcHeader)
	if begin+2+len(nal) > MaxPayload {
		return false
	}
	if *size == 0 {
		p.scratch[0] = nal[0]&0x81 | hevcAggregation<<1
		p.scratch[1] = nal[1]
	}
	p.scratch[begin] = byte(len(nal) >> 8)
	p.scratch[begin+1] = byte(len(nal))
	*size = begin + 2 + copy(p.scratch[begin+2:], nal)
	return true
}

// single emits nal as one packet, or as fragmentation units of nearly equal size (section 4.4.3).
func (p *HEVC) single(nal []byte, marker bool, emit func(payload []byte, marker bool) error) error {
	if len(nal) <= MaxPayload {
		return emit(nal, marker)
	}
	body := nal[hevcHeader:]
	const head = hevcHeader + 1
	fragments := packets(len(body), MaxPayload-head)
	for i := range fragments {
		from, to := fragment(i, fragments, len(body))
		p.scratch[0] = nal[0]&0x81 | hevcFragmentation<<1
		p.scratch[1] = nal[1]
		p.scratch[2] = byte(hevcType(nal))
		if i == 0 {
			p.scratch[2] |= fuStart
		}
		last := i == fragments-1
		if last {
			p.scratch[2] |= fuEnd
		}
		size := head + copy(p.scratch[head:], body[from:to])
		if err := emit(p.scratch[:size], marker && last); err != nil {
			return err
		}
	}
	return nil
}

// nextHEVC returns the first NAL unit worth sending, and what follows it. nal is nil at the end.
func nextHEVC(stream []byte) (nal, rest []byte) {
	for {
		nal, stream = nextNAL(stream)
		if nal == nil {
			return nil, nil
		}
		if kind := hevcType(nal); len(nal) > hevcHeader && kind != hevcDelimiter && kind != hevcFiller {
			return nal, stream
		}
	}
}
