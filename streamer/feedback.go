package streamer

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"

	"nearlight/internal/media"
)

// minimumKeyframeGap damps keyframe requests while the round trip is not known or tiny: a keyframe that is still being decoded
// must not be followed by another.
const minimumKeyframeGap = 100 * time.Millisecond

// keyframeGate passes at most one request for a keyframe per round trip, since a request that was sent before the last
// keyframe arrived asks for nothing new.
type keyframeGate struct {
	mu   sync.Mutex
	last time.Time
}

func (g *keyframeGate) pass(now time.Time, roundTrip time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() && now.Sub(g.last) < max(roundTrip, minimumKeyframeGap) {
		return false
	}
	g.last = now
	return true
}

// readFeedback reads the video stream's RTCP until the connection is closed. Reading also drives the interceptors.
func (p *Peer) readFeedback() {
	for {
		packets, _, err := p.sender.ReadRTCP()
		if err != nil {
			return // closed: Run reports why
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if p.keyframes.pass(time.Now(), p.RoundTrip()) {
					p.receiver.WantKeyframe()
				}
			}
		}
	}
}

// acceptsVideo checks that an answer takes the video in one of the codecs that we offered: a browser that decodes none of them
// answers with port 0, or leaves the codecs out (RFC 8829 section 5.3.1).
func acceptsVideo(answer string, offered []media.Codec) error {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(answer); err != nil {
		return fmt.Errorf("parse the player's answer: %w", err)
	}
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media != "video" {
			continue
		}
		if section.MediaName.Port.Value == 0 {
			break
		}
		for _, attribute := range section.Attributes {
			if attribute.Key == "rtpmap" && slices.ContainsFunc(offered, func(c media.Codec) bool { return maps(attribute.Value, c) }) {
				return nil
			}
		}
	}
	names := make([]string, len(offered))
	for i, codec := range offered {
		names[i] = strings.TrimPrefix(codec.MimeType(), "video/")
	}
	return fmt.Errorf("%w: the player's browser does not decode %s", ErrNoCommonCodec, strings.Join(names, ", "))
}

// maps reports whether an rtpmap's value, "102 H264/90000", names a codec.
func maps(rtpmap string, codec media.Codec) bool {
	_, encoding, _ := strings.Cut(rtpmap, " ")
	name, _, _ := strings.Cut(encoding, "/")
	return strings.EqualFold("video/"+name, codec.MimeType())
}
