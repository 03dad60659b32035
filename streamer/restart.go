package streamer

import (
	"fmt"

	"github.com/pion/webrtc/v4"

	"nearlight/streamer/ccfb"
)

// Unheard gets a value when nothing has come from the player for a while, though the connection still stands.
func (p *Peer) Unheard() <-chan struct{} { return p.unheard }

// Restored gets a value when media can flow again after Restart.
func (p *Peer) Restored() <-chan struct{} { return p.restored }

// Restart looks for new ways to the player (RFC 8445 section 2.4): all else of the connection stays, its keys, its streams and its
// channels. It hands send an offer that Answer takes the answer to, as Offer does; the ways that there were are given up at once.
// While the answer to an earlier offer is due, that one is handed over again: the player may not have got it.
func (p *Peer) Restart(send func(sdp string) error) error {
	if pending := p.connection.PendingLocalDescription(); pending != nil {
		return send(told(pending.SDP))
	}
	p.restarting.Store(true)
	return p.offer(&webrtc.OfferOptions{ICERestart: true}, send)
}

// connectedAgain is called when packets pass after they did not.
func (p *Peer) connectedAgain() {
	if !p.restarting.Swap(false) {
		return
	}
	p.logger.Info("the connection has a new way")
	p.rate.restart() // another way is another link
	select {
	case p.restored <- struct{}{}:
	default:
	}
}

// offer makes an offer and hands it to send; candidates follow through Receiver.Candidate once send has returned.
func (p *Peer) offer(options *webrtc.OfferOptions, send func(sdp string) error) error {
	// Gathering starts with the offer of a restart, else with the local description, and a candidate must not overtake the offer.
	sent := make(chan struct{})
	defer close(sent)
	p.connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		<-sent
		if candidate == nil {
			p.receiver.Candidate(nil)
			return
		}
		init := advertise(candidate.ToJSON(), p.ports.Addresses(), p.ports.Advertised())
		p.receiver.Candidate(&init)
	})
	offer, err := p.connection.CreateOffer(options)
	if err != nil {
		return fmt.Errorf("make an offer: %w", err)
	}
	if err := p.connection.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("apply our own offer: %w", err)
	}
	return send(told(offer.SDP))
}

// told is an offer as the player gets it, with what pion's session descriptions have no place for.
func told(sdp string) string { return ccfb.Offer(withFrameLength(sdp)) }
