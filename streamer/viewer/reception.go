package viewer

import (
	"github.com/pion/rtp"
)

// reception is what receives a track in the codec that it has now. An edge may change the codec within the stream: the
// payload type changes with the first packet of a keyframe.
type reception struct {
	payloadType uint8
	newest      uint32     // RTP timestamp of the newest packet in this codec
	packets     *assembler // nil before the first packet
	epoch       int        // counts the codecs
}

// follow looks at a packet before it is put in order, and begins anew where it is the first of another codec. A packet of the codec
// before that comes late changes nothing.
func (r *reception) follow(packet *rtp.Packet, mimeType string, dependencyID uint8) (changed bool, err error) {
	newer := int32(packet.Timestamp-r.newest) > 0
	if r.packets != nil && (packet.PayloadType == r.payloadType || !newer) {
		if newer {
			r.newest = packet.Timestamp
		}
		return false, nil
	}
	f, err := formatOf(mimeType)
	if err != nil {
		return false, err
	}
	first := r.packets == nil
	r.payloadType, r.newest, r.packets = packet.PayloadType, packet.Timestamp, newAssembler(f)
	r.packets.dependencyID = dependencyID
	r.epoch++
	return !first, nil
}
