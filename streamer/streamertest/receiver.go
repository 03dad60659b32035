// Package streamertest is a player with pion's defaults and nothing of ours: what any client looks like that is not our page. It
// receives, and decodes nothing.
package streamertest

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// kept is how many packets wait for a test to look at them; what does not fit is dropped.
const kept = 4096

// Receiver is such a player, on loopback too. It is closed with the test.
type Receiver struct {
	*webrtc.PeerConnection
	// Video and Audio have the packets that came.
	Video, Audio chan rtp.Packet

	t testing.TB
}

// NewReceiver makes one that wants to receive the kinds: none for who answers an offer. change, unless it is nil, changes pion's settings.
func NewReceiver(t testing.TB, change func(*webrtc.SettingEngine), kinds ...webrtc.RTPCodecType) *Receiver {
	t.Helper()
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	if change != nil {
		change(&settings)
	}
	engine := &webrtc.MediaEngine{}
	if err := engine.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	connection, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := connection.GracefulClose(); err != nil {
			t.Error(err)
		}
	})
	r := &Receiver{PeerConnection: connection, Video: make(chan rtp.Packet, kept), Audio: make(chan rtp.Packet, kept), t: t}
	for _, kind := range kinds {
		if _, err := connection.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		into := r.Video
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			into = r.Audio
		}
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case into <- *packet:
			default:
			}
		}
	})
	return r
}

// Described makes an offer, and returns it without candidates and with all of them.
func (r *Receiver) Described(options *webrtc.OfferOptions) (bare, full string) {
	r.t.Helper()
	offer, err := r.CreateOffer(options)
	if err != nil {
		r.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(r.PeerConnection)
	if err := r.SetLocalDescription(offer); err != nil {
		r.t.Fatal(err)
	}
	<-gathered
	return offer.SDP, r.LocalDescription().SDP
}

// Answered takes the answer to an offer.
func (r *Receiver) Answered(answer string) {
	r.t.Helper()
	if err := r.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		r.t.Fatal(err)
	}
}
