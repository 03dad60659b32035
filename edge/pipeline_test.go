package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"nearlight/edge/capture"
	"nearlight/edge/capture/capturetest"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

// scriptedEncoder makes access units of a fixed size and remembers what was asked of it.
type scriptedEncoder struct {
	mu        sync.Mutex
	keyframes int
	frames    int
	asked     []encoder.Reconfiguration
	closed    bool
	qp        float64

	surfaces        bool // it reads pictures on a GPU
	onGPU, inMemory int  // where the pictures were that it was given

	fail        error
	failHalfway bool // after a first slice

	failReconfigure, failSpeed error
}

func (e *scriptedEncoder) Encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		if e.failHalfway {
			_ = emit(media.Slice{Data: []byte{0, 0, 0, 1, 0x41, 1, 2, 3}}) // the encoder's own failure is what counts
		}
		return encoder.Result{}, e.fail
	}
	e.frames++
	if f.Surface != nil {
		e.onGPU++
	} else if f.Check() == nil {
		e.inMemory++
	}
	nal := byte(0x41)
	if r.Keyframe {
		e.keyframes++
		nal = 0x65
	}
	data := make([]byte, 2000)
	copy(data, []byte{0, 0, 0, 1, nal})
	for i := 5; i < len(data); i++ {
		data[i] = 0xab
	}
	return encoder.Result{Keyframe: r.Keyframe, Bytes: len(data), QP: e.qp}, emit(media.Slice{Data: data, Keyframe: r.Keyframe, Last: true})
}

func (e *scriptedEncoder) Reconfigure(r encoder.Reconfiguration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.Speed != nil && e.failSpeed != nil {
		return e.failSpeed
	}
	e.asked = append(e.asked, r)
	return e.failReconfigure
}

func (*scriptedEncoder) Invalidate(_, _ media.Instant) (bool, error) { return true, nil }
func (*scriptedEncoder) CodedSize() media.Size                       { return media.Size{Width: 640, Height: 368} }
func (e *scriptedEncoder) Capabilities() encoder.Capabilities {
	return encoder.Capabilities{Codec: media.H264, Name: "scripted", ProfileLevelID: "42c01f", Surfaces: e.surfaces}
}

func (e *scriptedEncoder) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

func (e *scriptedEncoder) counts() (frames, keyframes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.frames, e.keyframes
}

// bench joins a pipeline with a scripted screen and encoder to a real connection on loopback.
type bench struct {
	source   *capturetest.Source
	encoder  *scriptedEncoder
	pipeline *pipeline
	peer     *streamer.Peer
	frames   chan viewer.Frame
	drawn    chan struct{}
	notices  chan control.VideoNotice
	ended    chan error
	hangUp   func() // closes the player's connection
}

type nobody struct{ viewer *viewer.Viewer }

func (nobody) Input(control.Channel, control.Message) {}
func (nobody) Malformed(control.Channel, error)       {}
func (nobody) WantKeyframe()                          {}
func (nobody) Lost(streamer.Loss)                     {}
func (nobody) Left(media.StageTimes)                  {}
func (n nobody) Candidate(c *webrtc.ICECandidateInit) {
	if c != nil {
		_ = n.viewer.AddCandidate(*c) // without it the test does not connect, and says so
	}
}

type watcher chan viewer.Frame

func (w watcher) Frame(f viewer.Frame)               { w <- f }
func (watcher) Message(control.Message)              {}
func (watcher) Candidate(c *webrtc.ICECandidateInit) {}

func newBench(t *testing.T, rest ...encoder.Candidate) *bench {
	t.Helper()
	return newBenchOn(t, func(s capture.Source) capture.Source { return s }, rest...)
}

