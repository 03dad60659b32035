package viewer

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/ccfb"
)

// reportInterval is how long a packet waits for its report at most, where the end of its frame does not come before: once a frame is as
// often as is of use (RFC 8888 section 4).
const reportInterval = 20 * time.Millisecond

// errNoCCFB reports an edge that does not offer what the viewer was asked to send.
var errNoCCFB = errors.New("the edge does not offer to take RFC 8888's reports: let the viewer send transport-wide feedback (Config.CCFB)")

// reporter reports on every packet that comes, by RFC 8888.
type reporter struct {
	ended  chan struct{} // holds a token when a frame has
	fields ecnFields

	mu       sync.Mutex
	recorder ccfb.Recorder
	epoch    time.Duration // from 1900 to the clock's zero
}

func newReporter() *reporter {
	const secondsFrom1900To1970 = 2208988800
	return &reporter{
		ended: make(chan struct{}, 1),
		epoch: time.Duration(time.Now().UnixNano()) + secondsFrom1900To1970*time.Second - time.Duration(media.Now()),
	}
}

func (r *reporter) arrived(p *rtp.Packet, at media.Instant) {
	r.mu.Lock()
	r.recorder.Arrived(p.SSRC, p.SequenceNumber, r.fields.of(p.SSRC, p.SequenceNumber), r.epoch+time.Duration(at))
	r.mu.Unlock()
	if p.Marker {
		select {
		case r.ended <- struct{}{}:
		default:
		}
	}
}

// run sends reports until ctx ends.
func (r *reporter) run(ctx context.Context, connection *webrtc.PeerConnection, logger *slog.Logger) {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-r.ended:
			ticker.Reset(reportInterval)
		}
		if err := r.send(connection); err != nil {
			logger.Debug("report on packets", "error", err)
		}
	}
}

func (r *reporter) send(connection *webrtc.PeerConnection) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := r.recorder.Report(r.epoch + time.Duration(media.Now()))
	if report == nil {
		return nil
	}
	return connection.WriteRTCP([]rtcp.Packet{report})
}
