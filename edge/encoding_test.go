package edge

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// opens is a candidate that gives out the encoders it was handed, one a call, and then refuses.
func opens(name string, codec media.Codec, encoders ...*scriptedEncoder) encoder.Candidate {
	return encoder.Candidate{Name: name, Codec: codec, Open: func(encoder.Config) (encoder.Encoder, error) {
		if len(encoders) == 0 {
			return nil, encoder.ErrUnavailable
		}
		next := encoders[0]
		encoders = encoders[1:]
		return next, nil
	}}
}

func newTestEncoding(t *testing.T, first *scriptedEncoder, chosen encoder.Candidate, rest ...encoder.Candidate) *encoding {
	t.Helper()
	config, err := encoder.Config{Size: media.Size{Width: 640, Height: 360}}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	e := newEncoding(&encoder.Choice{Candidate: chosen, Encoder: first, Rest: rest}, config, slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
		if !first.closed {
			t.Error("the first encoder is still open")
		}
	})
	return e
}

func encodeOne(e *encoding) error {
	_, err := e.encode(media.NewFrame(e.config.Size), encoder.Request{}, func(media.Slice) error { return nil })
	return err
}

var errBroken = errors.New("device lost")

func TestTheNextEncoderOfTheSameCodecTakesOver(t *testing.T) {
	first, spare := &scriptedEncoder{}, &scriptedEncoder{}
	e := newTestEncoding(t, first, opens("best", media.H264),
		opens("other codec", media.VP8, &scriptedEncoder{}), opens("absent", media.H264), opens("spare", media.H264, spare))
	if err := encodeOne(e); err != nil {
		t.Fatal(err)
	}
	first.fail = errBroken
	if err := encodeOne(e); !errors.Is(err, errReplaced) || e.chosen.Name != "spare" {
		t.Fatalf("%v, at work is %s", err, e.chosen.Name)
	}
	if err := encodeOne(e); err != nil || spare.frames != 1 {
		t.Errorf("the spare made %d frames: %v", spare.frames, err)
	}
	spare.fail = errBroken
	err := encodeOne(e)
	if !errors.Is(err, errBroken) || errors.Is(err, errReplaced) {
		t.Fatalf("without another encoder: %v", err)
	}
	for _, words := range []string{"spare: encode: device lost", "absent: encoder unavailable"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q does not say %q", err, words)
		}
	}
}

func TestAPlayerWhoIsGoneIsNoFaultOfTheEncoder(t *testing.T) {
	e := newTestEncoding(t, &scriptedEncoder{}, opens("best", media.H264), opens("spare", media.H264, &scriptedEncoder{}))
	gone := errors.New("socket is gone")
	if _, err := e.encode(media.NewFrame(e.config.Size), encoder.Request{}, func(media.Slice) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("got %v, want the emitter's error", err)
	}
	if e.chosen.Name != "best" {
		t.Errorf("%s took over", e.chosen.Name)
	}
}

func TestAnEncoderThatStallsAgainAndAgainIsReplaced(t *testing.T) {
	for _, c := range []struct {
		reason string
		rest   []encoder.Candidate
		took   []time.Duration // of the pictures after the first ones
		want   string
	}{
		{"a single stall is forgiven", []encoder.Candidate{opens("spare", media.H264, &scriptedEncoder{})},
			[]time.Duration{200 * time.Millisecond, time.Millisecond, 200 * time.Millisecond, time.Millisecond}, "best"},
		{"two in a row are not", []encoder.Candidate{opens("spare", media.H264, &scriptedEncoder{})},
			[]time.Duration{200 * time.Millisecond, 200 * time.Millisecond}, "spare"},
		{"a slow encoder is better than none", nil,
			[]time.Duration{200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond}, "best"},
	} {
		e := newTestEncoding(t, &scriptedEncoder{}, opens("best", media.H264), c.rest...)
		for range stallsBegin {
			e.watch(300 * time.Millisecond) // the first pictures wait for much
		}
		replaced := false
		for _, took := range c.took {
			replaced = e.watch(took) || replaced
		}
		if e.chosen.Name != c.want || replaced != (c.want == "spare") {
			t.Errorf("%s: %s is at work, replaced: %v", c.reason, e.chosen.Name, replaced)
		}
	}
}

