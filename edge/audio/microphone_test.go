package audio_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"nearlight/edge/audio"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/media"
	"nearlight/internal/tone"
)

// mouth is a Voice: a tone, clicks on the half second, or nothing.
type mouth struct {
	mu     sync.Mutex
	says   string
	before int
	stereo [2 * audio.VoiceSamples]int16
}

func (m *mouth) say(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.says = what
}

// Pull implements audio.Voice.
func (m *mouth) Pull(samples []int16, until media.Instant) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.says {
	case "tone":
		tone.Fill(m.stereo[:], hertz, m.before)
	case "clicks":
		begins := time.Duration(until.Add(-audio.VoiceTime) % media.Instant(tone.ClickEvery))
		next := min(int((tone.ClickEvery-begins)*audio.VoiceRate/time.Second), audio.VoiceSamples) // the sample with which a click begins
		tone.FillClick(m.stereo[:2*next], int(begins*audio.VoiceRate/time.Second))
		tone.FillClick(m.stereo[2*next:], 0)
	default:
		clear(samples)
		return false
	}
	m.before += len(samples)
	for i := range samples {
		samples[i] = m.stereo[2*i]
	}
	return true
}

// speak has the microphone hear what the mouth says, for the rest of the test.
func (h *hall) speak(t *testing.T) *mouth {
	t.Helper()
	m := &mouth{}
	ctx, cancel := context.WithCancel(t.Context())
	spoken := make(chan error, 1)
	go func() { spoken <- h.server.Speak(ctx, m) }()
	t.Cleanup(func() {
		cancel()
		if err := <-spoken; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return m
}

// tape is what an app records, one channel, as it comes.
type tape struct {
	mu     sync.Mutex
	odd    []byte // half a sample
	heard  []int16
	clicks []time.Duration // from each click to its being read
}

// Write implements io.Writer.
func (r *tape) Write(b []byte) (int, error) {
	now := media.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	octets := append(r.odd, b...)
	stereo := make([]int16, 0, len(octets))
	for ; len(octets) >= 2; octets = octets[2:] {
		sample := int16(octets[0]) | int16(octets[1])<<8
		stereo = append(stereo, sample, sample)
	}
	r.odd = slices.Clone(octets)
	click := len(r.heard) > audio.VoiceRate/10 && tone.Onset(r.heard[len(r.heard)-audio.VoiceRate/10:]) < 0
	r.heard = append(r.heard, stereo...)
	r.heard = r.heard[max(len(r.heard)-audio.VoiceRate, 0):]
	if at := tone.Onset(stereo); click && at >= 0 {
		r.clicks = append(r.clicks, time.Duration(now%media.Instant(tone.ClickEvery)))
	}
	return len(b), nil
}

func (r *tape) lately() []int16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.heard[max(len(r.heard)-audio.VoiceRate/5, 0):])
}

func (r *tape) hears() bool { return tone.Share(r.lately(), hertz) > 0.9 }

func (r *tape) silent() bool {
	lately := r.lately()
	return len(lately) == audio.VoiceRate/5 && tone.Onset(lately) < 0
}

func (r *tape) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = nil
}

// record runs a program of the session that records.
func (h *hall) record(t *testing.T, arguments ...string) *tape {
	t.Helper()
	program, err := exec.LookPath(arguments[0])
	if err != nil {
		t.Skipf("SKIPPED %s: %v (apt-get install pulseaudio-utils alsa-utils libasound2-plugins)", t.Name(), err)
	}
	r := &tape{}
	command := sandbox.Command{
		Args: append([]string{program}, arguments[1:]...), Env: []string{"PATH=" + sandbox.Path, "HOME=/nonexistent"}, Dir: "/", Output: r,
		Identity: h.identity, Scratch: h.folder,
	}
	h.server.Lend(&command)
	process, err := h.sandbox.Start(command)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop(0) })
	return r
}

var (
	byPulseAudio = []string{"parec", "--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=5"}
	byALSA       = []string{"arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", "48000", "-c", "1"}
)

func TestWhatThePlayerSaysIsRecordedByApps(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		sandboxtest.ForEachUser(t, func(t *testing.T) {
			for name, s := range map[string]*sandbox.Sandbox{"in a cage": sandboxtest.Probe(t), "unconfined": sandbox.Disabled()} {
				t.Run(name, func(t *testing.T) {
					h := open(t, kind, s)
					m := h.speak(t)
					if err := h.server.Up(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, program := range [][]string{byPulseAudio, byALSA} {
						m.say("nothing")
						r := h.record(t, program...)
						h.until(t, program[0]+" records silence", r.silent)
						m.say("tone")
						h.until(t, program[0]+" records the tone", r.hears)
						m.say("nothing")
						h.until(t, program[0]+" records silence again", r.silent)
					}
				})
			}
		})
	})
}

func TestTheMicrophoneOutlivesItsServer(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		h := open(t, kind, sandboxtest.Probe(t))
		m := h.speak(t)
		m.say("tone")
		if err := h.server.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.until(t, "the tone is recorded", h.record(t, byPulseAudio...).hears)
		m.say("nothing")
		r := h.record(t, byPulseAudio...)
		h.until(t, "silence is recorded", r.silent)
		lost := h.server.Unspoken()
		r.forget()
		h.until(t, "silence is recorded", r.silent)
		if now := h.server.Unspoken(); now > lost {
			t.Errorf("in a fifth of a second of silence %d pieces were lost", now-lost)
		}
		m.say("tone")
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
			another := h.another(t)
			if err := syscall.Kill(h.serverProcess(t), signal); err != nil {
				t.Fatal(err)
			}
			h.until(t, "another server", another)
			if err := h.server.Up(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.until(t, "the tone is recorded again", h.record(t, byPulseAudio...).hears)
		}
	})
}

func TestWhatIsSaidIsRecordedSoon(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		h := open(t, kind, sandboxtest.Probe(t))
		m := h.speak(t)
		m.say("clicks")
		if err := h.server.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		r := h.record(t, byPulseAudio...)
		clicks := func() []time.Duration {
			r.mu.Lock()
			defer r.mu.Unlock()
			return slices.Clone(r.clicks)
		}
		h.until(t, "ten clicks", func() bool { return len(clicks()) >= 12 })
		took := clicks()[2:]
		slices.Sort(took)
		t.Logf("from the microphone to the app, with the 10 ms that are handed on at once: median %v, most %v",
			took[len(took)/2].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond))
		if median := took[len(took)/2]; median > 100*time.Millisecond { // 20 on a machine that does nothing else
			t.Errorf("half the clicks take %v", median)
		}
	})
}

func TestAnAppCannotSpeakForThePlayer(t *testing.T) {
	forEachKind(t, func(t *testing.T, kind *audio.Kind) {
		h := open(t, kind, sandboxtest.Probe(t))
		h.speak(t)
		if err := h.server.Up(t.Context()); err != nil {
			t.Fatal(err)
		}
		find, err := exec.LookPath("find")
		if err != nil {
			t.Skipf("SKIPPED %s: %v", t.Name(), err)
		}
		if said := h.play(t, find, "/run", "-type", "p")(); said != "" {
			t.Errorf("an app sees the microphone's pipe: %q", said)
		}
	})
}
