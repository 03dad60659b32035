package viewer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
	"nearlight/streamer/fec"
)

const (
	// keyframeInterval damps our requests for keyframes.
	keyframeInterval = 200 * time.Millisecond
	// lookInterval is how often it is looked what is missing, and for how long, when no packet comes.
	lookInterval = 10 * time.Millisecond
)

// negotiated is what a track's packets are known by.
type negotiated struct {
	mimeTypes    map[uint8]string // of each payload type
	repeats      map[uint8]uint8  // payload types of repeats (RFC 4588), and what they repeat
	dependencyID uint8            // of the dependency descriptor; 0 when it was not negotiated
	repairType   uint8            // payload type of repair packets; 0 when they were not
	transportID  uint8            // of the transport-wide number, likewise
}

func readParameters(parameters webrtc.RTPParameters) negotiated {
	n := negotiated{mimeTypes: map[uint8]string{}, repeats: map[uint8]uint8{}}
	for _, codec := range parameters.Codecs {
		if strings.EqualFold(codec.MimeType, fec.MimeType) {
			n.repairType = uint8(codec.PayloadType)
			continue
		}
		if !strings.EqualFold(codec.MimeType, webrtc.MimeTypeRTX) {
			n.mimeTypes[uint8(codec.PayloadType)] = codec.MimeType
			continue
		}
		var of uint8
		if _, err := fmt.Sscanf(codec.SDPFmtpLine, "apt=%d", &of); err == nil {
			n.repeats[uint8(codec.PayloadType)] = of
		}
	}
	for _, extension := range parameters.HeaderExtensions {
		switch extension.URI {
		case dependency.URI:
			n.dependencyID = uint8(extension.ID)
		case sdp.TransportCCURI:
			n.transportID = uint8(extension.ID)
		}
	}
	return n
}

// original turns a repeat back into the packet that it repeats; others stay as they are. False means that it is none of the
// track's, or holds nothing.
func (n *negotiated) original(p *rtp.Packet) bool {
	const originalSequence = 2 // octets before the payload
	if of, is := n.repeats[p.PayloadType]; is {
		if len(p.Payload) < originalSequence {
			return false
		}
		p.PayloadType, p.SequenceNumber = of, binary.BigEndian.Uint16(p.Payload)
		p.Payload = p.Payload[originalSequence:]
	}
	_, known := n.mimeTypes[p.PayloadType]
	return known && len(p.Payload) > 0
}

// read receives the video until the track ends. What is whole is decoded elsewhere, so that nothing waits for the decoder here.
func (v *Viewer) read(track *webrtc.TrackRemote, parameters webrtc.RTPParameters) error {
	drained := make(chan error, 1)
	go func() { drained <- drain(track) }()
	s := newShow(v)
	n := readParameters(parameters)
	r := receiving{
		viewer: v, track: track, negotiated: n, show: s,
		restoring: restoring{repairType: n.repairType, transportID: n.transportID, ssrc: uint32(track.SSRC())},
	}
	err := r.run(drained)
	return errors.Join(err, s.close())
}

// drain keeps pion reading: the packets are taken by the tap.
func drain(track *webrtc.TrackRemote) error {
	buffer := make([]byte, 1500)
	for {
		if _, _, err := track.Read(buffer); err != nil {
			return fmt.Errorf("%w: %w", ErrEnded, err)
		}
	}
}

// receiving is the state of read.
type receiving struct {
	viewer     *Viewer
	track      *webrtc.TrackRemote
	negotiated negotiated
	show       *show
	reception  reception
	requests   requests
	restoring  restoring
	missing    []uint16
	asked      time.Time // for a keyframe
	mending    bool      // something was lost, and nothing that can be decoded has come since
}

func (r *receiving) run(drained <-chan error) error {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-drained:
			return err
		case err := <-r.show.failed:
			return err
		case p := <-r.viewer.tap.packets:
			if err := r.arrived(p.packet, p.at); err != nil {
				return err
			}
		case <-ticker.C:
		}
		if r.reception.packets == nil {
			continue
		}
		now := media.Now()
		if err := r.pop(now); err != nil {
			return err
		}
		r.count()
		r.ask(now)
	}
}

// arrived takes a packet of whatever stream, and those that were lost and that this one completes.
func (r *receiving) arrived(p *rtp.Packet, at media.Instant) error {
	restore := r.restoring.packet
	switch {
	case p.PayloadType == r.negotiated.repairType && r.negotiated.repairType != 0:
		restore = r.restoring.repair
		if err := r.viewer.repairs.arrived(p, r.negotiated.transportID); err != nil {
			r.viewer.logger.Debug("report on a repair packet", "error", err)
		}
	case !r.negotiated.original(p):
		return nil
	default:
		if err := r.take(p, at); err != nil {
			return err
		}
	}
	if err := restore(p); err != nil {
		r.viewer.logger.Debug("make lost packets again", "error", err)
	}
	for {
		restored, err := r.restoring.restored()
		switch {
		case err != nil:
			r.viewer.logger.Debug("make a lost packet again", "error", err)
		case restored == nil:
			return nil
		case r.reception.packets != nil && r.negotiated.mimeTypes[restored.PayloadType] != "":
			if err := r.take(restored, at); err != nil {
				return err
			}
		}
	}
}

func (r *receiving) take(p *rtp.Packet, at media.Instant) error {
	changed, err := r.reception.follow(p, r.negotiated.mimeTypes[p.PayloadType], r.negotiated.dependencyID)
	if err != nil {
		return err
	}
	r.mending = r.mending || changed // with another codec everything begins anew
	r.requests.arrived(p.SequenceNumber, at)
	r.reception.packets.push(p, at)
	return nil
}

// pop hands on what can be decoded.
func (r *receiving) pop(now media.Instant) error {
	for {
		unit, lost, err := r.reception.packets.pop(now)
		if err != nil {
			return err
		}
		r.mending = r.mending || lost
		if unit != nil && r.mending {
			r.mending = !unit.place.known && !unit.Keyframe() // by its descriptor all that it refers to is there
		}
		if r.mending && time.Since(r.asked) > keyframeInterval {
			r.asked = time.Now()
			r.send(&rtcp.PictureLossIndication{MediaSSRC: uint32(r.track.SSRC())})
		}
		if unit == nil && !lost {
			return nil
		}
		if unit != nil && !r.mending {
			r.show.push(unit, r.reception.epoch)
		}
	}
}

// count tells of what came, and of what will never come.
func (r *receiving) count() {
	if r.viewer.packets == nil {
		return
	}
	if received, lost := r.reception.packets.counts(); received > 0 || lost > 0 {
		r.viewer.packets(received, lost)
	}
}

// ask asks for packets that are missing (RFC 4585 section 6.2.1).
func (r *receiving) ask(now media.Instant) {
	r.missing = r.requests.missing(r.reception.packets, now, r.missing[:0])
	if len(r.missing) > 0 {
		r.send(&rtcp.TransportLayerNack{MediaSSRC: uint32(r.track.SSRC()), Nacks: rtcp.NackPairsFromSequenceNumbers(r.missing)})
	}
}

func (r *receiving) send(p rtcp.Packet) {
	if err := r.viewer.connection.WriteRTCP([]rtcp.Packet{p}); err != nil {
		r.viewer.logger.Debug("send feedback", "error", err)
	}
}