func TestABetterEncoderComesBackOnceItOpensAgain(t *testing.T) {
	first, second, spare := &scriptedEncoder{fail: errBroken}, &scriptedEncoder{}, &scriptedEncoder{}
	e := newTestEncoding(t, first, opens("best", media.H264, second), opens("spare", media.H264, spare))
	if err := encodeOne(e); !errors.Is(err, errReplaced) {
		t.Fatal(err)
	}
	if err := e.reconfigure(encoder.Reconfiguration{Bitrate: 3 * media.Mbps}); err != nil {
		t.Fatal(err)
	}
	now := media.Now()
	if e.restore(now.Add(retryFirst/2)) || e.trying {
		t.Error("it was tried again at once")
	}
	back := func(after time.Duration) bool {
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			if e.restore(now.Add(after)) {
				return true
			}
			if !e.trying {
				return false
			}
		}
		t.Fatal("no answer")
		return false
	}
	if !back(retryFirst+time.Second) || e.chosen.Name != "best" || e.work != encoder.Encoder(second) {
		t.Fatalf("%s is at work", e.chosen.Name)
	}
	if got := e.rest.Names(); !slices.Equal(got, []string{"spare"}) {
		t.Errorf("next comes %v", got)
	}
	if len(second.asked) != 1 || second.asked[0].Bitrate != 3*media.Mbps {
		t.Errorf("it was set to %+v, want the rate of now", second.asked)
	}
	if e.retry["best"] != retryFirst {
		t.Errorf("after its first failure it waits %v", e.retry["best"])
	}
}

func TestAnEncoderThatFailsAgainWaitsLonger(t *testing.T) {
	e := newTestEncoding(t, &scriptedEncoder{fail: errBroken}, opens("best", media.H264), opens("spare", media.H264, &scriptedEncoder{}))
	if err := encodeOne(e); !errors.Is(err, errReplaced) {
		t.Fatal(err)
	}
	for range 2 {
		now := media.Now().Add(retryMost)
		for e.restore(now); e.trying; e.restore(now) {
			time.Sleep(time.Millisecond)
		}
	}
	if e.retry["best"] != 4*retryFirst || e.chosen.Name != "spare" {
		t.Errorf("after three failures it waits %v; %s is at work", e.retry["best"], e.chosen.Name)
	}
}

func TestAChangeThatAnEncoderFailsIsMadeByTheNext(t *testing.T) {
	first, spare := &scriptedEncoder{failReconfigure: errBroken}, &scriptedEncoder{}
	e := newTestEncoding(t, first, opens("best", media.H264), opens("spare", media.H264, spare))
	if err := e.reconfigure(encoder.Reconfiguration{Bitrate: -1}); err == nil || errors.Is(err, errReplaced) {
		t.Errorf("an impossible rate: %v", err)
	}
	if err := e.reconfigure(encoder.Reconfiguration{Bitrate: 2 * media.Mbps}); !errors.Is(err, errReplaced) {
		t.Fatal(err)
	}
	if e.chosen.Name != "spare" || e.config.Bitrate != 2*media.Mbps {
		t.Errorf("%s works at %v", e.chosen.Name, e.config.Bitrate)
	}
}

func TestAPresetThatNeedsANewStreamIsLeftAsItIs(t *testing.T) {
	first := &scriptedEncoder{failSpeed: encoder.ErrUnsupported}
	e := newTestEncoding(t, first, opens("best", media.H264), opens("spare", media.H264, &scriptedEncoder{}))
	speed := 1
	if err := e.reconfigure(encoder.Reconfiguration{FrameRate: 30, Speed: &speed}); err != nil {
		t.Fatal(err)
	}
	if e.chosen.Name != "best" || e.config.FrameRate != 30 || e.config.Speed != 0 {
		t.Errorf("%s works at %d frames per second and speed %d", e.chosen.Name, e.config.FrameRate, e.config.Speed)
	}
}

func TestAPlayerWhoseDecoderIsTooSlowGetsAnotherCodec(t *testing.T) {
	first, other := &scriptedEncoder{}, &scriptedEncoder{}
	e := newTestEncoding(t, first, opens("av1", media.AV1), opens("vp8", media.VP8, other), opens("h264", media.H264, &scriptedEncoder{}))
	if err := e.serve(func(c media.Codec) bool { return c != media.VP8 }); err != nil {
		t.Fatal(err)
	}
	if !e.ease() || e.chosen.Name != "h264" {
		t.Errorf("%s is at work", e.chosen.Name)
	}
	e.accepts = func(media.Codec) bool { return true }
	if e.ease() {
		t.Errorf("%s took over, which asks more of a decoder", e.chosen.Name)
	}
	if e.restore(media.Now().Add(retryMost)) || len(e.failed) > 0 {
		t.Error("what works is tried again")
	}
}

func TestAPlayerGetsWhatItDecodes(t *testing.T) {
	e := newTestEncoding(t, &scriptedEncoder{}, opens("av1", media.AV1), opens("h264", media.H264, &scriptedEncoder{}))
	if err := e.serve(func(c media.Codec) bool { return c == media.H264 }); err != nil || e.chosen.Name != "h264" {
		t.Errorf("%s is at work: %v", e.chosen.Name, err)
	}
	if err := e.serve(func(media.Codec) bool { return false }); err == nil {
		t.Error("a player who decodes nothing is served")
	}
}
