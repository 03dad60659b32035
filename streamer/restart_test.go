package streamer_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

// way is a relay between player and edge: a network that the player is on.
type way struct {
	*netsim.Relay
	leave func()
}

func openWay(t *testing.T, edge netip.AddrPort) *way {
	t.Helper()
	link := netsim.Config{Delay: 10 * time.Millisecond, Rate: netsim.Constant(20 * media.Mbps)}
	relay, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{{Target: edge}}, Out: link, Back: link})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	t.Cleanup(func() {
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := relay.Close(); err != nil {
			t.Error(err)
		}
	})
	return &way{relay, leave}
}

// mobile is an edge whose player learns of it by the address of the way that it is on, and by no other.
type mobile struct {
	*edgeSide
	way      atomic.Pointer[way]
	gathered chan struct{}
}

func (m *mobile) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil {
		m.gathered <- struct{}{}
		return
	}
	through := *c
	if through.Candidate = m.through(c.Candidate); through.Candidate == "" {
		return
	}
	if err := m.viewer.AddCandidate(through); err != nil {
		m.t.Error(err)
	}
}

// through is a candidate by the way that the player is on, "" for one that leads past it (RFC 8839 section 5.1).
func (m *mobile) through(candidate string) string {
	fields := strings.Fields(candidate)
	if !strings.EqualFold(fields[2], "udp") {
		return ""
	}
	fields[5] = strconv.Itoa(int(m.way.Load().Near(0).Port()))
	return strings.Join(fields, " ")
}

// goOn is session's, for descriptions that may hold candidates: the edge's lead by the way, and of the player's it learns none.
func (m *mobile) goOn(s *session) func(offer string) error {
	return func(offer string) error {
		answer, err := s.viewer.Answer(eachCandidate(offer, m.through))
		if err != nil {
			return err
		}
		return s.peer.Answer(eachCandidate(answer, func(string) string { return "" }))
	}
}

// eachCandidate puts others in the place of a description's candidates; "" leaves one out.
func eachCandidate(description string, other func(candidate string) string) string {
	const attribute = "a=candidate:"
	var lines strings.Builder
	for line := range strings.Lines(description) {
		if candidate, is := strings.CutPrefix(strings.TrimSpace(line), attribute); is {
			if candidate = other(candidate); candidate == "" {
				continue
			}
			line = attribute + candidate + "\r\n"
		}
		lines.WriteString(line)
	}
	return lines.String()
}

// goOn hands an offer to the viewer and its answer back.
func (s *session) goOn(offer string) error {
	answer, err := s.viewer.Answer(offer)
	if err != nil {
		return err
	}
	return s.peer.Answer(answer)
}

// travelling is a session whose player is on a way of its own.
func travelling(t *testing.T) (*session, *mobile, netip.AddrPort) {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
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
	s := &session{
		edge:   &edgeSide{inputs: make(chan control.Message, 16), malformed: make(chan error, 16), keyframes: make(chan struct{}, 1024), left: make(chan media.StageTimes, 4096), t: t},
		player: &playerSide{frames: make(chan viewer.Frame, 4096), messages: make(chan control.Message, 1024)},
		stages: streamer.NewStages(streamer.NewStageHistogram()),
	}
	m := &mobile{edgeSide: s.edge, gathered: make(chan struct{}, 64)}
	address := ports.Addresses()[0]
	m.way.Store(openWay(t, address))
	config := streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps}
	if s.peer, err = engine.NewPeer(config, m, s.stages, logger); err != nil {
		t.Fatal(err)
	}
	if s.viewer, err = viewer.New(viewer.Config{Logger: logger}, s.player); err != nil {
		t.Fatal(err)
	}
	s.edge.viewer, s.player.peer = s.viewer, s.peer
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.viewer.Run(ctx) }()
	go func() { ended <- s.peer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		<-ended
	})
	if err := s.peer.Offer(m.goOn(s)); err != nil {
		t.Fatal(err)
	}
	wait(t, s.peer.Connected(), "the connection")
	wait(t, s.viewer.Open(), "the data channels")
	return s, m, address
}

