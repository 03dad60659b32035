package streamer

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/streamer/congestion"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

// watcher is a player that looks at nothing.
type watcher struct{ frames chan viewer.Frame }

func (w watcher) Frame(f viewer.Frame) {
	select {
	case w.frames <- f:
	default:
	}
}
func (watcher) Message(control.Message)            {}
func (watcher) Candidate(*webrtc.ICECandidateInit) {}

// streamOver sends frames of what is granted over a link, to a player that reports by RFC 8888, until done says so.
func streamOver(t *testing.T, link netsim.Config, done func(*ecnPath, congestion.Figures) bool) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	owner := &browserPeer{candidates: make(chan webrtc.ICECandidateInit, 16)}
	peer, err := engine.NewPeer(PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 20 * media.Mbps}, owner, NewStages(NewStageHistogram()), logger)
	if err != nil {
		t.Fatal(err)
	}
	player := watcher{make(chan viewer.Frame, 64)}
	v, err := viewer.New(viewer.Config{CCFB: true, Logger: logger}, player)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 2)
	go func() { ran <- peer.Run(ctx) }()
	go func() { ran <- v.Run(ctx) }()
	t.Cleanup(func() {
		<-ran
		<-ran
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	owner.relayed(t, ctx, ports.Addresses()[0], link)
	defer stop()
	if err := peer.Offer(func(offer string) error {
		answer, err := v.Answer(offer)
		if err != nil {
			return err
		}
		return peer.Answer(answer)
	}); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(30 * time.Second)
	for connected := false; !connected; {
		select {
		case c := <-owner.candidates:
			if err := v.AddCandidate(c); err != nil {
				t.Fatal(err)
			}
		case <-peer.Connected():
			connected = true
		case <-deadline:
			t.Fatal("no connection within 30 s")
		}
	}
	rate := peer.rate.(*probingRate)
	ticker := time.NewTicker(time.Second / 60)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("it is not done within 30 s: %v, %+v", rate.ccfb.path.state, rate.figures())
		}
		if grant := peer.Grant(); !grant.Skip {
			slice := annexBSlice(max(grant.Octets, 2000), true)
			slice.Keyframe = n == 0 || owner.keyframe.Swap(false)
			if err := peer.WriteSlice(slice, media.Now()); err != nil {
				t.Fatal(err)
			}
		}
		rate.mu.Lock()
		over := done(&rate.ccfb.path, rate.controller.Figures(instant(media.Now())))
		rate.mu.Unlock()
		if over {
			return
		}
	}
}

func TestMarksComeFromAQueueAndSteerTheRate(t *testing.T) {
	link := netsim.Config{Delay: 10 * time.Millisecond, Rate: netsim.Constant(8 * media.Mbps), Queue: netsim.DualPI2{}}
	streamOver(t, link, func(path *ecnPath, f congestion.Figures) bool {
		return path.state == ecnCapable && path.passed > 500 && path.congested > 0 && path.changed == 0 && f.Cuts[congestion.ECN] > 2
	})
}

func TestAPathThatBleachesOrDropsMarksGetsNoneAndThePicture(t *testing.T) {
	for name, middlebox := range map[string]netsim.Middlebox{"bleaches": netsim.ECNBleached, "drops": netsim.ECNDropped} {
		t.Run(name, func(t *testing.T) {
			link := netsim.Config{Delay: 10 * time.Millisecond, Middlebox: middlebox}
			refused := 0
			streamOver(t, link, func(path *ecnPath, f congestion.Figures) bool {
				if path.state == ecnRefused {
					refused++
				}
				return refused > 60 && f.Loss < 0.2 && f.Target > 6_000_000
			})
		})
	}
}
