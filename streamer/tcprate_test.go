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

// slowly is a stream to a player over TCP, with a relay between them.
type slowly struct {
	peer  *streamer.Peer
	relay *relay
	seen  *watcher
	tick  *time.Ticker

	skipped int
	longest time.Duration // that making and writing a frame took
}

// overSlowTCP connects one; the link carries so much, 0 for all.
func overSlowTCP(t *testing.T, link media.Bitrate) *slowly {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	player := playerOverTCP(t)
	s := &slowly{relay: newRelay(t), seen: &watcher{sent: map[uint32]media.Instant{}}, tick: time.NewTicker(time.Second / 60)}
	s.seen.watch(t, player.PeerConnection)
	edge := &overTCP{t: t, relay: s.relay, player: player.PeerConnection, link: link}
	config := streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 20 * media.Mbps}
	if s.peer, err = engine.NewPeer(config, edge, streamer.NewStages(streamer.NewStageHistogram()), logger); err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- s.peer.Run(ctx) }()
	t.Cleanup(func() {
		s.tick.Stop()
		hangUp()
		<-closed
		s.relay.close()
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.peer.Offer(func(offer string) error {
		if err := player.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
			return err
		}
		answer, err := player.CreateAnswer(nil)
		if err != nil {
			return err
		}
		return errors.Join(player.SetLocalDescription(answer), s.peer.Answer(answer.SDP))
	}); err != nil {
		t.Fatal(err)
	}
	wait(t, s.peer.Connected(), "the connection over TCP")
	s.peer.SetFrameRate(60)
	return s
}

// frame makes one, when it is due and granted.
func (s *slowly) frame(t *testing.T) (made bool) {
	t.Helper()
	<-s.tick.C
	began := time.Now()
	defer func() { s.longest = max(s.longest, time.Since(began)) }()
	grant := s.peer.Grant()
	if grant.Skip {
		s.skipped++
		return false
	}
	size := int(s.peer.TargetBitrate() / 8 / 60)
	if grant.Octets > 0 {
		size = min(size, grant.Octets)
	}
	now := media.Now()
	s.seen.mu.Lock()
	s.seen.sent[streamer.RTPTimestamp(now)] = now
	s.seen.mu.Unlock()
	if err := s.peer.WriteSlice(accessUnit(size), now); err != nil {
		t.Fatal(err)
	}
	return true
}

func (s *slowly) forget() {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	s.seen.octets, s.seen.delays = 0, nil
}

// Over TCP nobody knows when a packet left: it counts as gone when it was written, and what waits there shows as the
// link's own queue. The rate has to follow that link all the same, and not fill what the kernel would hold.
func TestTheRateFollowsALinkOverTCP(t *testing.T) {
	for _, row := range []struct {
		link   media.Bitrate
		most   time.Duration // for half of the frames
		reason string
	}{
		{5 * media.Mbps, 100 * time.Millisecond, "half of it is frames, of a queue of 32 kB"},
		{media.Mbps, 350 * time.Millisecond, "less than the least rate: frames are left out; 32 kB in the relay's socket alone are 260 ms"},
	} {
		s := overSlowTCP(t, row.link)
		const frames, settled = 480, 240
		var from time.Time
		for n := range frames {
			if n == settled {
				from = time.Now()
				s.forget()
			}
			s.frame(t)
		}
		s.seen.mu.Lock()
		rate := media.Bitrate(float64(s.seen.octets*8) / time.Since(from).Seconds())
		delays := slices.Sorted(slices.Values(s.seen.delays))
		s.seen.mu.Unlock()
		if len(delays) == 0 {
			t.Fatal("no frame came")
		}
		median, late := delays[len(delays)/2], delays[len(delays)*19/20]
		t.Logf("%v of %v, half of the frames within %v, 95 %% within %v, %d skipped, none took longer than %v to write, %+v",
			rate, row.link, median, late, s.skipped, s.longest, s.peer.Link())
		if rate < row.link/3 {
			t.Errorf("only %v of a link of %v are used", rate, row.link)
		}
		if median > row.most {
			t.Errorf("half of the frames take longer than %v, though %s", median, row.reason)
		}
		if s.longest > 300*time.Millisecond {
			t.Errorf("the pipeline stood still for %v", s.longest)
		}
	}
}

func TestAPlayerWhoseTCPStallsHoldsUpNothingAndGoesOn(t *testing.T) {
	s := overSlowTCP(t, 0)
	for range 60 {
		s.frame(t)
	}
	close(s.relay.stalled)
	made := 0
	for range 120 {
		if s.frame(t) {
			made++
		}
	}
	t.Logf("in 2 s %d frames were made for a player that took nothing, %v at the most for one", made, s.longest)
	if s.longest > 300*time.Millisecond {
		t.Errorf("the pipeline stood still for %v", s.longest)
	}
	if made > 40 {
		t.Errorf("%d frames were made", made)
	}
	s.forget()
	s.relay.goOn()
	for n := 0; ; n++ {
		s.frame(t)
		s.seen.mu.Lock()
		fresh := len(s.seen.delays) > 0 && s.seen.delays[len(s.seen.delays)-1] < 100*time.Millisecond
		s.seen.mu.Unlock()
		if fresh {
			return
		}
		if n == 300 {
			t.Fatal("no fresh frame came within 5 s")
		}
	}
}
