package streamer

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
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
