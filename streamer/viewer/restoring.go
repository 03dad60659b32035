package viewer

import (
	"github.com/pion/rtp"

	"nearlight/streamer/fec"
)

// restoring makes packets again from repair packets.
type restoring struct {
	repairType  uint8 // payload type of repair packets; 0 when they were not negotiated
	transportID uint8 // of the transport-wide number, which changes on the way to the network; 0 when not negotiated
	ssrc        uint32
	restorer    fec.Restorer
}

// packet takes one of the stream, and returns one that it completes; nil for none.
func (r *restoring) packet(p *rtp.Packet) (*rtp.Packet, error) {
	if r.repairType == 0 {
		return nil, nil
	}
	image := rtp.Packet{Header: p.Header.Clone(), Payload: p.Payload}
	image.SSRC = r.ssrc
	if r.transportID != 0 && image.GetExtension(r.transportID) != nil {
		if err := image.SetExtension(r.transportID, []byte{0, 0}); err != nil {
			return nil, err
		}
	}
	data, err := image.Marshal()
	if err != nil {
		return nil, err
	}
	return parsed(r.restorer.Media(data))
}

// repair takes a repair packet, and returns one of the stream that it completes; nil for none.
func (r *restoring) repair(p *rtp.Packet) (*rtp.Packet, error) {
	data, err := r.restorer.Repair(p.Payload)
	if err != nil {
		return nil, err
	}
	return parsed(data)
}

func parsed(data []byte) (*rtp.Packet, error) {
	if data == nil {
		return nil, nil
	}
	p := new(rtp.Packet)
	return p, p.Unmarshal(data)
}