// newBenchOn lets the pipeline see the screen as another one.
func newBenchOn(t *testing.T, seen func(capture.Source) capture.Source, rest ...encoder.Candidate) *bench {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	size := media.Size{Width: 640, Height: 360}
	config, err := encoder.Config{Size: size, MaxSize: media.Size{Width: 1280, Height: 720}}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		source: capturetest.New(size), encoder: &scriptedEncoder{qp: 30}, frames: make(chan viewer.Frame, 1024),
		drawn: make(chan struct{}, 8), notices: make(chan control.VideoNotice, 64), ended: make(chan error, 1),
	}
	stages := streamer.NewStages(streamer.NewStageHistogram())
	choice := &encoder.Choice{Candidate: encoder.Candidate{Name: "scripted", Codec: media.H264}, Encoder: b.encoder, Rest: rest}
	b.pipeline = newPipeline(seen(b.source), choice, config, logger)
	b.pipeline.drawn = func() { b.drawn <- struct{}{} }
	b.pipeline.changed = func(n control.VideoNotice) { b.notices <- n }

	ports, err := udpmux.Open(udpmux.Config{Address: netip.MustParseAddr("127.0.0.1"), Loggers: streamer.Loggers(logger)})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := streamer.NewEngine(ports, logger)
	if err != nil {
		t.Fatal(err)
	}
	watching, err := viewer.New(viewer.Config{Logger: logger}, watcher(b.frames))
	if err != nil {
		t.Fatal(err)
	}
	b.peer, err = engine.NewPeer(streamer.PeerConfig{Codecs: []media.Codec{media.H264, media.VP8}, ProfileLevelID: "42c01f", Bitrate: config.Bitrate, Local: true}, nobody{watching}, stages, logger)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = watching.Run(ctx) })
	connected, hangUp := context.WithCancel(ctx)
	b.hangUp = hangUp
	running.Go(func() { _ = b.peer.Run(connected) })
	go func() { b.ended <- b.pipeline.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		running.Wait()
		<-b.ended
		if !b.encoder.closed {
			t.Error("the pipeline left its encoder open")
		}
		if err := ports.Close(); err != nil {
			t.Error(err)
		}
	})
	err = b.peer.Offer(func(sdp string) error {
		answer, err := watching.Answer(sdp)
		if err != nil {
			return err
		}
		return b.peer.Answer(answer)
	})
	if err != nil {
		t.Fatal(err)
	}
	receive(t, b.peer.Connected(), "the connection")
	return b
}

func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come within %v", what, patience)
		panic("unreachable")
	}
}

func TestAPlayerGetsAKeyframeAtOnceThoughTheScreenStandsStill(t *testing.T) {
	b := newBench(t)
	b.source.Change(40)
	receive(t, b.drawn, "the note that the app has drawn")
	if frames, _ := b.encoder.counts(); frames != 0 {
		t.Errorf("%d frames were encoded for nobody", frames)
	}
	began := time.Now()
	b.pipeline.watch(b.peer)
	receive(t, b.frames, "a frame")
	if took := time.Since(began); took > keepAlive/2 {
		t.Errorf("the first frame took %v: the still screen was waited for", took)
	}
	if _, keyframes := b.encoder.counts(); keyframes != 1 {
		t.Errorf("%d keyframes, want one", keyframes)
	}
	if notice := receive(t, b.notices, "a notice"); notice.Encoder != "scripted" || notice.Width != 640 || notice.FrameRate != 60 {
		t.Errorf("notice %+v", notice)
	}
}

func TestARequestForAKeyframeIsAnsweredByOne(t *testing.T) {
	b := newBench(t)
	b.encoder.qp = 10 // sharp at once: from then on the screen is only kept alive
	b.pipeline.watch(b.peer)
	b.source.Change(40)
	receive(t, b.frames, "the first frame")
	_, before := b.encoder.counts()
	b.pipeline.wantKeyframe()
	for {
		receive(t, b.frames, "the keyframe")
		if _, keyframes := b.encoder.counts(); keyframes == before+1 {
			return
		}
	}
}

