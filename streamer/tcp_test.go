package streamer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/streamertest"
	"nearlight/streamer/udpmux"
)

// relay stands between a player and an edge's TCP port, and can stop taking what the edge sends.
type relay struct {
	listener net.Listener
	edge     net.Conn
	player   net.Conn
	stalled  chan struct{}
	ended    sync.WaitGroup
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &relay{listener: listener, stalled: make(chan struct{})}
}

// run carries one connection to the edge.
func (r *relay) run(t *testing.T, address string) {
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
		r.ended.Go(func() { _, _ = io.Copy(r.edge, r.player) }) // ends with either
		buffer := make([]byte, 64<<10)
		for {
			select {
			case <-r.stalled:
				return
			default:
			}
			n, err := r.edge.Read(buffer)
			if err != nil {
				return
			}
			if _, err := r.player.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
}

// goOn takes again what the edge sends.
func (r *relay) goOn() {
	r.ended.Go(func() { _, _ = io.Copy(r.player, r.edge) }) // ends with either
}

func (r *relay) close() {
	r.listener.Close()
	for _, conn := range []net.Conn{r.edge, r.player} {
		if conn != nil {
			conn.Close()
		}
	}
	r.ended.Wait()
}

// overTCP is an edge whose player learns of its TCP port alone, by the relay's address.
type overTCP struct {
	t      *testing.T
	relay  *relay
	player *webrtc.PeerConnection
	link   media.Bitrate // what the way carries; 0 for all
}

func (*overTCP) Input(control.Channel, control.Message) {}
func (*overTCP) Malformed(control.Channel, error)       {}
func (*overTCP) WantKeyframe()                          {}
func (*overTCP) Lost(streamer.Loss)                     {}
func (*overTCP) Left(media.StageTimes)                  {}
func (e *overTCP) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil {
		return
	}
	fields := strings.Fields(c.Candidate) // RFC 8839 section 5.1: foundation, component, transport, priority, address, port
	if !strings.EqualFold(fields[2], "tcp") {
		return
	}
	if address := net.JoinHostPort(fields[4], fields[5]); e.link > 0 {
		e.relay.throttle(e.t, address, e.link)
	} else {
		e.relay.run(e.t, address)
	}
	fields[5] = fmt.Sprint(e.relay.listener.Addr().(*net.TCPAddr).Port)
	through := *c
	through.Candidate = strings.Join(fields, " ")
	if err := e.player.AddICECandidate(through); err != nil {
		e.t.Error(err)
	}
}

// playerOverTCP is a player whose network lets only TCP through.
func playerOverTCP(t *testing.T) *streamertest.Receiver {
	t.Helper()
	return streamertest.NewReceiver(t, func(settings *webrtc.SettingEngine) {
		settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	})
}

func TestAConnectionOverTCPThatTakesNothingFailsAndCloses(t *testing.T) {
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	player := playerOverTCP(t)
	edge := &overTCP{t: t, relay: newRelay(t), player: player.PeerConnection}
	config := streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps}
	peer, err := engine.NewPeer(config, edge, streamer.NewStages(streamer.NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- peer.Run(ctx) }()
	t.Cleanup(func() {
		hangUp()
		edge.relay.close()
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	err = peer.Offer(func(offer string) error {
		if err := player.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
			return err
		}
		answer, err := player.CreateAnswer(nil)
		if err != nil {
			return err
		}
		return errors.Join(player.SetLocalDescription(answer), peer.Answer(answer.SDP))
	})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, peer.Connected(), "the connection over TCP")

	slice := accessUnit(200_000)
	if err := peer.WriteSlice(slice, media.Now()); err != nil {
		t.Fatal(err)
	}
	wait(t, player.Video, "a packet over TCP")

	close(edge.relay.stalled)
	failed := make(chan error, 1)
	go func() {
		for {
			if err := peer.WriteSlice(slice, media.Now()); err != nil {
				failed <- err
				return
			}
		}
	}()
	t.Logf("sending failed: %v", wait(t, failed, "the end of a write that nobody takes"))
	hangUp()
	wait(t, closed, "the end of the connection")
}
