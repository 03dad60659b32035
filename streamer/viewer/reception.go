package viewer

import (
	"fmt"

	"github.com/pion/rtp"

	"nearlight/internal/decode"
)

// reception is what receives a track in the codec that it has now. An edge may change the codec within the stream: the
// payload type changes with the first packet of a keyframe.
type reception struct {
	decode bool

	payloadType uint8
	newest      uint32 // RTP timestamp of the newest packet in this codec
	packets     *assembler
	decoder     *decode.Decoder // nil when pictures are not wanted
}

// follow looks at a packet before it is put in order, and begins anew where it is the first of another codec, whose name
// mimeType tells. A packet of the codec before that comes late changes nothing.
func (r *reception) follow(packet *rtp.Packet, mimeType func() string) (changed bool, err error) {
	newer := int32(packet.Timestamp-r.newest) > 0
	if r.packets != nil && (packet.PayloadType == r.payloadType || !newer) {
		if newer {
			r.newest = packet.Timestamp
		}
		return false, nil
	}
	f, err := formatOf(mimeType())
	if err != nil {
		return false, err
	}
	first := r.packets == nil
	if err := r.close(); err != nil {
		return false, err
	}
	if r.decode {
		if r.decoder, err = decode.Open(f.codec); err != nil {
			return false, fmt.Errorf("open the decoder: %w", err)
		}
	}
	r.payloadType, r.newest, r.packets = packet.PayloadType, packet.Timestamp, newAssembler(f)
	return !first, nil
}

func (r *reception) close() error {
	if r.decoder == nil {
		return nil
	}
	decoder := r.decoder
	r.decoder = nil
	return decoder.Close()
}
