package main

import (
	"context"
	"fmt"
	"time"

	"nearlight/edge/audio"
	"nearlight/internal/media"
	"nearlight/internal/opus"
)

const soundPatience = 5 * time.Second

// trySound starts a sound server as a session does, and codes what comes from it. An edge runs without.
func (w *ward) trySound(ctx context.Context) finding {
	const what = "sound"
	remedy := installFrom + audio.Package
	coder, err := opus.NewEncoder(opus.Config{})
	if err != nil {
		return trouble(doubts, what, err, "make build")
	}
	defer coder.Close()
	kind, err := audio.Find()
	if err != nil {
		return trouble(doubts, what, err, remedy)
	}
	started := time.Now()
	server, err := audio.Start(audio.Config{Kind: kind, Sandbox: w.cage, Identity: w.identity, Folder: w.session()})
	if err != nil {
		return trouble(doubts, what, err, remedy)
	}
	ctx, cancel := context.WithTimeout(ctx, soundPatience)
	defer cancel()
	trial := &soundTrial{coder: coder, done: cancel}
	err = server.Capture(ctx, trial)
	took := time.Since(started)
	if closed := server.Close(); closed != nil {
		return finding{doubts, what, fmt.Sprintf("left something behind: %v", closed), ""}
	}
	switch {
	case trial.err != nil:
		return trouble(doubts, what, trial.err, remedy)
	case !trial.coded:
		return trouble(doubts, what, fmt.Errorf("nothing is heard of the sound server within %v: %w", soundPatience, err), remedy)
	}
	return finding{works, what, fmt.Sprintf("%s of its own for each session, heard after %s; coded by %s", kind, shown(took), opus.Version()), ""}
}

// soundTrial codes the first frame that is captured.
type soundTrial struct {
	coder   *opus.Encoder
	done    func()
	samples []int16
	coded   bool
	err     error
}

// Captured implements audio.Listener.
func (s *soundTrial) Captured(samples []int16, _ media.Instant) {
	if s.samples = append(s.samples, samples...); len(s.samples) < opus.FrameLength || s.coded {
		return
	}
	_, s.err = s.coder.Encode(make([]byte, opus.MaxFrame), s.samples[:opus.FrameLength])
	s.coded = true
	s.done()
}

// Audible implements audio.Listener.
func (s *soundTrial) Audible(err error) { s.err = err }
