package streamer

import (
	"context"
	"log/slog"
	"math/bits"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"nearlight/internal/media"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/recovery"
)

// minimumKeyframeGap damps keyframe requests while the round trip is not known or tiny: a keyframe that is still being decoded
// must not be followed by another.
const minimumKeyframeGap = 100 * time.Millisecond

// keyframeGate passes at most one request for a keyframe per round trip, since a request that was sent before the last
// keyframe arrived asks for nothing new, whoever asked for that one.
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

// sent tells of a keyframe that is being sent.
func (g *keyframeGate) sent(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = now
}

// feedback takes what the player says about the packets that it got. It is called from the goroutine that reads the socket.
func (p *Peer) feedback(packet rtcp.Packet) {
	p.hear()
	var err error
	switch packet := packet.(type) {
	case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
		p.wantKeyframe()
	case *rtcp.TransportLayerNack:
		err = p.repeat(packet)
	case *rtcp.TransportLayerCC, *rtcp.CCFeedbackReport:
		err = p.rate.reported(packet)
	case *rtcp.SenderReport:
		if p.microphone != nil {
			p.microphone.heardReport(packet, media.Now())
		}
	case *rtcp.ReceiverReport:
		for _, echo := range packet.Reports {
			if roundTrip, is := roundTripOf(echo, time.Now()); is {
				p.roundTrip.Store(int64(roundTrip))
				p.outbound.setRoundTrip(roundTrip)
			}
		}
	}
	if err != nil {
		p.logger.Debug("take the player's feedback", "error", err)
	}
}

// incoming takes what the player sends besides messages. It is called from the goroutine that reads the socket.
func (p *Peer) incoming(packet []byte) {
	p.hear()
	if err := p.microphone.rtp(packet, media.Now()); err != nil {
		p.refused.Add(1)
		if p.logger.Enabled(context.Background(), slog.LevelDebug) {
			p.logger.Debug("the player's packet is dropped", "reason", err)
		}
	}
}

// Refused is how many packets the player has sent that are none of what was offered to it.
func (p *Peer) Refused() uint64 { return p.refused.Load() }

func (p *Peer) wantKeyframe() {
	if p.keyframes.pass(time.Now(), p.RoundTrip()) {
		p.receiver.WantKeyframe()
	}
}

// repeat sends again what the player has lost, and tells of what it will not get.
func (p *Peer) repeat(request *rtcp.TransportLayerNack) error {
	now, roundTrip := media.Now(), p.RoundTrip()
	asked := 0
	for _, pair := range request.Nacks {
		asked += 1 + bits.OnesCount16(uint16(pair.LostPackets))
	}
	// What is sent to one who looks on was made at another's rate.
	tooMuch := p.steered.Load() && recovery.TooMuch(asked*packetizer.MaxPayload, int64(p.rate.target()))
	for _, pair := range request.Nacks {
		var err error
		pair.Range(func(sequence uint16) bool {
			if tooMuch {
				p.outbound.giveUp(sequence)
			} else {
				err = p.outbound.again(sequence, now, roundTrip)
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	switch loss, precise, found := p.outbound.takeLoss(); {
	case !found:
	case precise:
		p.receiver.Lost(loss)
	default:
		p.wantKeyframe()
	}
	return nil
}
