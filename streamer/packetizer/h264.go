package packetizer

import "nearlight/internal/media"

// H.264 NAL unit types (ITU-T H.264 table 7-1) and RTP payload structures (RFC 6184 section 5.2).
const (
	nalSEI       = 6
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	nalFiller    = 12
	payloadSTAPA = 24
	payloadFUA   = 28

	nalTypeMask = 0x1f
	nalRefMask  = 0x60 // nal_ref_idc
	fuStart     = 0x80
	fuEnd       = 0x40
)

// H264 packetizes Annex B NAL units by RFC 6184 in non-interleaved mode (packetization-mode=1): single NAL unit packets,
// FU-A for larger ones, and one STAP-A for the parameter sets that precede a keyframe. Access unit delimiters and
// filler data are left out: RTP's marker bit says the same in one bit.
type H264 struct {
	scratch [MaxPayload]byte
}

var _ Packetizer = (*H264)(nil)

// Packetize implements Packetizer. Data that is not an Annex B stream yields nothing.
func (p *H264) Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error {
	aggregated := 0 // bytes of a STAP-A in scratch, 0 for none
	flush := func(marker bool) error {
		if aggregated == 0 {
			return nil
		}
		size := aggregated
		aggregated = 0
		return emit(p.scratch[:size], marker)
	}
	nal, rest := nextH264(s.Data)
	for nal != nil {
		var following []byte
		following, rest = nextH264(rest)
		if kind := nal[0] & nalTypeMask; (kind == nalSPS || kind == nalPPS || kind == nalSEI) && p.aggregate(&aggregated, nal) {
			nal = following
			continue
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

// aggregate adds nal to the STAP-A in scratch (RFC 6184 section 5.7.1) and reports whether there was room for it.
func (p *H264) aggregate(size *int, nal []byte) bool {
	begin := max(*size, 1)
	if begin+2+len(nal) > MaxPayload {
		return false
	}
	if *size == 0 {
		p.scratch[0] = payloadSTAPA
	}
	p.scratch[0] = max(p.scratch[0]&nalRefMask, nal[0]&nalRefMask) | payloadSTAPA // the highest nal_ref_idc of all
	p.scratch[begin] = byte(len(nal) >> 8)
	p.scratch[begin+1] = byte(len(nal))
	*size = begin + 2 + copy(p.scratch[begin+2:], nal)
	return true
}

// single emits nal as one packet, or as FU-A fragments of nearly equal size (RFC 6184 section 5.8): equal ones, so that
// no packet is tiny and repair packets protect equal lengths.
func (p *H264) single(nal []byte, marker bool, emit func(payload []byte, marker bool) error) error {
	if len(nal) <= MaxPayload {
		return emit(nal, marker)
	}
	body := nal[1:]
	const room = MaxPayload - 2
	fragments := packets(len(body), room)
	for i := range fragments {
		from, to := fragment(i, fragments, len(body))
		p.scratch[0] = nal[0]&^nalTypeMask | payloadFUA
		p.scratch[1] = nal[0] & nalTypeMask
		if i == 0 {
			p.scratch[1] |= fuStart
		}
		last := i == fragments-1
		if last {
			p.scratch[1] |= fuEnd
		}
		size := 2 + copy(p.scratch[2:], body[from:to])
		if err := emit(p.scratch[:size], marker && last); err != nil {
			return err
		}
	}
	return nil
}

// nextH264 returns the first NAL unit worth sending, and what follows it. nal is nil at the end.
func nextH264(stream []byte) (nal, rest []byte) {
	for {
		nal, stream = nextNAL(stream)
		if nal == nil || nal[0]&nalTypeMask != nalDelimiter && nal[0]&nalTypeMask != nalFiller {
			return nal, stream
		}
	}
}
