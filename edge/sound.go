package edge

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"nearlight/edge/audio"
	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/streamer/control"
)

const (
	// expectedLoss is what frames of sound are made for, in packets of a hundred, beyond those that the next packet brings again.
	expectedLoss = 1
	// soundAstray is how far what is captured may be from where counting samples puts it: a server that was replaced, or makes sound
	// faster than time goes by.
	soundAstray = 100 * time.Millisecond
	// waitingFrames is how much sound may wait for one listener's way: beyond it a frame is lost rather than late.
	waitingFrames = 8
)

// sound carries what a session plays to everybody who is connected: the player and who looks on. It is captured, cut into frames and
// coded once; a goroutine for each listener sends it on, so that a way that is blocked holds up nobody else's. It ends nothing
// when it fails: the session goes on in silence.
//
// Captured and Audible belong to the goroutine of run, the rest may be called from anywhere.
type sound struct {
	server *audio.Server // nil where there is none: why says so
	why    error
	logger *slog.Logger
	told   func(control.AudioNotice)

	encoder *opus.Encoder
	quiet   quiet
	frame   [opus.FrameLength]int16
	filled  int           // values in frame
	begins  media.Instant // of the first sample that frame has, or will have; 0 before there is any
	paused  bool          // the newest frame was not sent whole
	coded   opusFrame
	state   control.AudioState

	missed atomic.Uint64 // frames, by listeners whose way does not keep up

	mu        sync.Mutex
	listeners []*listener
}

// opusFrame is a frame on its way to a listener.
type opusFrame struct {
	captured media.Instant
	begins   bool // nothing came just before it
	size     int
	data     [opus.MaxFrame]byte
}

// hearer is a listener's connection: a *streamer.Peer, but in tests.
type hearer interface {
	WriteAudio(frame []byte, captured media.Instant, begins bool) error
}

// listener is one who hears.
type listener struct {
	to     hearer
	frames chan opusFrame
}

var _ audio.Listener = (*sound)(nil)

func newSound(server *audio.Server, why error, logger *slog.Logger, told func(control.AudioNotice)) *sound {
	return &sound{server: server, why: why, logger: logger, told: told}
}

// run captures and sends until ctx ends, which is the only error.
func (s *sound) run(ctx context.Context) error {
	if s.server == nil {
		s.Audible(s.why)
		<-ctx.Done()
		return ctx.Err()
	}
	var err error
	if s.encoder, err = opus.NewEncoder(opus.Config{Loss: expectedLoss}); err != nil {
		s.Audible(err)
		<-ctx.Done()
		return ctx.Err()
	}
	defer s.encoder.Close()
	return s.server.Capture(ctx, s)
}

// add lets one hear. Its owner runs write until remove.
func (s *sound) add(to hearer) *listener {
	l := &listener{to: to, frames: make(chan opusFrame, waitingFrames)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	return l
}

// remove ends write, as soon as what it is sending lets it.
func (s *sound) remove(l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = slices.DeleteFunc(s.listeners, func(other *listener) bool { return l == other })
	close(l.frames)
}

// write sends what comes until the listener is removed. A connection that takes no sound, or is over, is its owner's to end.
func (l *listener) write() {
	for f := range l.frames {
		_ = l.to.WriteAudio(f.data[:f.size], f.captured, f.begins)
	}
}

// Audible implements audio.Listener.
func (s *sound) Audible(err error) {
	notice := control.AudioNotice{State: control.AudioOn}
	if err != nil {
		notice = control.AudioNotice{State: control.AudioOff, Reason: err.Error()}
	}
	if notice.State == s.state {
		return
	}
	if s.state = notice.State; err != nil {
		s.logger.Warn("the session has no sound", "reason", err)
	} else {
		s.logger.Info("the session has sound")
	}
	s.told(notice)
}

// Captured implements audio.Listener.
func (s *sound) Captured(samples []int16, captured media.Instant) {
	if !s.follow(captured) {
		return
	}
	for len(samples) > 0 {
		n := copy(s.frame[s.filled:], samples)
		samples = samples[n:]
		if s.filled += n; s.filled < len(s.frame) {
			return
		}
		s.send()
		s.filled, s.begins = 0, s.begins.Add(opus.FrameTime)
	}
}

// follow keeps the frame's clock with what is captured, and reports whether to take it. Frames follow each other by their length, as
// players expect; only in a pause, or where the two are far apart, the clock is set anew.
func (s *sound) follow(captured media.Instant) bool {
	expected := s.begins.Add(time.Duration(s.filled/opus.Channels) * time.Second / opus.SampleRate)
	off := captured.Sub(expected)
	switch {
	case s.begins == 0 || off > soundAstray:
		s.paused = true
	case off < -soundAstray: // more samples than there was time for
		return false
	case !s.paused || s.filled > 0:
		return true
	}
	s.begins, s.filled = captured, 0
	return true
}

// send codes the frame and hands it to everybody.
func (s *sound) send() {
	treatment := s.quiet.next(s.frame[:])
	s.coded.captured, s.coded.begins = s.begins, s.paused
	s.paused = s.quiet.paused()
	s.mu.Lock()
	defer s.mu.Unlock()
	if treatment == sendNothing || len(s.listeners) == 0 {
		return
	}
	if treatment == sendPause {
		s.coded.size = copy(s.coded.data[:], opus.Pause)
	} else if err := s.code(); err != nil {
		s.logger.Warn("code a frame of sound", "error", err)
		return
	}
	for _, l := range s.listeners {
		select {
		case l.frames <- s.coded:
		default:
			s.missed.Add(1)
		}
	}
}

func (s *sound) code() (err error) {
	s.coded.size, err = s.encoder.Encode(s.coded.data[:], s.frame[:])
	return err
}

// soundGrace is how long an app's start waits for a sound server that is not up yet: an app that finds none plays in silence for
// good. One that was kept warm is up; a new one is, before its display, but on a machine that has no time for either.
const soundGrace = 250 * time.Millisecond

// awaitSound waits, a moment, until an app that is started now would find its sound server.
func awaitSound(ctx context.Context, server *audio.Server, logger *slog.Logger) {
	waiting, cancel := context.WithTimeoutCause(ctx, soundGrace, errors.New("it is not up yet"))
	defer cancel()
	if err := server.Up(waiting); err != nil && ctx.Err() == nil {
		logger.Warn("the app starts before its sound server", "reason", err)
	}
}
