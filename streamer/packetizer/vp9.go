package packetizer

import "nearlight/internal/media"

// The VP9 payload descriptor (RFC 9628 section 4.2).
const (
	vp9PictureID = 0x80 // I
	vp9Predicted = 0x40 // P: the frame refers to others
	vp9Begin     = 0x08 // B
	vp9End       = 0x04 // E
	vp9Structure = 0x02 // V: a scalability structure follows

	vp9Descriptor = 3
)

// The scalability structure (section 4.2.1) of a stream without layers: one spatial layer, whose size follows, and groups
// of one picture, each of which refers to the one before.
const (
	vp9HasSizes  = 0x10 // Y
	vp9HasGroup  = 0x08 // G
	vp9OneLayer  = 0x00 // N_S + 1
	vp9OnePeriod = 1    // N_G
	vp9OneRef    = 0x04 // R
	vp9Previous  = 1    // P_DIFF

	vp9StructureSize = 1 + 4 + 3
)

// VP9 packetizes frames by RFC 9628 in non-flexible mode, without layer indices: libwebrtc then takes each frame but
// keyframes to refer to the one with the previous picture identifier. A keyframe's first packet tells its size.
type VP9 struct {
	id      pictureID
	open    bool // the frame's first packet has been made
	scratch [MaxPayload]byte
}

var _ Packetizer = (*VP9)(nil)

// Packetize implements Packetizer.
func (p *VP9) Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error {
	width, height, structured := 0, 0, false
	if !p.open && s.Keyframe {
		width, height, structured = vp9Size(s.Data)
	}
	extra := 0 // bytes of the first packet that are not the frame's
	if structured {
		extra = vp9StructureSize
	}
	fragments := packets(extra+len(s.Data), MaxPayload-vp9Descriptor)
	for i := range fragments {
		from, to := fragment(i, fragments, extra+len(s.Data))
		last := s.Last && i == fragments-1
		size := p.describe(s.Keyframe, last)
		if i == 0 && structured {
			p.scratch[0] |= vp9Structure
			size += putVP9Structure(p.scratch[size:], width, height)
		}
		size += copy(p.scratch[size:], s.Data[max(from-extra, 0):to-extra])
		if err := emit(p.scratch[:size], last); err != nil {
			p.end(true)
			return err
		}
	}
	p.end(s.Last)
	return nil
}

// describe puts the descriptor of the frame's next packet into scratch and returns its size.
func (p *VP9) describe(keyframe, last bool) int {
	p.scratch[0] = vp9PictureID
	if !keyframe {
		p.scratch[0] |= vp9Predicted
	}
	if !p.open {
		p.scratch[0] |= vp9Begin
	}
	if last {
		p.scratch[0] |= vp9End
	}
	p.id.put(p.scratch[1:])
	p.open = true
	return vp9Descriptor
}

func (p *VP9) end(last bool) {
	if last && p.open {
		p.open = false
		p.id.next()
	}
}

func putVP9Structure(to []byte, width, height int) int {
	return copy(to, []byte{
		vp9OneLayer | vp9HasSizes | vp9HasGroup,
		byte(width >> 8), byte(width), byte(height >> 8), byte(height),
		vp9OnePeriod, vp9OneRef, vp9Previous,
	})
}

// vp9Size reads a keyframe's size from its uncompressed header (VP9 section 6.2), which profile 0 begins with one octet of
// flags, three of sync code, three bits of colours and one of their range.
func vp9Size(frame []byte) (width, height int, ok bool) {
	const profile0, profileMask, rgb = 0x80, 0xf0, 7
	if len(frame) < 9 || frame[0]&profileMask != profile0 || frame[4]>>5 == rgb {
		return 0, 0, false
	}
	field := func(at int) int { return int(frame[at]&0x0f)<<12 | int(frame[at+1])<<4 | int(frame[at+2])>>4 }
	width, height = field(4)+1, field(6)+1
	return width, height, width <= 0xffff && height <= 0xffff
}
