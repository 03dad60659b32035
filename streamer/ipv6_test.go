package streamer_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

// needsIPv6 skips the test on a machine without IPv6.
func needsIPv6(t *testing.T) {
	t.Helper()
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("SKIPPED %s: this machine has no IPv6 loopback: %v", t.Name(), err)
	}
	conn.Close()
}

// choosy is an edge whose player learns only of some of its candidates. It keeps them all.
type choosy struct {
	*edgeSide
	told  func(candidate []string) bool // fields as in RFC 8839 section 5.1
	all   [][]string
	ended chan struct{}
	once  sync.Once // a restart ends a list of its own
}

func (c *choosy) Candidate(init *webrtc.ICECandidateInit) {
	if init == nil {
		c.once.Do(func() { close(c.ended) })
		return
	}
	fields := strings.Fields(init.Candidate)
	c.all = append(c.all, fields)
	if c.told(fields) {
		c.edgeSide.Candidate(init)
	}
}

func TestAPlayerIsReachedOverIPv6AloneOrWhicheverFamilyItHas(t *testing.T) {
	needsIPv6(t)
	four, six := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()
	of := func(wanted netip.Addr) func([]string) bool {
		return func(candidate []string) bool {
			return candidate[4] == wanted.String() && strings.EqualFold(candidate[2], "udp")
		}
	}
	for name, row := range map[string]struct {
		config udpmux.Config
		told   func([]string) bool
		offers []netip.Addr
	}{
		"an edge of IPv6 alone":               {udpmux.Config{Address: six}, of(six), []netip.Addr{six}},
		"an edge of both, a player of IPv6":   {udpmux.Config{Address: four, Also: []netip.Addr{six}}, of(six), []netip.Addr{four, six}},
		"an edge of both, a player of IPv4":   {udpmux.Config{Address: four, Also: []netip.Addr{six}}, of(four), []netip.Addr{four, six}},
		"an edge of both the other way round": {udpmux.Config{Address: six, Also: []netip.Addr{four}}, of(six), []netip.Addr{four, six}},
	} {
		t.Run(name, func(t *testing.T) {
			logger := slog.New(slog.NewTextHandler(t.Output(), nil))
			row.config.Loggers = streamer.Loggers(logger)
			ports, err := udpmux.Open(row.config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := ports.Close(); err != nil {
					t.Error(err)
				}
			})
			engine, err := streamer.NewEngine(ports, logger)
			if err != nil {
				t.Fatal(err)
			}
			player := &playerSide{frames: make(chan viewer.Frame, 64), messages: make(chan control.Message, 64)}
			v, err := viewer.New(viewer.Config{Logger: logger}, player)
			if err != nil {
				t.Fatal(err)
			}
			edge := &choosy{told: row.told, ended: make(chan struct{}), edgeSide: &edgeSide{
				viewer: v, t: t, inputs: make(chan control.Message, 16), malformed: make(chan error, 16), keyframes: make(chan struct{}, 16), left: make(chan media.StageTimes, 64),
			}}
			peer, err := engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps},
				edge, streamer.NewStages(streamer.NewStageHistogram()), logger)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 2)
			go func() { ended <- v.Run(ctx) }()
			go func() { ended <- peer.Run(ctx) }()
			t.Cleanup(func() {
				cancel()
				<-ended
				<-ended
			})
			s := &session{peer: peer, viewer: v, edge: edge.edgeSide, player: player}
			if err := peer.Offer(s.goOn); err != nil {
				t.Fatal(err)
			}
			wait(t, peer.Connected(), "the connection")
			wait(t, v.Open(), "the data channels")
			for range 5 {
				if err := peer.WriteSlice(accessUnit(20000), media.Now()); err != nil {
					t.Fatal(err)
				}
				wait(t, player.frames, "a frame")
			}
			if err := v.Send(&control.Key{Seq: 1, Down: true, Code: 30}); err != nil {
				t.Fatal(err)
			}
			wait(t, edge.inputs, "a key")
			wait(t, edge.ended, "all candidates")
			for _, address := range row.offers {
				if !slices.ContainsFunc(edge.all, of(address)) {
					t.Errorf("%v is not offered: %v", address, edge.all)
				}
			}
			if err := peer.Restart(s.goOn); err != nil {
				t.Fatal(err)
			}
			select {
			case <-peer.Restored():
			case <-time.After(patience):
				t.Error("no new ways")
			}
		})
	}
}