// play sends small keyframes, so that each can be shown, until the returned function is called.
func (s *session) play(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = s.peer.WriteSlice(accessUnit(5000), media.Now()) // while there is no way, it goes nowhere
			}
		}
	}()
	return func() { cancel(); <-done }
}

func TestAConnectionGoesOnOverAnotherWayWithItsKeysStreamsAndChannels(t *testing.T) {
	s, edge, address := travelling(t)
	defer s.play(t)()
	wait(t, s.player.frames, "a frame")
	for round := range 3 {
		edge.way.Load().leave()
		left := time.Now()
		wait(t, s.peer.Unheard(), "word that the player is not heard")
		t.Logf("the player is missed %v after it was gone", time.Since(left))
		for len(s.player.frames) > 0 {
			<-s.player.frames
		}
		if round == 1 {
			for len(edge.gathered) > 0 {
				<-edge.gathered
			}
			// The first offer is lost with the network, and the player asks again from the next one.
			if err := s.peer.Restart(func(string) error { return nil }); err != nil {
				t.Fatal(err)
			}
			wait(t, edge.gathered, "all candidates")
		}
		next := openWay(t, address)
		edge.way.Store(next)
		there := time.Now()
		if err := s.peer.Restart(edge.goOn(s)); err != nil {
			t.Fatal(err)
		}
		frame := wait(t, s.player.frames, "a frame over the new way")
		shown := time.Since(there)
		wait(t, s.peer.Restored(), "word that media flows")
		if err := s.viewer.Send(&control.Key{Seq: uint32(round + 1), Down: true, Code: 30}); err != nil {
			t.Fatal(err)
		}
		wait(t, s.edge.inputs, "a key over the new way")
		t.Logf("a frame of %d octets %v after there was a way, a key after %v", frame.Bytes, shown, time.Since(there))
		if shown > 2*time.Second {
			t.Errorf("the picture stood for %v", shown)
		}
		if next.Stats().Back.Delivered == 0 {
			t.Error("nothing came over the new way")
		}
	}
	select {
	case <-s.peer.Done():
		t.Error(s.peer.Err())
	default:
	}
}

func TestAnAnswerThatNoOfferWaitsForIsDropped(t *testing.T) {
	s := connect(t)
	var answer string
	err := s.peer.Restart(func(offer string) (err error) {
		if answer, err = s.viewer.Answer(offer); err != nil {
			return err
		}
		return s.peer.Answer(answer)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.peer.Answer(answer); err != nil {
		t.Error(err)
	}
	wait(t, s.peer.Restored(), "the new way")
	slice := accessUnit(20000)
	if err := s.peer.WriteSlice(slice, media.Now()); err != nil {
		t.Fatal(err)
	}
	wait(t, s.player.frames, "a frame")
}

// A restart takes the way from under packets that are being written. None of what writes them may take that for the end.
func TestRestartsUnderLoadBreakNothing(t *testing.T) {
	s := connect(t)
	defer s.play(t)()
	ctx, stop := context.WithCancel(context.Background())
	talking := make(chan struct{})
	go func() {
		defer close(talking)
		for ctx.Err() == nil {
			_ = s.peer.Send(&control.Alive{Edge: time.Second}) // as much as the channel takes
			time.Sleep(50 * time.Microsecond)
		}
	}()
	defer func() { stop(); <-talking }()
	for n := range uint32(60) {
		if err := s.peer.Restart(s.goOn); err != nil {
			t.Fatal(err)
		}
		wait(t, s.peer.Restored(), "new ways")
		if err := s.viewer.Send(&control.Key{Seq: n + 1, Down: true, Code: 30}); err != nil {
			t.Fatal(err)
		}
		wait(t, s.edge.inputs, "a key")
		for len(s.player.frames) > 0 {
			<-s.player.frames
		}
		wait(t, s.player.frames, "a frame")
	}
}
