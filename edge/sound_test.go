package edge

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/opus"
	"nearlight/internal/tone"
	"nearlight/streamer"
	"nearlight/streamer/control"
)

func TestAPauseBeginsAfterAWhileOfSilenceAndIsToldNowAndThen(t *testing.T) {
	loud, still := make([]int16, opus.FrameLength), make([]int16, opus.FrameLength)
	tone.Fill(loud, 440, 0)
	still[7] = quietest
	var q quiet
	const after, every = int(quietAfter / opus.FrameTime), int(reminder / opus.FrameTime)
	for round := range 2 {
		for n := range 3 {
			if got := q.next(loud); got != sendFrame || q.paused() {
				t.Fatalf("round %d: frame %d of sound: %v", round, n, got)
			}
		}
		for n := range after + 3*every {
			want := sendNothing
			switch {
			case n < after:
				want = sendFrame
			case (n-after)%every == 0:
				want = sendPause
			}
			if got := q.next(still); got != want || q.paused() != (n >= after) {
				t.Fatalf("round %d: frame %d of silence: %v, want %v", round, n, got, want)
			}
		}
	}
}

// ear is a listener's connection.
type ear struct {
	came  chan opusFrame
	stuck chan struct{} // nil for one that keeps up
}

func (e *ear) WriteAudio(frame []byte, captured media.Instant, begins bool) error {
	if e.stuck != nil {
		<-e.stuck
	}
	f := opusFrame{captured: captured, begins: begins, size: len(frame)}
	copy(f.data[:], frame)
	e.came <- f
	return nil
}

// hall is a sound without a server.
func hall(t *testing.T) (*sound, chan control.AudioNotice) {
	t.Helper()
	told := make(chan control.AudioNotice, 8)
	s := newSound(nil, nil, slog.New(slog.DiscardHandler), func(n control.AudioNotice) { told <- n })
	var err error
	if s.encoder, err = opus.NewEncoder(opus.Config{}); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	t.Cleanup(s.encoder.Close)
	return s, told
}

// listen adds a listener; its frames come until the returned function is called.
func listen(s *sound, stuck chan struct{}) (e *ear, leave func()) {
	e = &ear{came: make(chan opusFrame, 10000), stuck: stuck}
	l := s.add(e)
	if stuck == nil { // sound comes much faster here than it is played: that is not to lose any
		l.frames = make(chan opusFrame, cap(e.came))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.write()
	}()
	return e, func() {
		s.remove(l)
		if stuck != nil {
			close(stuck)
		}
		<-done
	}
}

// perform captures so much of a tone, or of silence, in fragments of an odd length, from an instant on.
func perform(s *sound, from media.Instant, length time.Duration, hertz float64) {
	const fragment = 7 * time.Millisecond
	samples := make([]int16, int(fragment*opus.SampleRate/time.Second)*opus.Channels)
	for at := time.Duration(0); at < length; at += fragment {
		clear(samples)
		if hertz > 0 {
			tone.Fill(samples, hertz, int(at*opus.SampleRate/time.Second))
		}
		s.Captured(samples, from.Add(at))
	}
}

func TestFramesFollowEachOtherByTheirLengthWheneverTheirFragmentsCome(t *testing.T) {
	s, _ := hall(t)
	e, leave := listen(s, nil)
	start := media.Instant(time.Hour)
	samples := make([]int16, opus.FrameLength/2)
	tone.Fill(samples, 440, 0)
	for n := range 200 {
		jitter := time.Duration(n%3) * 4 * time.Millisecond
		s.Captured(samples, start.Add(time.Duration(n)*opus.FrameTime/2+jitter))
	}
	leave()
	close(e.came)
	n := 0
	for f := range e.came {
		if want := start.Add(time.Duration(n) * opus.FrameTime); f.captured != want || f.begins != (n == 0) {
			t.Fatalf("frame %d was captured %v too late; begins %v", n, f.captured.Sub(want), f.begins)
		}
		n++
	}
	if n != 100 {
		t.Errorf("%d frames", n)
	}
}