func TestAStillPictureIsSharpenedThenLeftAlone(t *testing.T) {
	b := newBench(t)
	b.pipeline.watch(b.peer)
	b.source.Change(40)
	// The change, perhaps the empty screen before it, and the sharper pictures; then there is time between two frames.
	const most = mostSharpenings + 3
	last := time.Now()
	for n := 1; ; n++ {
		receive(t, b.frames, "a sharper picture or a sign of life")
		now := time.Now()
		if now.Sub(last) > keepAlive/2 {
			break
		}
		if last = now; n > most {
			t.Fatalf("a picture that gets no sharper was sent %d times in quick succession", n)
		}
	}
}

func TestANewSizeReachesTheEncoderAndThePlayer(t *testing.T) {
	b := newBench(t)
	b.pipeline.watch(b.peer)
	receive(t, b.notices, "the first notice")
	b.source.Resize(media.Size{Width: 800, Height: 600})
	for {
		if notice := receive(t, b.notices, "a notice of the new size"); notice.Width == 800 && notice.Height == 600 {
			break
		}
	}
	b.encoder.mu.Lock()
	defer b.encoder.mu.Unlock()
	if len(b.encoder.asked) == 0 || b.encoder.asked[0].Size != (media.Size{Width: 800, Height: 600}) {
		t.Errorf("the encoder was asked for %+v", b.encoder.asked)
	}
}

func TestWithoutAPlayerTheScreenIsOnlyGlancedAt(t *testing.T) {
	b := newBench(t)
	b.pipeline.watch(b.peer)
	b.source.Change(40)
	receive(t, b.frames, "a frame")
	if rate := b.source.FrameRate(); rate != 60 {
		t.Errorf("%d frames per second for a player", rate)
	}
	b.pipeline.watch(nil)
	b.source.Change(50)
	deadline := time.After(patience)
	for b.source.FrameRate() != unwatchedRate {
		select {
		case <-deadline:
			t.Fatalf("%d frames per second for nobody", b.source.FrameRate())
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAScreenThatIsGoneEndsThePipeline(t *testing.T) {
	b := newBench(t)
	b.pipeline.watch(b.peer)
	if err := b.source.Close(); err != nil {
		t.Fatal(err)
	}
	err := receive(t, b.ended, "the end")
	if !errors.Is(err, capture.ErrGone) {
		t.Errorf("ended with %v, want capture.ErrGone", err)
	}
	b.ended <- err
}

func TestABrokenEncoderEndsThePipeline(t *testing.T) {
	b := newBench(t)
	broken := errors.New("broken")
	b.encoder.mu.Lock()
	b.encoder.fail = broken
	b.encoder.mu.Unlock()
	b.pipeline.watch(b.peer)
	err := receive(t, b.ended, "the end")
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v, want the encoder's error", err)
	}
	b.ended <- err
}

func TestAnEncoderThatFailsIsReplacedWithinTheSameFrame(t *testing.T) {
	spare := &scriptedEncoder{qp: 10}
	b := newBench(t, encoder.Candidate{Name: "spare", Codec: media.H264, Open: func(encoder.Config) (encoder.Encoder, error) { return spare, nil }})
	b.encoder.qp = 10
	b.pipeline.watch(b.peer)
	b.source.Change(40)
	receive(t, b.frames, "the first frame")
	b.encoder.mu.Lock()
	b.encoder.fail, b.encoder.failHalfway = errors.New("device lost"), true
	b.encoder.mu.Unlock()
	b.source.Change(200)
	receive(t, b.frames, "a frame of the encoder that took over")
	if frames, keyframes := spare.counts(); frames == 0 || keyframes != 1 {
		t.Errorf("the other encoder made %d frames with %d keyframes, want one keyframe", frames, keyframes)
	}
	for {
		notice := receive(t, b.notices, "a notice of the change")
		if notice.Encoder == "spare" {
			if want := "scripted failed (encode: device lost), spare goes on"; notice.Reason != want {
				t.Errorf("the player reads %q, want %q", notice.Reason, want)
			}
			return
		}
	}
}
