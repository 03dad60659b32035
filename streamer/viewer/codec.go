package viewer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/streamer/fec"
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
	fmtps        []string // each of them is accepted: pion compares whole profiles
	depacketizer func() depacketizer
	keyframe     func(unit []byte) bool
}

// h264Formats are constrained baseline, in its two spellings, main, high and its 4:4:4, up to level 5.2.
var h264Formats = []string{
	h264Format("42c034"), h264Format("42e034"), h264Format("4d4034"), h264Format("4d0034"), h264Format("640c34"), h264Format("640034"), h264Format("f40034"),
}

func h264Format(profileLevelID string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID
}

// formats are all that a viewer can receive, each up to the largest level. Which one comes is the edge's choice.
var formats = []format{
	{media.H264, h264Formats, func() depacketizer { return new(codecs.H264Packet) }, isH264Keyframe},
	{media.HEVC, []string{"level-id=156;profile-id=1;tier-flag=0;tx-mode=SRST"}, func() depacketizer { return new(codecs.H265Depacketizer) }, isHEVCKeyframe},
	{media.VP8, []string{""}, func() depacketizer { return new(codecs.VP8Packet) }, isVP8Keyframe},
	{media.VP9, []string{"profile-id=0"}, func() depacketizer { return new(codecs.VP9Packet) }, isVP9Keyframe},
	{media.AV1, []string{"level-idx=16;profile=0;tier=0"}, func() depacketizer { return new(codecs.AV1Depacketizer) }, isAV1Keyframe},
}

// Decodable are the codecs that a viewer of this build can receive and decode.
func Decodable() []media.Codec {
	var found []media.Codec
	for _, f := range formats {
		if decoder, err := decode.Open(f.codec); err == nil && decoder.Close() == nil {
			found = append(found, f.codec)
		}
	}
	return found
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

// firstPayloadType is where the payload types begin, of which each format takes two: its own and that of its retransmissions.
const firstPayloadType = 100

// register makes the engine accept the codecs given, or all.
func register(engine *webrtc.MediaEngine, accepted []media.Codec) error {
	if len(accepted) == 0 {
		for _, f := range formats {
			accepted = append(accepted, f.codec)
		}
	}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "transport-cc"}}
	payloadType := webrtc.PayloadType(firstPayloadType)
	for _, codec := range accepted {
		f, err := formatOf(codec.MimeType())
		if err != nil {
			return err
		}
		for _, fmtp := range f.fmtps {
			video := webrtc.RTPCodecCapability{MimeType: codec.MimeType(), ClockRate: 90000, RTCPFeedback: feedback, SDPFmtpLine: fmtp}
			repair := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: 90000, SDPFmtpLine: fmt.Sprintf("apt=%d", payloadType)}
			for offset, capability := range []webrtc.RTPCodecCapability{video, repair} {
				parameters := webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: payloadType + webrtc.PayloadType(offset)}
				if err := engine.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
					return fmt.Errorf("register %s: %w", capability.MimeType, err)
				}
			}
			payloadType += 2
		}
	}
	repair := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: fec.MimeType, ClockRate: 90000, SDPFmtpLine: fec.Parameters}, PayloadType: payloadType,
	}
	if err := engine.RegisterCodec(repair, webrtc.RTPCodecTypeVideo); err != nil {
		return fmt.Errorf("register %s: %w", fec.MimeType, err)
	}
	return nil
}
