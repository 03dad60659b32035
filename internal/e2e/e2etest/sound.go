package e2etest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/tone"
	"nearlight/internal/tone/player"
	"nearlight/streamer/control"
	"nearlight/streamer/viewer"
)

// Singing is the command line of an app with Still's window that plays a tone, for so long, or for ever with 0.
func Singing(t testing.TB, hertz int, length time.Duration) []string {
	t.Helper()
	return []string{self(t), roleSound, strconv.Itoa(hertz), length.String()}
}

// Clicking is the command line of an app with Still's window that clicks whenever the monotonic clock passes tone.ClickEvery.
func Clicking(t testing.TB) []string {
	t.Helper()
	return []string{self(t), roleSound, "click", "0s"}
}

// runSound is the app. It ends with its window.
func runSound(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("want a tone and a length, got %q", arguments)
	}
	config := player.Config{Clicks: arguments[0] == "click", Log: os.Stderr}
	var err error
	if !config.Clicks {
		if config.Hertz, err = strconv.ParseFloat(arguments[0], 64); err != nil {
			return err
		}
	}
	if config.Length, err = time.ParseDuration(arguments[1]); err != nil {
		return err
	}
	go func() { _ = player.Run(context.Background(), config) }() // ends with the process
	return runStill()
}

// Heard sums up what a player has heard since the beginning, or since Deaf.
type Heard struct {
	Frames, Lost, Repeated, Pauses int
	Clicks                         []time.Duration // from each click's time to its being heard
}

// lately is how much of what was heard a player keeps, in values.
const lately = tone.Rate * tone.Channels / 5

// hear keeps what is heard.
func (p *Player) hear(s viewer.Sound) {
	p.note(func() {
		p.heard.Frames++
		switch {
		case s.Lost:
			p.heard.Lost++
		case s.Repeated:
			p.heard.Repeated++
		case s.Pause:
			p.heard.Pauses++
		}
		click := tone.Onset(p.sound[max(len(p.sound)-lately/2, 0):]) < 0 // it was quiet for a tenth of a second
		p.sound = append(p.sound, s.Samples...)
		p.sound = p.sound[max(len(p.sound)-lately, 0):]
		if at := tone.Onset(s.Samples); click && at >= 0 {
			played := s.Arrived.Add(time.Duration(at) * time.Second / tone.Rate)
			p.heard.Clicks = append(p.heard.Clicks, time.Duration(played%media.Instant(tone.ClickEvery)))
		}
	})
}

// Tone waits until the player hears a tone, and nothing else.
func (p *Player) Tone(t testing.TB, within time.Duration, hertz int) {
	t.Helper()
	p.await(t, within, fmt.Sprintf("%d Hz are heard", hertz), func() bool {
		return len(p.sound) == lately && tone.Share(p.sound, float64(hertz)) > 0.8
	})
}

// Silence waits until the player hears nothing.
func (p *Player) Silence(t testing.TB, within time.Duration) {
	t.Helper()
	p.await(t, within, "silence", func() bool { return len(p.sound) == lately && tone.Onset(p.sound) < 0 })
}

// Heard is what was heard so far.
func (p *Player) Heard() Heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	heard := p.heard
	heard.Clicks = append([]time.Duration(nil), heard.Clicks...)
	return heard
}

// Deaf forgets what was heard.
func (p *Player) Deaf() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard, p.sound = Heard{}, nil
}

// Audio waits until the edge has told those states of sound, in that order and whatever in between, and returns the notice of the
// last.
func (p *Player) Audio(t testing.TB, within time.Duration, states ...control.AudioState) control.AudioNotice {
	t.Helper()
	var last control.AudioNotice
	p.await(t, within, fmt.Sprintf("the edge tells of sound %v", states), func() bool {
		next := 0
		for _, notice := range p.audio {
			if next < len(states) && notice.State == states[next] {
				last = notice
				next++
			}
		}
		return next == len(states)
	})
	return last
}
