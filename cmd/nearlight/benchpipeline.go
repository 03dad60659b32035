package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/bench"
	"nearlight/internal/decode"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
	"nearlight/streamer/viewer/rendezvous"
)

// evdevD is benchKey's evdev code.
const evdevD = 32

// The pauses between key presses, at no multiple of any frame rate, and how long a key is held.
const (
	pressPause  = 230 * time.Millisecond
	pressSpread = 100 * time.Millisecond
	pressHold   = 70 * time.Millisecond
)

// goPlayer plays one session in Go and remembers what it saw. Both clocks are this machine's, so nothing is estimated.
type goPlayer struct {
	viewer *viewer.Viewer
	signal *client.Player
	meet   *rendezvous.Rendezvous
	linked bool // it is to be reached over an emulated link alone

	mu     sync.Mutex
	frames []shownFrame
	keys   []pressed
	failed error
}

// benchPipeline measures from the app's drawing to the decoded picture.
func benchPipeline(ctx context.Context, f *benchFlags, r *bench.Report) (err error) {
	labels := bench.Labels{"source": f.source}
	f.progress("starting nearlight up with the %s", f.source)
	s, err := f.startSubject(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	p := &goPlayer{linked: f.link != ""}
	if p.viewer, err = viewer.New(viewer.Config{Decode: true}, p); err != nil {
		return err
	}
	request := signaling.Play{Token: s.token, Codecs: decodable()}
	if p.signal, err = client.NewPlayer(client.Config{URL: s.url}, request); err != nil {
		return err
	}
	p.meet = rendezvous.New(p.viewer, nil, p.signal.Send)
	began := media.Now()
	playing, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	group.Go(func() error { return p.viewer.Run(playing) })
	group.Go(func() error { return p.signal.Run(playing, p.signaled) })

	var before, after cpuUse
	measure := func() error {
		select {
		case <-p.viewer.Open():
		case <-time.After(reportPatience):
			return fmt.Errorf("no connection within %v", reportPatience)
		case <-ctx.Done():
			return ctx.Err()
		}
		length := time.Duration(f.seconds) * time.Second
		f.progress("playing for %v", length+warmUp)
		if err := sleep(ctx, warmUp); err != nil {
			return err
		}
		if before, err = s.use(); err != nil {
			return err
		}
		if err := p.press(ctx, length, rand.New(rand.NewPCG(f.seed, 0))); err != nil {
			return err
		}
		after, err = s.use()
		return err
	}
	err = measure()
	stop()
	if ended := group.Wait(); err == nil && !errors.Is(ended, context.Canceled) {
		err = ended
	}
	if err := errors.Join(err, p.failed); err != nil {
		return err
	}
	if err := s.process.stop(); err != nil {
		return err
	}
	trace, err := readTrace(s.file(framesFile))
	if err != nil {
		return err
	}
	heard, err := readInputs(s.file(inputsFile))
	if err != nil {
		return err
	}
	if len(p.frames) == 0 {
		return errors.New("no frame was decoded")
	}
	first := p.frames[0].shown
	reportFrames(r, afterWarmUp(p.frames), p.keys, trace, heard, labels)
	r.Value("ready", "ms", milliseconds(s.ready), labels)
	r.Value("first_frame", "ms", milliseconds(first.Sub(began)), labels)
	reportUse(r, before, after, labels)
	return nil
}

// decodable lists the codecs that this build decodes.
func decodable() []string {
	var names []string
	for _, codec := range viewer.Decodable() {
		names = append(names, string(codec))
	}
	return names
}

func decodes(codec media.Codec) error {
	decoder, err := decode.Open(codec)
	if err != nil {
		return err
	}
	return decoder.Close()
}

func needsDecoder() error {
	if err := decodes(media.H264); err != nil {
		return fmt.Errorf("bench pipeline: %w", err)
	}
	return nil
}

// press presses a key now and then until length is over.
func (p *goPlayer) press(ctx context.Context, length time.Duration, random *rand.Rand) error {
	end := time.Now().Add(length)
	for seq := uint32(1); time.Now().Before(end); seq += 2 {
		p.mu.Lock()
		p.keys = append(p.keys, pressed{seq, media.Now()})
		p.mu.Unlock()
		if err := p.viewer.Send(&control.Key{Seq: seq, Down: true, Code: evdevD}); err != nil {
			return fmt.Errorf("press a key: %w", err)
		}
		if err := sleep(ctx, pressHold); err != nil {
			return err
		}
		if err := p.viewer.Send(&control.Key{Seq: seq + 1, Code: evdevD}); err != nil {
			return fmt.Errorf("let go of a key: %w", err)
		}
		if err := sleep(ctx, pressPause-pressHold+time.Duration(random.Int64N(int64(pressSpread)))); err != nil {
			return err
		}
	}
	return nil
}

// signaled handles what signaling says.
func (p *goPlayer) signaled(m signaling.Message) { p.note(p.meet.Hear(m)) }

// note keeps what has failed.
func (p *goPlayer) note(err error) {
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.failed = errors.Join(p.failed, err)
	}
}

// Frame implements viewer.Watcher.
func (p *goPlayer) Frame(f viewer.Frame) {
	shown := shownFrame{rtp: f.RTP, received: f.LastPacket, decode: f.Decoded.Sub(f.LastPacket), shown: f.Decoded}
	if m, err := marker.Decode(f.Picture.Y, f.Picture.Visible); err == nil {
		shown.drawn, shown.input = m.Instant(f.Decoded), m.Input
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	shown.count = uint32(len(p.frames) + 1)
	p.frames = append(p.frames, shown)
}

// Message implements viewer.Watcher.
func (*goPlayer) Message(control.Message) {}

// Candidate implements viewer.Watcher.
func (p *goPlayer) Candidate(c *webrtc.ICECandidateInit) {
	if p.linked {
		return // there is no way around the link
	}
	p.note(p.meet.Tell(c))
}
