package streamer

import (
	"time"

	"nearlight/streamer/congestion"
)

// ExpectLoss makes a peer take its way for one that loses so much, and is so long.
func (p *Peer) ExpectLoss(loss float64, roundTrip time.Duration) {
	p.outbound.mu.Lock()
	defer p.outbound.mu.Unlock()
	for range 2000 {
		p.outbound.protection.policy.Observe(loss)
	}
	p.outbound.mending.roundTrip = roundTrip
}

// Loss is what congestion control takes for lost, as a share of packets, and how often it has cut the rate for that.
func (p *Peer) Loss() (share float64, cuts int) {
	f := p.rate.figures()
	return f.Loss, f.Cuts[congestion.Loss]
}
