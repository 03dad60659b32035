package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"golang.org/x/sync/errgroup"

	"nearlight/checker/quality"
	"nearlight/edge"
	"nearlight/encoder"
	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
	"nearlight/streamer/viewer"
)

// netFlow is one sender and its player on either side of a relay.
type netFlow struct {
	source *playback
	stream *edge.Stream
	peer   *streamer.Peer
	viewer *viewer.Viewer
	ports  *udpmux.Ports
	near   netip.AddrPort // the relay's, for the player

	mu      sync.Mutex
	sent    []media.StageTimes
	shown   []arrivedFrame
	compare chan comparison
	ssim    []float64
	ending  bool // what fails from now on fails because of that
	failed  error
}

// arrivedFrame is a frame as the player got it.
type arrivedFrame struct {
	rtp       uint32
	decodable media.Instant // when it and all before it had come
}

// comparison is a picture to be compared with what was drawn.
type comparison struct {
	rtp     uint32
	picture *media.Frame
}

// ssimEvery is which of the pictures are compared: it takes some milliseconds.
const ssimEvery = 6

// loopbackAddress is where everything of the benchmark is.
var loopbackAddress = netip.MustParseAddr("127.0.0.1")

// openNetFlow prepares a sender on ports of its own, and a player that reports in one of the forms of feedback.
func openNetFlow(candidate encoder.Candidate, config encoder.Config, pictures []*media.Frame, controller streamer.Controller, feedback string, logger *slog.Logger) (_ *netFlow, err error) {
	f := &netFlow{compare: make(chan comparison, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.source, err = newPlayback(pictures, config.FrameRate); err != nil {
		return nil, err
	}
	if f.ports, err = udpmux.Open(udpmux.Config{Address: loopbackAddress, Loggers: streamer.Loggers(logger)}); err != nil {
		return nil, err
	}
	engine, err := streamer.NewEngine(f.ports, logger)
	if err != nil {
		return nil, err
	}
	if f.viewer, err = viewer.New(viewer.Config{Decode: true, CCFB: feedback != feedbackTransportWide, Logger: logger}, f); err != nil {
		return nil, err
	}
	f.peer, err = engine.NewPeer(streamer.PeerConfig{
		Codecs: []media.Codec{candidate.Codec}, ProfileLevelID: encoder.BaselineProfileLevelID(config), Bitrate: config.Bitrate,
		Controller: controller, Unmarked: feedback == feedbackUnmarked,
	}, f, streamer.NewStages(streamer.NewStageHistogram()), logger)
	if err != nil {
		return nil, err
	}
	opened, config, err := candidate.OpenMending(config)
	if err != nil {
		return nil, err
	}
	f.stream = edge.NewStream(f.source, &encoder.Choice{Encoder: opened, Candidate: candidate, Config: config}, config, logger)
	return f, nil
}

// close gives back what run does not.
func (f *netFlow) close() error {
	var err error
	if f.source != nil {
		err = f.source.Close()
	}
	if f.ports != nil {
		err = errors.Join(err, f.ports.Close())
	}
	return err
}

// run connects the two over the relay, which runs, and streams until ctx ends. began is closed when media flows.
func (f *netFlow) run(ctx context.Context, began chan<- struct{}) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f.peer.Run(ctx) })
	group.Go(func() error { return f.viewer.Run(ctx) })
	group.Go(func() error { return f.compareAll(ctx) })
	group.Go(func() error {
		err := f.peer.Offer(func(offer string) error {
			answer, err := f.viewer.Answer(offer)
			if err != nil {
				return err
			}
			return f.peer.Answer(answer)
		})
		if err != nil {
			return err
		}
		for _, ready := range []<-chan struct{}{f.peer.Connected(), f.viewer.Open()} {
			select {
			case <-ready:
			case <-time.After(reportPatience):
				return fmt.Errorf("no connection over the emulated link within %v", reportPatience)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		close(began)
		f.stream.Play(f.peer)
		return f.stream.Run(ctx)
	})
	return group.Wait()
}

// Input implements streamer.Receiver.
func (*netFlow) Input(control.Channel, control.Message) {}

// Malformed implements streamer.Receiver.
func (f *netFlow) Malformed(_ control.Channel, err error) { f.fail(err) }

// WantKeyframe implements streamer.Receiver.
func (f *netFlow) WantKeyframe() { f.stream.WantKeyframe() }

// Lost implements streamer.Receiver.
func (f *netFlow) Lost(loss streamer.Loss) { f.stream.Lost(loss) }

// Left implements streamer.Receiver.
func (f *netFlow) Left(times media.StageTimes) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, times)
}

func (f *netFlow) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil && !f.ending {
		f.failed = err
	}
}

// end says that the run is over.
func (f *netFlow) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ending = true
}

