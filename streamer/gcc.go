package streamer

import (
	"fmt"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"nearlight/internal/media"
)

// googRate is pion's Google Congestion Control, as a baseline to compare with.
type googRate struct {
	bwe  *gcc.SendSideBWE
	sent interceptor.RTPWriter // records what has left
}

var _ rateControl = (*googRate)(nil)

// The rate never falls under a part of what was asked for, nor under what a small picture needs: the estimator is known to collapse
// when the app sends less than it may.
const (
	minimumShare   = 8
	minimumBitrate = 500 * media.Kbps
)

func newGoogRate(most media.Bitrate, loggers pionLoggers) (*googRate, error) {
	bwe, err := gcc.NewSendSideBWE(
		gcc.SendSideBWEPacer(gcc.NewNoOpPacer()), // pion's pacer queues without bound
		gcc.SendSideBWEInitialBitrate(int(most)),
		gcc.SendSideBWEMinBitrate(int(max(most/minimumShare, minimumBitrate))),
		gcc.SendSideBWEMaxBitrate(int(most)),
		gcc.WithLoggerFactory(loggers),
	)
	if err != nil {
		return nil, fmt.Errorf("set up the rate estimate: %w", err)
	}
	return &googRate{bwe: bwe}, nil
}

// bind begins to take packets of what was negotiated.
func (g *googRate) bind(w *wire) {
	nowhere := interceptor.RTPWriterFunc(func(_ *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) { return len(payload), nil })
	extensions := []interceptor.RTPHeaderExtension{{URI: transportNumberURI, ID: int(w.transportID)}}
	for _, ssrc := range []uint32{w.ssrc, w.repeatSSRC} {
		g.sent = g.bwe.AddStream(&interceptor.StreamInfo{SSRC: ssrc, RTPHeaderExtensions: extensions}, nowhere)
	}
}

// left records a packet that has just left.
func (g *googRate) left(header *rtp.Header, payload []byte) error {
	if g.sent == nil {
		return nil
	}
	_, err := g.sent.Write(header, payload, nil)
	return err
}

// reported takes what the player says about packets.
func (g *googRate) reported(p rtcp.Packet) error { return g.bwe.WriteRTCP([]rtcp.Packet{p}, nil) }

func (g *googRate) target() media.Bitrate { return media.Bitrate(g.bwe.GetTargetBitrate()) }

func (g *googRate) close() error { return g.bwe.Close() }
