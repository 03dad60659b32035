package streamer_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// edgeSide records what a peer receives, and hands its candidates to the viewer.
type edgeSide struct {
	viewer    *viewer.Viewer
	inputs    chan control.Message
	malformed chan error
	keyframes chan struct{}
	left      chan media.StageTimes
	t         testing.TB
}

func (e *edgeSide) Input(_ control.Channel, m control.Message) {
	if key, ok := m.(*control.Key); ok {
		kept := *key
		e.inputs <- &kept
	}
}
func (e *edgeSide) Malformed(_ control.Channel, err error) { e.malformed <- err }
func (e *edgeSide) WantKeyframe()                          { e.keyframes <- struct{}{} }
func (*edgeSide) Lost(streamer.Loss)                       {}
func (e *edgeSide) Left(times media.StageTimes)            { e.left <- times }
func (e *edgeSide) Candidate(c *webrtc.ICECandidateInit) {
	if c == nil {
		return
	}
	if err := e.viewer.AddCandidate(*c); err != nil {
		e.t.Error(err)
	}
}

// playerSide records what a viewer receives.
type playerSide struct {
	peer     *streamer.Peer
	frames   chan viewer.Frame
	messages chan control.Message
}

func (p *playerSide) Frame(f viewer.Frame) { p.frames <- f }
func (p *playerSide) Message(m control.Message) {
	if pong, ok := m.(*control.Pong); ok {
		kept := *pong
		p.messages <- &kept
	}
}
func (*playerSide) Candidate(*webrtc.ICECandidateInit) {} // the edge's candidates are enough on loopback

type session struct {
	peer   *streamer.Peer
	viewer *viewer.Viewer
	edge   *edgeSide
	player *playerSide
	stages *streamer.Stages
}

// connect joins a peer and a viewer over real sockets on loopback.
func connect(t testing.TB) *session {
	t.Helper()
	return connectWith(t, streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps}, viewer.Config{})
}

// connectWith joins a peer and a viewer of other kinds.
func connectWith(t testing.TB, config streamer.PeerConfig, watching viewer.Config) *session {
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
	s := &session{
		edge:   &edgeSide{inputs: make(chan control.Message, 16), malformed: make(chan error, 16), keyframes: make(chan struct{}, 16), left: make(chan media.StageTimes, 1024), t: t},
		player: &playerSide{frames: make(chan viewer.Frame, 1024), messages: make(chan control.Message, 1024)},
		stages: streamer.NewStages(streamer.NewStageHistogram()),
	}
	if s.peer, err = engine.NewPeer(config, s.edge, s.stages, logger); err != nil {
		t.Fatal(err)
	}
	watching.Logger = logger
	if s.viewer, err = viewer.New(watching, s.player); err != nil {
		t.Fatal(err)
	}
	s.edge.viewer, s.player.peer = s.viewer, s.peer

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- s.viewer.Run(ctx) }()
	go func() { ended <- s.peer.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		<-ended
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	err = s.peer.Offer(func(offer string) error {
		answer, err := s.viewer.Answer(offer)
		if err != nil {
			return err
		}
		return s.peer.Answer(answer)
	})
	if err != nil {
		t.Fatal(err)
	}
	wait(t, s.peer.Connected(), "the connection")
	wait(t, s.viewer.Open(), "the data channels")
	return s
}

func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come within %v", what, patience)
		panic("unreachable")
	}
}

// accessUnit is an Annex B picture of one large slice.
func accessUnit(size int) media.Slice {
	return media.Slice{Data: append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0xab}, size)...), Keyframe: true, Last: true}
}

func TestFramesArriveWholeWithTheirCaptureTime(t *testing.T) {
	s := connect(t)
	captured := media.Now()
	for i := range 20 {
		at := captured.Add(time.Duration(i) * 10 * time.Millisecond)
		if err := s.peer.WriteSlice(accessUnit(20000), at); err != nil {
			t.Fatal(err)
		}
		frame := wait(t, s.player.frames, "a frame")
		if want := streamer.RTPTimestamp(at); frame.RTP != want {
			t.Errorf("frame %d has RTP timestamp %d, want %d", i, frame.RTP, want)
		}
		if frame.Bytes != 20005 {
			t.Errorf("frame %d has %d bytes, want 20005", i, frame.Bytes)
		}
	}
}

