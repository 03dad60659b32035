package streamer

import (
	"errors"
	"fmt"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

// ErrNoCommonCodec reports that the player cannot decode what the edge would send.
var ErrNoCommonCodec = errors.New("no common codec")

// Header extensions that steer a browser's receiver. Their identifiers are URIs that libwebrtc defines.
const (
	playoutDelayURI   = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	absCaptureTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"
	contentTypeURI    = "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"
)

// Payload types, from the dynamic range (RFC 3551 section 6).
const (
	payloadTypeVideo = 102
	payloadTypeRTX   = 103
)

// clockRate of video in RTP, in ticks per second (RFC 6184 section 8.1).
const clockRate = 90000

func registerCodecs(engine *webrtc.MediaEngine, codec media.Codec, size media.Size, frameRate int) error {
	fmtp := ""
	if codec == media.H264 {
		level, err := h264Level(size, frameRate)
		if err != nil {
			return err
		}
		// Constrained Baseline is what every browser decodes and what the fastest presets produce; browsers decode only up
		// to the level that is offered.
		fmtp = fmt.Sprintf("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e0%02x", level)
	}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}, {Type: "transport-cc"}}
	video := webrtc.RTPCodecParameters{PayloadType: payloadTypeVideo, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: codec.MimeType(), ClockRate: clockRate, SDPFmtpLine: fmtp, RTCPFeedback: feedback,
	}}
	rtx := webrtc.RTPCodecParameters{PayloadType: payloadTypeRTX, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeRTX, ClockRate: clockRate, SDPFmtpLine: fmt.Sprintf("apt=%d", payloadTypeVideo),
	}}
	for _, parameters := range []webrtc.RTPCodecParameters{video, rtx} {
		if err := engine.RegisterCodec(parameters, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register %s: %w", parameters.MimeType, err)
		}
	}
	for _, uri := range []string{playoutDelayURI, absCaptureTimeURI, contentTypeURI} {
		if err := engine.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return fmt.Errorf("register header extension %s: %w", uri, err)
		}
	}
	return nil
}

// h264Levels are the limits of ITU-T H.264 table A-1 from level 3.1 on: macroblocks per second and per frame.
var h264Levels = []struct{ level, perSecond, perFrame int }{
	{31, 108000, 3600},
	{32, 216000, 5120},
	{40, 245760, 8192},
	{42, 522240, 8704},
	{50, 589824, 22080},
	{51, 983040, 36864},
	{52, 2073600, 36864},
	{60, 4177920, 139264},
	{61, 8355840, 139264},
	{62, 16711680, 139264},
}

// h264Level is the lowest level, times ten, that allows size at frameRate.
func h264Level(size media.Size, frameRate int) (int, error) {
	macroblocks := (size.Width + 15) / 16 * ((size.Height + 15) / 16)
	for _, l := range h264Levels {
		if macroblocks <= l.perFrame && macroblocks*frameRate <= l.perSecond {
			return l.level, nil
		}
	}
	return 0, fmt.Errorf("no H.264 level allows %v at %d frames per second: ask for less", size, frameRate)
}