func TestAGapInWhatIsCapturedBeginsAnewAndAFloodIsDropped(t *testing.T) {
	s, _ := hall(t)
	e, leave := listen(s, nil)
	start := media.Instant(time.Hour)
	perform(s, start, 100*time.Millisecond, 440)
	again := start.Add(2 * time.Second)
	perform(s, again, 100*time.Millisecond, 440)
	for range 1000 { // a server that makes sound faster than time goes by
		perform(s, again.Add(100*time.Millisecond), 7*time.Millisecond, 440)
	}
	leave()
	close(e.came)
	begun, count := []media.Instant(nil), 0
	for f := range e.came {
		if count++; f.begins {
			begun = append(begun, f.captured)
		}
	}
	if !slices.Equal(begun, []media.Instant{start, again}) {
		t.Errorf("sound began at %v", begun)
	}
	if count > 40 {
		t.Errorf("%d frames of less than half a second", count)
	}
}

func TestSilenceIsSentAsPausesAndSoundAfterItBeginsAnew(t *testing.T) {
	s, _ := hall(t)
	e, leave := listen(s, nil)
	start := media.Instant(time.Hour)
	perform(s, start, 2*time.Second, 0)
	perform(s, start.Add(2002*time.Millisecond), 100*time.Millisecond, 440) // a multiple of the fragments
	leave()
	close(e.came)
	frames, pauses, begun := 0, 0, 0
	for f := range e.came {
		switch {
		case slices.Equal(f.data[:f.size], opus.Pause):
			pauses++
		default:
			frames++
			if f.begins {
				begun++
			}
		}
	}
	if pauses < 4 || pauses > 6 || frames < 28 || frames > 31 || begun != 2 {
		t.Errorf("%d pauses, %d frames, %d beginnings", pauses, frames, begun)
	}
}

func TestAListenerWhoseWayIsBlockedHoldsUpNobody(t *testing.T) {
	s, _ := hall(t)
	slow, leaveSlow := listen(s, make(chan struct{}))
	quick, leave := listen(s, nil)
	start := media.Instant(time.Hour)
	const frames = 50
	samples := make([]int16, opus.FrameLength)
	tone.Fill(samples, 440, 0)
	for n := range frames {
		s.Captured(samples, start.Add(time.Duration(n)*opus.FrameTime))
		<-quick.came
	}
	leave()
	leaveSlow()
	if got := len(slow.came); got > waitingFrames+1 {
		t.Errorf("%d frames waited for the one that is blocked", got)
	}
	if missed := s.missed.Load(); missed < frames-waitingFrames-1 {
		t.Errorf("%d frames are said to be missed", missed)
	}
}

func TestPlayersAreToldOnceThatThereIsNoSoundAndOnceThatItIsBack(t *testing.T) {
	s, told := hall(t)
	broken := errors.New("broken")
	for _, err := range []error{nil, nil, broken, errors.New("still broken"), nil} {
		s.Audible(err)
	}
	close(told)
	var got []control.AudioNotice
	for n := range told {
		got = append(got, n)
	}
	want := []control.AudioNotice{{State: control.AudioOn}, {State: control.AudioOff, Reason: "broken"}, {State: control.AudioOn}}
	if !slices.Equal(got, want) {
		t.Errorf("told %v", got)
	}
}

func BenchmarkSoundFrame(b *testing.B) {
	s := newSound(nil, nil, slog.New(slog.DiscardHandler), func(control.AudioNotice) {})
	var err error
	if s.encoder, err = opus.NewEncoder(opus.Config{}); err != nil {
		b.Skip(err)
	}
	defer s.encoder.Close()
	e := &ear{came: make(chan opusFrame, 1)}
	l := s.add(e)
	samples := make([]int16, opus.FrameLength)
	tone.Fill(samples, 440, 0)
	at := media.Instant(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		s.Captured(samples, at)
		<-l.frames
		at = at.Add(opus.FrameTime)
	}
}

var _ hearer = (*streamer.Peer)(nil)