// frameOf is a keyframe of a codec, in the form that its encoder has, of about so many bytes.
func frameOf(codec media.Codec, size int) media.Slice {
	body := bytes.Repeat([]byte{0xab}, size)
	head := map[media.Codec][]byte{
		media.H264: {0, 0, 0, 1, 0x65},
		media.HEVC: {0, 0, 0, 1, 19 << 1, 1},
		media.VP8:  {0x30, 1, 2, 0x9d, 1, 0x2a},
		media.VP9:  {0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x16, 0x70},
		media.AV1:  {0x0a, 1, 0, 0x32, byte(size+1)&0x7f | 0x80, byte((size+1)>>7)&0x7f | 0x80, byte((size + 1) >> 14), 0x10},
	}[codec]
	return media.Slice{Data: append(head, body...), Keyframe: true, Last: true}
}

func TestEveryCodecIsOfferedTakenAndArrivesWhole(t *testing.T) {
	for _, codec := range []media.Codec{media.H264, media.HEVC, media.VP8, media.VP9, media.AV1} {
		t.Run(string(codec), func(t *testing.T) {
			config := streamer.PeerConfig{Codecs: []media.Codec{codec}, Bitrate: 8 * media.Mbps}
			if codec == media.H264 {
				config.ProfileLevelID = "42c01f"
			}
			s := connectWith(t, config, viewer.Config{Codecs: []media.Codec{codec}})
			for range 3 {
				slice := frameOf(codec, 20000)
				if err := s.peer.WriteSlice(slice, media.Now()); err != nil {
					t.Fatal(err)
				}
				if frame := wait(t, s.player.frames, "a frame"); frame.Bytes != len(slice.Data) {
					t.Errorf("%d bytes arrived as %d", len(slice.Data), frame.Bytes)
				}
			}
		})
	}
}

func TestTheCodecChangesWithinTheStream(t *testing.T) {
	codecs := []media.Codec{media.H264, media.VP8, media.AV1}
	s := connectWith(t, streamer.PeerConfig{Codecs: codecs, ProfileLevelID: "42c01f", Bitrate: 8 * media.Mbps}, viewer.Config{Codecs: []media.Codec{media.H264, media.AV1}})
	if s.peer.Accepts(media.VP8) || !s.peer.Accepts(media.AV1) || !s.peer.Accepts(media.H264) {
		t.Fatal("the peer does not know what the player takes")
	}
	for i, codec := range []media.Codec{media.H264, media.AV1, media.AV1, media.H264} {
		s.peer.Use(codec)
		slice := frameOf(codec, 20000)
		if err := s.peer.WriteSlice(slice, media.Now().Add(time.Duration(i)*streamer.RTPTick)); err != nil {
			t.Fatal(err)
		}
		if frame := wait(t, s.player.frames, "a frame"); frame.Bytes != len(slice.Data) || frame.Codec != codec {
			t.Errorf("%d bytes of %s arrived as %d of %s", len(slice.Data), codec, frame.Bytes, frame.Codec)
		}
	}
	s.peer.Use(media.VP8)
	if err := s.peer.WriteSlice(frameOf(media.VP8, 100), media.Now()); !errors.Is(err, streamer.ErrNoCommonCodec) {
		t.Errorf("a codec that the player does not take: %v", err)
	}
}

// unreachable is an edge whose candidates never come.
type unreachable struct{ *edgeSide }

func (unreachable) Candidate(*webrtc.ICECandidateInit) {}

func TestAViewerWithoutTheCodecRefusesTheVideo(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	for _, codec := range []media.Codec{media.HEVC, media.VP8, media.VP9, media.AV1} {
		edge, player := unreachable{&edgeSide{t: t}}, &playerSide{}
		peer, err := engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{codec}, Bitrate: media.Mbps}, edge, nil, logger)
		if err != nil {
			t.Fatal(err)
		}
		watching, err := viewer.New(viewer.Config{Codecs: []media.Codec{media.H264}}, player)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 2)
		go func() { ended <- peer.Run(ctx) }()
		go func() { ended <- watching.Run(ctx) }()
		err = peer.Offer(func(offer string) error {
			answer, err := watching.Answer(offer)
			if err != nil {
				return err
			}
			return peer.Answer(answer)
		})
		if !errors.Is(err, streamer.ErrNoCommonCodec) {
			t.Errorf("%s: error %v, want ErrNoCommonCodec", codec, err)
		}
		cancel()
		<-ended
		<-ended
	}
	if _, err := engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{"theora"}, Bitrate: media.Mbps}, nil, nil, logger); !errors.Is(err, streamer.ErrNoCommonCodec) {
		t.Errorf("an unknown codec: error %v, want ErrNoCommonCodec", err)
	}
}

