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

// packet takes one of the stream.
func (r *restoring) packet(p *rtp.Packet) error {
	if r.repairType == 0 {
		return nil
	}
	image := rtp.Packet{Header: p.Header.Clone(), Payload: p.Payload}
	image.SSRC = r.ssrc
	if r.transportID != 0 && image.GetExtension(r.transportID) != nil {
		if err := image.SetExtension(r.transportID, []byte{0, 0}); err != nil {
			return err
		}
	}
	data, err := image.Marshal()
	if err != nil {
		return err
	}
	r.restorer.Media(data)
	return nil
}

// repair takes a repair packet.
func (r *restoring) repair(p *rtp.Packet) error { return r.restorer.Repair(p.Payload) }

// restored returns a packet of the stream that can be made again now, nil for none. It is called until there is none.
func (r *restoring) restored() (*rtp.Packet, error) {
	data := r.restorer.Restored()
	if data == nil {
		return nil, nil
	}
	p := new(rtp.Packet)
	return p, p.Unmarshal(data)
}
