package e2etest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/internal/tone"
)

// Recorders are the programs by which apps record: PulseAudio's own, and ALSA's.
var Recorders = map[string][]string{
	"PulseAudio": {"parec", "--raw", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=5"},
	"ALSA":       {"arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", "48000", "-c", "1"},
}

// clicksToHear are counted until Hearing ends; the first two are not.
const clicksToHear = 22

// Hearing is the command line of an app with Still's window that records its microphone by one of Recorders, and ends when it has heard
// what it waits for: a tone of so many hertz, "silence" for a second, or, with "clicks", enough of them. Its last line says what was
// heard.
func Hearing(t testing.TB, by, what string) []string {
	t.Helper()
	if _, err := exec.LookPath(Recorders[by][0]); err != nil {
		t.Skipf("SKIPPED %s: %v (apt-get install pulseaudio-utils alsa-utils)", t.Name(), err)
	}
	return []string{self(t), roleHearing, by, what}
}

// runHearing is the app.
func runHearing(arguments []string) error {
	if len(arguments) != 2 || Recorders[arguments[0]] == nil {
		return fmt.Errorf("want a recorder and what is waited for, got %q", arguments)
	}
	window := make(chan error, 1)
	go func() { window <- runStill() }()
	program := Recorders[arguments[0]]
	recorder := exec.Command(program[0], program[1:]...)
	recorder.Stderr = os.Stderr
	out, err := recorder.StdoutPipe()
	if err != nil {
		return err
	}
	if err := recorder.Start(); err != nil {
		return err
	}
	heard := make(chan error, 1)
	go func() { heard <- hearing(out, arguments[1]) }()
	select {
	case err = <-window:
	case err = <-heard:
	}
	return errors.Join(err, recorder.Process.Kill())
}

// hearing reads what is recorded until it is what is waited for.
func hearing(in io.Reader, what string) error {
	const fifth = tone.Rate / 5 * tone.Channels
	var octets [2 * tone.Rate / 1000]byte // a millisecond
	var heard []int16
	var clicks []time.Duration
	silent := 0
	for {
		if _, err := io.ReadFull(in, octets[:]); err != nil {
			return fmt.Errorf("the recorder: %w", err)
		}
		now := media.Now()
		click := len(heard) == fifth && tone.Onset(heard[fifth/2:]) < 0
		from := len(heard)
		for i := 0; i < len(octets); i += 2 {
			sample := int16(octets[i]) | int16(octets[i+1])<<8
			heard = append(heard, sample, sample)
		}
		loud := tone.Onset(heard[from:]) >= 0
		heard = heard[max(len(heard)-fifth, 0):]
		if silent++; loud {
			silent = 0
		}
		switch hertz, err := strconv.ParseFloat(what, 64); {
		case what == "silence" && silent == 1000:
			fmt.Println("heard silence")
			return nil
		case what == "clicks" && loud && click:
			if clicks = append(clicks, time.Duration(now%media.Instant(tone.ClickEvery))); len(clicks) == clicksToHear {
				clicks = clicks[2:]
				slices.Sort(clicks)
				fmt.Println("heard clicks", clicks[len(clicks)/2], clicks[len(clicks)-1])
				return nil
			}
		case err == nil && len(heard) == fifth && tone.Share(heard, hertz) > 0.8:
			fmt.Println("heard", what)
			return nil
		}
	}
}

// HeardByTheApp waits until the app of Hearing has heard what it waits for, and returns the line that says so.
func (p *Player) HeardByTheApp(t testing.TB, within time.Duration) string {
	t.Helper()
	end := p.EndWithin(t, within)
	if len(end.Output) == 0 || !strings.HasPrefix(end.Output[len(end.Output)-1], "heard ") {
		t.Fatalf("the app heard nothing: %v: %q", end.Error, end.Output)
	}
	return end.Output[len(end.Output)-1]
}

// Speech is what a player says: a tone, or clicks whenever the monotonic clock passes tone.ClickEvery. Of each hundred packets Lost get
// lost.
type Speech struct {
	Hertz  float64
	Clicks bool
	Lost   int
}

// Speak says something until the player leaves, once it is connected.
func (p *Player) Speak(t testing.TB, s Speech) {
	t.Helper()
	encoder, err := opus.NewSpeechEncoder(opus.SpeechConfig{Loss: s.Lost, Bitrate: 64_000})
	if err != nil {
		t.Fatal(err)
	}
	p.await(t, Patience, "the player is connected", func() bool { return !p.opened.IsZero() })
	var speaking = make(chan error, 1)
	go func() {
		defer encoder.Close()
		speaking <- p.speak(encoder, s)
	}()
	t.Cleanup(func() {
		p.Leave()
		if err := <-speaking; err != nil {
			t.Error(err)
		}
	})
}

// speak sends a frame when it is over, as a microphone does.
func (p *Player) speak(encoder *opus.SpeechEncoder, s Speech) error {
	var stereo [opus.FrameLength]int16
	var frame [opus.FrameSamples]int16
	var packet [opus.MaxFrame]byte
	began := media.Now()
	ticker := time.NewTicker(opus.FrameTime)
	defer ticker.Stop()
	for n := 0; ; n++ {
		begins := began.Add(time.Duration(n) * opus.FrameTime)
		for media.Now() < begins.Add(opus.FrameTime) {
			select {
			case <-p.done:
				return nil
			case <-ticker.C:
			}
		}
		if s.Clicks {
			into := time.Duration(begins % media.Instant(tone.ClickEvery)) // since the last one began
			late := tone.ClickEvery - into                                 // until the next one does
			tone.FillClick(stereo[:], int(into*opus.SampleRate/time.Second))
			if late < opus.FrameTime {
				tone.FillClick(stereo[2*int(late*opus.SampleRate/time.Second):], 0)
			}
		} else {
			tone.Fill(stereo[:], s.Hertz, n*opus.FrameSamples)
		}
		for i := range frame {
			frame[i] = stereo[2*i]
		}
		size, err := encoder.Encode(packet[:], frame[:])
		if err != nil {
			return err
		}
		if s.Lost > 0 && n*s.Lost%100 < s.Lost {
			continue
		}
		// A connection that is over is the test's to notice.
		_ = p.viewer.Speak(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n * opus.FrameSamples)}, Payload: packet[:size]})
	}
}

// SpeakRTP sends one packet in place of the microphone, as a hostile player might.
func (p *Player) SpeakRTP(packet *rtp.Packet) error { return p.viewer.Speak(packet) }
