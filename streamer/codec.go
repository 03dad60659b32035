package streamer

import (
	"errors"
	"fmt"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
	"nearlight/streamer/fec"
)

// ErrNoCommonCodec reports that the player cannot decode what the edge would send.
var ErrNoCommonCodec = errors.New("no common codec")

// Header extensions that steer a browser's receiver. Their identifiers are URIs that libwebrtc defines.
const (
	playoutDelayURI   = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	absCaptureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	contentTypeURI    = "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"

	// transportNumberURI numbers packets across all streams, so that the player can report when each came
	// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
	transportNumberURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// firstPayloadType is where our payload types begin, in the dynamic range (RFC 3551 section 6). Each codec takes two: its
// own, and the next for its retransmissions (RFC 4588).
const firstPayloadType = 102

// rtxOf is the payload type in which packets of another are repeated.
func rtxOf(payloadType uint8) uint8 { return payloadType + 1 }

// clockRate of video in RTP, in ticks per second (RFC 6184 section 8.1).
const clockRate = 90000

// formatParameters is what the offer says of a codec's streams. Browsers take the levels of HEVC and AV1 for a bound that
// they may lower in their answer, so that the highest an edge sends is offered; of H.264 they decode what was offered.
func formatParameters(codec media.Codec, profileLevelID string) string {
	switch codec {
	case media.H264:
		return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID // RFC 6184 section 8.1
	case media.HEVC:
		return "level-id=156;profile-id=1;tier-flag=0;tx-mode=SRST" // main, main tier, level 5.2: RFC 7798 section 7.1
	case media.VP9:
		return "profile-id=0" // RFC 9628 section 6.1
	case media.AV1:
		return "level-idx=16;profile=0;tier=0" // main, level 6.0: 4096 on either side; the AOM's RTP format, section 7.1
	}
	return ""
}

// registerCodecs makes the offer hold the codecs given, the first one first, and what steers a browser's receiver.
func registerCodecs(engine *webrtc.MediaEngine, codecs []media.Codec, profileLevelID string) error {
	for i, codec := range codecs {
		if err := registerCodec(engine, codec, profileLevelID, uint8(firstPayloadType+2*i)); err != nil {
			return err
		}
	}
	repair := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(firstPayloadType + 2*len(codecs)), RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: fec.MimeType, ClockRate: clockRate, SDPFmtpLine: fec.Parameters,
	}}
	if err := engine.RegisterCodec(repair, webrtc.RTPCodecTypeVideo); err != nil {
		return fmt.Errorf("register %s: %w", fec.MimeType, err)
	}
	for _, uri := range []string{playoutDelayURI, absCaptureTimeURI, contentTypeURI, transportNumberURI, dependency.URI} {
		if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register header extension %s: %w", uri, err)
		}
	}
	return nil
}

func registerCodec(engine *webrtc.MediaEngine, codec media.Codec, profileLevelID string, payloadType uint8) error {
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"}}
	video := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(payloadType), RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: codec.MimeType(), ClockRate: clockRate, SDPFmtpLine: formatParameters(codec, profileLevelID), RTCPFeedback: feedback,
	}}
	rtx := webrtc.RTPCodecParameters{PayloadType: webrtc.PayloadType(rtxOf(payloadType)), RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeRTX, ClockRate: clockRate, SDPFmtpLine: fmt.Sprintf("apt=%d", payloadType),
	}}
	for _, parameters := range []webrtc.RTPCodecParameters{video, rtx} {
		if err := engine.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register %s: %w", parameters.MimeType, err)
		}
	}
	return nil
}