// Candidate implements streamer.Receiver and viewer.Watcher: the edge's UDP candidate is told as the relay's address; the
// player's are not told, so that there is no way around it.
func (f *netFlow) Candidate(c *webrtc.ICECandidateInit) {
	own := f.ports.Addresses()[0]
	if c == nil || !strings.Contains(c.Candidate, " udp ") || !strings.Contains(c.Candidate, fmt.Sprintf(" %v %d ", own.Addr(), own.Port())) {
		return
	}
	relayed := *c
	relayed.Candidate = strings.Replace(c.Candidate, fmt.Sprintf(" %v %d ", own.Addr(), own.Port()), fmt.Sprintf(" %v %d ", f.near.Addr(), f.near.Port()), 1)
	if err := f.viewer.AddCandidate(relayed); err != nil {
		f.fail(err)
	}
}

// Message implements viewer.Watcher.
func (*netFlow) Message(control.Message) {}

// Frame implements viewer.Watcher: it acknowledges as the page does, and keeps what the figures need.
func (f *netFlow) Frame(frame viewer.Frame) {
	now := media.Now()
	ack := &control.Ack{
		RTP: frame.RTP, Received: time.Duration(frame.LastPacket).Truncate(time.Microsecond), Presented: time.Duration(now).Truncate(time.Microsecond),
	}
	if err := f.viewer.Send(ack); err != nil {
		f.fail(err)
	}
	f.mu.Lock()
	decodable := frame.LastPacket
	if n := len(f.shown); n > 0 {
		decodable = max(decodable, f.shown[n-1].decodable)
	}
	f.shown = append(f.shown, arrivedFrame{frame.RTP, decodable})
	due := len(f.shown)%ssimEvery == 0
	f.mu.Unlock()
	if due && len(f.compare) == 0 {
		f.compare <- comparison{frame.RTP, clonePicture(frame.Picture)}
	}
}

// compareAll compares pictures with what was drawn, beside the stream.
func (f *netFlow) compareAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-f.compare:
			source := f.drawnAs(c.rtp)
			if source == nil || source.Visible != c.picture.Visible {
				continue
			}
			similarity, err := quality.SSIM(source, c.picture)
			if err != nil {
				return err
			}
			f.mu.Lock()
			f.ssim = append(f.ssim, similarity)
			f.mu.Unlock()
		}
	}
}

// forget drops what was kept of the frames so far, and returns how many were shown.
func (f *netFlow) forget() int {
	f.source.forget()
	f.mu.Lock()
	defer f.mu.Unlock()
	shown := len(f.shown)
	f.sent, f.shown = f.sent[:0], f.shown[:0]
	return shown
}

// drawnAs is the picture that a frame shows, nil when it is not known.
func (f *netFlow) drawnAs(rtp uint32) *media.Frame {
	drawn := f.source.drawing()
	for i := len(drawn) - 1; i >= 0; i-- {
		if streamer.RTPTimestamp(drawn[i].at) == rtp {
			return drawn[i].picture
		}
	}
	return nil
}

// clonePicture copies what a viewer lends.
func clonePicture(f *media.Frame) *media.Frame {
	c := media.NewFrame(f.Visible)
	for _, plane := range []struct{ to, from *media.Plane }{{&c.Y, &f.Y}, {&c.U, &f.U}, {&c.V, &f.V}} {
		rows := len(plane.to.Data) / plane.to.Stride
		for y := range rows {
			copy(plane.to.Data[y*plane.to.Stride:(y+1)*plane.to.Stride], plane.from.Data[y*plane.from.Stride:min((y+1)*plane.from.Stride, len(plane.from.Data))])
		}
	}
	return c
}

// streamOver runs flows over one relay for some time, of which the first, settle, does not count.
func streamOver(ctx context.Context, flows []*netFlow, down, up netsim.Config, settle, length time.Duration) (run netRun, err error) {
	config := netsim.RelayConfig{Out: up, Back: down}
	for _, f := range flows {
		config.Routes = append(config.Routes, netsim.Route{Target: f.ports.Addresses()[0]})
	}
	relay, err := netsim.OpenRelay(config)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, relay.Close()) }()
	run = netRun{opened: media.Now(), down: down}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return relay.Run(ctx) })
	for i, f := range flows {
		f.near = relay.Near(i)
		flowing := make(chan struct{})
		group.Go(func() error { return f.run(ctx, flowing) })
		select {
		case <-flowing:
		case <-ctx.Done():
			return run, group.Wait()
		}
	}
	run.counts = media.Now().Add(settle)
	group.Go(func() error { return run.watch(ctx, relay, flows[0]) })
	if sleep(ctx, settle) == nil {
		run.before = relay.Stats()
		_ = sleep(ctx, length-settle) // what has ended ctx is told below
	}
	run.after, run.ended = relay.Stats(), media.Now()
	for _, f := range flows {
		f.end()
	}
	stop()
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return run, err
	}
	for _, f := range flows {
		if f.failed != nil {
			return run, f.failed
		}
	}
	return run, nil
}
