package streamer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// throttle is a relay whose way from the edge carries so much, and keeps little: as a TCP connection over a slow link does.
func (r *relay) throttle(t *testing.T, address string, rate media.Bitrate) {
	r.ended.Go(func() {
		var err error
		if r.player, err = r.listener.Accept(); err != nil {
			t.Error(err)
			return
		}
		if r.edge, err = net.Dial("tcp", address); err != nil {
			t.Error(err)
			return
		}
		if err := r.edge.(*net.TCPConn).SetReadBuffer(32 << 10); err != nil {
			t.Error(err)
		}
		r.ended.Go(func() { _, _ = io.Copy(r.edge, r.player) }) // ends with either
		buffer := make([]byte, 4<<10)
		free := time.Now()
		for {
			n, err := r.edge.Read(buffer)
			if err != nil {
				return
			}
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * 8 * time.Second / time.Duration(rate))
			time.Sleep(time.Until(free))
			if _, err := r.player.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
}

// watcher acknowledges whole frames as a player does, and keeps how long each took.
type watcher struct {
	mu     sync.Mutex
	sent   map[uint32]media.Instant // by RTP timestamp
	delays []time.Duration
	octets int
}

func (w *watcher) watch(t *testing.T, player *webrtc.PeerConnection) {
	channels := make(chan *webrtc.DataChannel, 1)
	player.OnDataChannel(func(c *webrtc.DataChannel) {
		if c.Label() == control.OnMotion.Label() {
			c.OnOpen(func() { channels <- c })
		}
	})
	player.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		motion := <-channels
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			now := media.Now()
			w.mu.Lock()
			w.octets += len(packet.Payload)
			if sent, known := w.sent[packet.Timestamp]; packet.Marker && known {
				w.delays = append(w.delays, now.Sub(sent))
			}
			w.mu.Unlock()
			if packet.Marker {
				at := time.Duration(now).Truncate(time.Microsecond)
				data, err := control.Append(nil, &control.Ack{RTP: packet.Timestamp, Received: at, Presented: at, Frames: 1})
				if err := errors.Join(err, motion.Send(data)); err != nil {
					t.Log(err) // the end
					return
				}
			}
		}
	})
}

// Over TCP nobody knows when a packet left: it counts as gone when the kernel has taken it, and what waits there shows as the
// link's own queue. The rate has to follow that link all the same, and not fill what the kernel would hold.
func TestTheRateFollowsALinkOverTCP(t *testing.T) {
	const link = 5 * media.Mbps
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	player, _ := playerOverTCP(t)
	seen := watcher{sent: map[uint32]media.Instant{}}
	seen.watch(t, player)
	edge := &overTCP{t: t, relay: newRelay(t), player: player, link: link}
	config := streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 20 * media.Mbps}
	peer, err := engine.NewPeer(config, edge, streamer.NewStages(streamer.NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- peer.Run(ctx) }()
	t.Cleanup(func() {
		hangUp()
		<-closed
		edge.relay.close()
		if err := errors.Join(player.GracefulClose(), ports.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := peer.Offer(func(offer string) error {
		if err := player.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
			return err
		}
		answer, err := player.CreateAnswer(nil)
		if err != nil {
			return err
		}
		return errors.Join(player.SetLocalDescription(answer), peer.Answer(answer.SDP))
	}); err != nil {
		t.Fatal(err)
	}
	wait(t, peer.Connected(), "the connection over TCP")

	const frames, settled = 480, 240
	peer.SetFrameRate(60)
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	skipped := 0
	var from time.Time
	for n := range frames {
		<-tick.C
		if n == settled {
			from = time.Now()
			seen.mu.Lock()
			seen.octets, seen.delays = 0, nil
			seen.mu.Unlock()
		}
		grant := peer.Grant()
		if grant.Skip {
			skipped++
			continue
		}
		size := int(peer.TargetBitrate() / 8 / 60)
		if grant.Octets > 0 {
			size = min(size, grant.Octets)
		}
		now := media.Now()
		seen.mu.Lock()
		seen.sent[streamer.RTPTimestamp(now)] = now
		seen.mu.Unlock()
		if err := peer.WriteSlice(accessUnit(size), now); err != nil {
			t.Fatal(err)
		}
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	rate := media.Bitrate(float64(seen.octets*8) / time.Since(from).Seconds())
	if len(seen.delays) == 0 {
		t.Fatal("no frame came")
	}
	slices.Sort(seen.delays)
	median, late := seen.delays[len(seen.delays)/2], seen.delays[len(seen.delays)*19/20]
	t.Logf("%v of %v, half of the frames within %v, 95 %% within %v, %d skipped, %+v", rate, link, median, late, skipped, peer.Link())
	if rate < link/3 {
		t.Errorf("only %v of a link of %v are used", rate, link)
	}
	if median > 250*time.Millisecond {
		t.Errorf("half of the frames take longer than %v", median)
	}
}
