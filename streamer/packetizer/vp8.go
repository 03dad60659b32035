package packetizer

import "nearlight/internal/media"

// The VP8 payload descriptor (RFC 7741 section 4.2): X and S of its first octet, I of the second.
const (
	vp8Extended  = 0x80
	vp8Start     = 0x10
	vp8PictureID = 0x80

	vp8Descriptor = 4
)

// VP8 packetizes frames by RFC 7741: the frame is cut anywhere, since no packet is decoded before all have come, and
// each packet has a picture identifier of 15 bits. There are no layers, so TL0PICIDX and what goes with it is left out.
type VP8 struct {
	id      pictureID
	open    bool // the frame's first packet has been made
	scratch [MaxPayload]byte
}

var _ Packetizer = (*VP8)(nil)

// Packetize implements Packetizer.
func (p *VP8) Packetize(s media.Slice, emit func(payload []byte, marker bool) error) error {
	fragments := packets(len(s.Data), MaxPayload-vp8Descriptor)
	for i := range fragments {
		from, to := fragment(i, fragments, len(s.Data))
		p.scratch[0], p.scratch[1] = vp8Extended, vp8PictureID
		if !p.open {
			p.scratch[0] |= vp8Start
		}
		p.id.put(p.scratch[2:])
		p.open = true
		size := vp8Descriptor + copy(p.scratch[vp8Descriptor:], s.Data[from:to])
		if err := emit(p.scratch[:size], s.Last && i == fragments-1); err != nil {
			p.end(true)
			return err
		}
	}
	p.end(s.Last)
	return nil
}

func (p *VP8) end(last bool) {
	if last && p.open {
		p.open = false
		p.id.next()
	}
}
