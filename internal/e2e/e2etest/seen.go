package e2etest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nearlight/signaling"
	"nearlight/streamer/control"
)

// What a test waits for that a player sees.

// until waits until holds, which is called with mu held, and reports whether it did within the given time.
func (p *Player) until(within time.Duration, holds func() bool) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		ok, changed := holds(), p.changed
		p.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-deadline.C:
			return false
		}
	}
}

// await is until for a test that cannot go on otherwise.
func (p *Player) await(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	if !p.until(within, holds) {
		p.mu.Lock()
		defer p.mu.Unlock()
		t.Fatalf("not within %v: %s (session %q, %d frames, app %v, ended %v, signaling %v, failed %v)",
			within, what, p.session, len(p.frames), p.apps, p.ended, p.reason, p.failed)
	}
}

// Session waits until the player is matched and returns its session.
func (p *Player) Session(t testing.TB) signaling.SessionID {
	t.Helper()
	p.await(t, Patience, "the player is matched", func() bool { return p.session != "" })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session
}

// Matched waits for the answer to the player's request and reports whether it was given a session.
func (p *Player) Matched(t testing.TB) bool {
	t.Helper()
	p.await(t, Patience, "the player's request is answered", func() bool { return p.session != "" || p.reason != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session != ""
}

// Open waits until messages can be sent, and returns since when.
func (p *Player) Open(t testing.TB) time.Time {
	t.Helper()
	p.await(t, Patience, "the connection is open", func() bool { return !p.opened.IsZero() })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// Picture waits for a frame that was shown after the given time and looks as wanted, and returns it; nil wants any.
func (p *Player) Picture(t testing.TB, within time.Duration, what string, after time.Time, looks func(Shown) bool) Shown {
	t.Helper()
	var found Shown
	p.await(t, within, "a picture "+what, func() bool {
		for _, f := range p.frames {
			if f.At.After(after) && (looks == nil || looks(f)) {
				found = f
				return true
			}
		}
		return false
	})
	return found
}

// Frames returns what was shown so far.
func (p *Player) Frames() []Shown {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames[:len(p.frames):len(p.frames)]
}

// Plays waits until the picture moves: n further frames.
func (p *Player) Plays(t testing.TB, n int) {
	t.Helper()
	before := len(p.Frames())
	p.await(t, Patience, fmt.Sprintf("%d further frames", n), func() bool { return len(p.frames) >= before+n })
}

// Beats waits for n heartbeats of the edge, which it sends twice a second.
func (p *Player) Beats(t testing.TB, n int) {
	t.Helper()
	p.mu.Lock()
	before := p.beats
	p.mu.Unlock()
	p.await(t, time.Duration(n)*time.Second+Patience, fmt.Sprintf("%d heartbeats", n), func() bool { return p.beats >= before+n })
}

// App waits until the player was told that the app is in the given state.
func (p *Player) App(t testing.TB, state control.AppState) control.AppNotice {
	t.Helper()
	var found control.AppNotice
	p.await(t, Patience, "the app is "+string(state), func() bool {
		for _, notice := range p.apps {
			if notice.State == state {
				found = notice
				return true
			}
		}
		return false
	})
	return found
}

// Video waits until the player was told what is sent.
func (p *Player) Video(t testing.TB) control.VideoNotice {
	t.Helper()
	p.await(t, Patience, "the player is told what is sent", func() bool { return p.video != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	return *p.video
}

// End is what a player is told when it cannot play (any more).
type End struct {
	*signaling.Error
	Output []string // the app's last lines
}

// End waits until the player was told that its request failed or that its session ended.
func (p *Player) End(t testing.TB) End {
	t.Helper()
	return p.EndWithin(t, Patience)
}

// EndWithin is End for what takes longer.
func (p *Player) EndWithin(t testing.TB, within time.Duration) End {
	t.Helper()
	p.await(t, within, "the player is told the end", func() bool { return p.reason != nil })
	p.mu.Lock()
	defer p.mu.Unlock()
	var reason *signaling.Error
	if !errors.As(p.reason, &reason) {
		t.Fatalf("the player is not told why: %v", p.reason)
	}
	end := End{Error: reason}
	if p.ended != nil {
		end.Output = p.ended.Output
	}
	if reason.Message == "" || reason.Hint == "" {
		t.Errorf("the player is told too little: %+v", reason)
	}
	return end
}

// Ended reports whether the player was told that it cannot play (any more).
func (p *Player) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reason != nil
}
