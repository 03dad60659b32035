package streamer_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/streamertest"
	"nearlight/streamer/udpmux"
)

// offerOf is a player's offer with all candidates in it.
func offerOf(player *streamertest.Receiver, options *webrtc.OfferOptions) string {
	_, full := player.Described(options)
	return full
}

// accepting is an edge's side that answers.
func accepting(t *testing.T, codecs ...media.Codec) (*streamer.Peer, *edgeSide) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	edge := &edgeSide{inputs: make(chan control.Message, 16), malformed: make(chan error, 16), keyframes: make(chan struct{}, 16), left: make(chan media.StageTimes, 1024), t: t}
	peer, err := engine.NewPeer(streamer.PeerConfig{
		Codecs: codecs, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps, Audio: true, Offered: true,
	}, edge, streamer.NewStages(streamer.NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- peer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	return peer, edge
}

func TestAPlayerThatOffersGetsPictureAndSound(t *testing.T) {
	player := streamertest.NewReceiver(t, nil, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio)
	peer, _ := accepting(t, media.H264)
	answer, err := peer.Accept(t.Context(), offerOf(player, nil))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(answer, "m=application") || !strings.Contains(answer, "a=candidate:") || !strings.Contains(answer, "a=sendonly") {
		t.Errorf("%s", answer)
	}
	player.Answered(answer)
	wait(t, peer.Connected(), "the connection")
	if err := peer.WriteSlice(accessUnit(20000), media.Now()); err != nil {
		t.Fatal(err)
	}
	for received := 0; received < 20000; {
		packet := wait(t, player.Video, "video")
		received += len(packet.Payload)
	}
	if err := peer.WriteAudio(make([]byte, 80), media.Now(), true); err != nil {
		t.Fatal(err)
	}
	if packet := wait(t, player.Audio, "sound"); len(packet.Payload) != 80 {
		t.Errorf("%d octets of sound", len(packet.Payload))
	}

	// New ways, at the player's wish.
	answer, err = peer.Accept(t.Context(), offerOf(player, &webrtc.OfferOptions{ICERestart: true}))
	if err != nil {
		t.Fatal(err)
	}
	player.Answered(answer)
	wait(t, peer.Restored(), "new ways")
	for range 5 { // the first may be lost with the old ways
		if err := peer.WriteSlice(accessUnit(2000), media.Now()); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, player.Video, "video by the new ways")
}

func TestAPlayerThatOffersTheCodecItCanDecodeGetsThat(t *testing.T) {
	player := streamertest.NewReceiver(t, nil, webrtc.RTPCodecTypeVideo)
	peer, _ := accepting(t, media.H264, media.VP8)
	offer := strings.ReplaceAll(offerOf(player, nil), "packetization-mode=1", "packetization-mode=0")
	answer, err := peer.Accept(t.Context(), offer)
	if err != nil {
		t.Fatal(err)
	}
	player.Answered(answer)
	wait(t, peer.Connected(), "the connection")
	if peer.Accepts(media.H264) || !peer.Accepts(media.VP8) {
		t.Error("the peer would send H.264 to a player that has not offered our form of it")
	}
}

func TestAnOfferThatCannotBeAnsweredSaysWhy(t *testing.T) {
	good := offerOf(streamertest.NewReceiver(t, nil, webrtc.RTPCodecTypeVideo), nil)
	sound := offerOf(streamertest.NewReceiver(t, nil, webrtc.RTPCodecTypeAudio), nil)
	for why, step := range map[string]struct {
		offer string
		want  error
	}{
		"no description":      {"hello", streamer.ErrBadOffer},
		"empty":               {"", streamer.ErrBadOffer},
		"no picture":          {sound, streamer.ErrBadOffer},
		"it would send":       {strings.ReplaceAll(good, "a=recvonly", "a=sendonly"), streamer.ErrBadOffer},
		"it wants nothing":    {strings.ReplaceAll(good, "a=recvonly", "a=inactive"), streamer.ErrBadOffer},
		"no codec of ours":    {strings.NewReplacer("H264", "H261", "VP8", "VPX").Replace(good), streamer.ErrNoCommonCodec},
		"no key of its own":   {strings.ReplaceAll(good, "a=fingerprint", "a=fingerless"), streamer.ErrBadOffer},
		"no name for the ice": {strings.ReplaceAll(good, "a=ice-ufrag", "a=ice-usage"), streamer.ErrBadOffer},
	} {
		peer, _ := accepting(t, media.H264)
		if _, err := peer.Accept(t.Context(), step.offer); !errors.Is(err, step.want) {
			t.Errorf("%s: %v", why, err)
		}
	}
}
