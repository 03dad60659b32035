package viewer

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/opus"
)

// ErrNoMicrophone reports an edge that takes nothing of what its player says.
var ErrNoMicrophone = errors.New("the edge's offer has no section for a microphone")

// microphone sends what it is given, under the payload type that the edge offered: pion's own tracks choose one of their own codecs'.
// It implements webrtc.TrackLocal.
type microphone struct {
	attached    bool // Answer's
	payloadType uint8
	wire        atomic.Pointer[microphoneWire] // nil until negotiated
}

type microphoneWire struct {
	ssrc   uint32
	writer webrtc.TrackLocalWriter
}

var _ webrtc.TrackLocal = (*microphone)(nil)

func (*microphone) ID() string                { return "microphone" }
func (*microphone) RID() string               { return "" }
func (*microphone) StreamID() string          { return "microphone" }
func (*microphone) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// Bind implements webrtc.TrackLocal.
func (m *microphone) Bind(context webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	m.wire.Store(&microphoneWire{ssrc: uint32(context.SSRC()), writer: context.WriteStream()})
	return webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(m.payloadType), RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: opus.SampleRate, Channels: opus.Channels,
	}}, nil
}

// Unbind implements webrtc.TrackLocal.
func (m *microphone) Unbind(webrtc.TrackLocalContext) error {
	m.wire.Store(nil)
	return nil
}

// attachMicrophone makes the answer send what Speak is given, where the offer has a section for it.
func (v *Viewer) attachMicrophone(offer string) error {
	payloadType, mid, offered, err := microphoneSection(offer)
	if err != nil || !offered {
		return err
	}
	for _, section := range v.connection.GetTransceivers() {
		if section.Mid() != mid {
			continue
		}
		v.microphone.payloadType, v.microphone.attached = payloadType, true
		sender, err := v.api.NewRTPSender(&v.microphone, v.connection.SCTP().Transport())
		if err != nil {
			return fmt.Errorf("send the microphone's track: %w", err)
		}
		if err := section.SetSender(sender, &v.microphone); err != nil {
			return fmt.Errorf("send the microphone's track: %w", err)
		}
	}
	return nil
}

// microphoneSection finds what an offer takes of sound.
func microphoneSection(offer string) (payloadType uint8, mid string, offered bool, err error) {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(offer); err != nil {
		return 0, "", false, fmt.Errorf("parse the edge's offer: %w", err)
	}
	for _, section := range parsed.MediaDescriptions {
		if _, receives := section.Attribute("recvonly"); section.MediaName.Media != "audio" || !receives || len(section.MediaName.Formats) == 0 {
			continue
		}
		mid, _ := section.Attribute("mid")
		number, err := strconv.ParseUint(section.MediaName.Formats[0], 10, 7)
		if err != nil {
			return 0, "", false, fmt.Errorf("parse the microphone's payload type: %w", err)
		}
		return uint8(number), mid, true, nil
	}
	return 0, "", false, nil
}

// Speak sends one packet of Opus. Its sequence number, timestamp, marker and payload are the caller's, who may lose, repeat and reorder
// them, or send what is no Opus; payload type, unless the packet has one, and SSRC are those that were negotiated. The error is
// ErrNoMicrophone where the offer had no section for it. One goroutine calls it.
func (v *Viewer) Speak(packet *rtp.Packet) error {
	wire := v.microphone.wire.Load()
	if wire == nil {
		return ErrNoMicrophone
	}
	header := packet.Header
	header.SSRC = wire.ssrc
	if header.PayloadType == 0 {
		header.PayloadType = v.microphone.payloadType
	}
	_, err := wire.writer.WriteRTP(&header, packet.Payload)
	return err
}