func TestInputReachesTheReceiverAndRubbishIsReported(t *testing.T) {
	s := connect(t)
	if err := s.viewer.Send(&control.Key{Seq: 1, Down: true, Code: 30}); err != nil {
		t.Fatal(err)
	}
	if key, ok := wait(t, s.edge.inputs, "the key").(*control.Key); !ok || key.Code != 30 || !key.Down {
		t.Errorf("got %+v", key)
	}
	if err := s.viewer.SendRaw(control.OnControl, []byte{0xff, 1, 2}); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, s.edge.malformed, "the report of a malformed message"); !errors.Is(err, control.ErrType) {
		t.Errorf("error %v, want control.ErrType", err)
	}
}

func TestPingsAreAnsweredAndAcknowledgementsFillTheStages(t *testing.T) {
	s := connect(t)
	if err := s.viewer.Send(&control.Ping{ID: 7, Sent: 5 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if pong := wait(t, s.player.messages, "a pong").(*control.Pong); pong.ID != 7 || pong.Sent != 5*time.Millisecond || pong.Edge == 0 {
		t.Errorf("got %+v", pong)
	}
	now := media.Now()
	s.peer.FrameCoded(media.StageTimes{Damaged: now, Encoded: now})
	if left := wait(t, s.edge.left, "the frame's departure"); left.Damaged != now || left.Sent < now {
		t.Errorf("the frame left as %+v", left)
	}
	ack := &control.Ack{RTP: streamer.RTPTimestamp(now), Received: 6 * time.Millisecond, Presented: 9 * time.Millisecond, Decode: time.Millisecond, Frames: 1}
	if err := s.viewer.Send(ack); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for s.stages.Lately(streamer.StagePresent).N == 0 {
		if time.Now().After(deadline) {
			t.Fatal("the acknowledgement was not recorded")
		}
		time.Sleep(time.Millisecond)
	}
	if d := s.stages.Lately(streamer.StagePresent).P50; d != 2*time.Millisecond {
		t.Errorf("present took %v, want 2 ms: presented less received less decode", d)
	}
}

func TestAnAnswerWithoutOurCodecIsRefused(t *testing.T) {
	s := connect(t) // a connection of its own is made below; this one gives a real answer to change
	_ = s
	logger := slog.New(slog.DiscardHandler)
	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	defer ports.Close()
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	peer, err := engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{media.H264}, ProfileLevelID: "42c01f", Bitrate: media.Mbps}, s.edge, s.stages, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- peer.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	var offer string
	if err := peer.Offer(func(sdp string) error { offer = sdp; return nil }); err != nil {
		t.Fatal(err)
	}
	other, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	vp8Only := strings.ReplaceAll(offer, "H264/90000", "VP8/90000")
	if err := other.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: vp8Only}); err != nil {
		t.Fatal(err)
	}
	answer, err := other.CreateAnswer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := peer.Answer(answer.SDP); !errors.Is(err, streamer.ErrNoCommonCodec) {
		t.Errorf("error %v, want ErrNoCommonCodec", err)
	}
}

func TestAnAnswerThatIsNotSDPIsAnError(t *testing.T) {
	s := connect(t)
	if err := s.peer.Answer("v=0\r\nrubbish"); err == nil {
		t.Error("rubbish was taken for an answer")
	}
}

// BenchmarkSendFrame sends frames of 50 Mbit/s over a real connection: what it counts beside our part is encryption, and the kernel's way
// to a socket on loopback.
func BenchmarkSendFrame(b *testing.B) {
	s := connect(b)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for {
			select {
			case <-s.player.frames: // whatever came
			case <-s.peer.Done():
				return
			}
		}
	}()
	b.Cleanup(func() { <-drained })
	slice := accessUnit(104_000)
	at := media.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(streamer.RTPTick)
		if err := s.peer.WriteSlice(slice, at); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/90, "ns/packet")
}
