package streamer

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
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

// acceptsVideo checks that an answer takes the video we offered: a browser that cannot decode it answers with port 0,
// or leaves the codec out (RFC 8829 section 5.3.1).
func acceptsVideo(answer, mimeType string) error {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(answer); err != nil {
		return fmt.Errorf("parse the player's answer: %w", err)
	}
	name := strings.TrimPrefix(mimeType, "video/")
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media != "video" {
			continue
		}
		if section.MediaName.Port.Value == 0 {
			break
		}
		for _, attribute := range section.Attributes {
			if attribute.Key == "rtpmap" && strings.Contains(strings.ToLower(attribute.Value), " "+strings.ToLower(name)+"/") {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: the player's browser does not decode %s", ErrNoCommonCodec, name)
}
