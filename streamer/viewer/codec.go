package viewer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

// ErrCodec reports a codec that a viewer cannot receive.
var ErrCodec = errors.New("codec cannot be received")

// depacketizer turns one packet's payload into its part of the access unit. Payloads come in order.
type depacketizer interface {
	Unmarshal(payload []byte) ([]byte, error)
}

// format is what a viewer has to know of a codec.
type format struct {
	codec        media.Codec
	fmtp         string
	depacketizer func() depacketizer
	keyframe     func(unit []byte) bool
}

// formats are all that a viewer can receive, each up to the largest level. Which one comes is the edge's choice.
var formats = []format{
	{media.H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034", func() depacketizer { return new(codecs.H264Packet) }, isH264Keyframe},
	{media.HEVC, "level-id=156;profile-id=1;tier-flag=0;tx-mode=SRST", func() depacketizer { return new(codecs.H265Depacketizer) }, isHEVCKeyframe},
	{media.VP8, "", func() depacketizer { return new(codecs.VP8Packet) }, isVP8Keyframe},
	{media.VP9, "profile-id=0", func() depacketizer { return new(codecs.VP9Packet) }, isVP9Keyframe},
	{media.AV1, "level-idx=16;profile=0;tier=0", func() depacketizer { return new(codecs.AV1Depacketizer) }, isAV1Keyframe},
}

// formatOf finds the format of what a track carries.
func formatOf(mimeType string) (format, error) {
	for _, f := range formats {
		if strings.EqualFold(mimeType, f.codec.MimeType()) {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("%w: %s", ErrCodec, mimeType)
}

// firstPayloadType is where the payload types begin, of which each codec takes two: its own and that of its retransmissions.
const firstPayloadType = 102

// register makes the engine accept the codecs given, or all.
func register(engine *webrtc.MediaEngine, accepted []media.Codec) error {
	if len(accepted) == 0 {
		for _, f := range formats {
			accepted = append(accepted, f.codec)
		}
	}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}
	for i, codec := range accepted {
		f, err := formatOf(codec.MimeType())
		if err != nil {
			return err
		}
		payloadType := webrtc.PayloadType(firstPayloadType + 2*i)
		video := webrtc.RTPCodecCapability{MimeType: codec.MimeType(), ClockRate: 90000, RTCPFeedback: feedback, SDPFmtpLine: f.fmtp}
		repair := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", payloadType)}
		for offset, capability := range []webrtc.RTPCodecCapability{video, repair} {
			parameters := webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: payloadType + webrtc.PayloadType(offset)}
			if err := engine.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
				return fmt.Errorf("register %s: %w", capability.MimeType, err)
			}
		}
	}
	return nil
}
