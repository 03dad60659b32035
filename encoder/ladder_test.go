package encoder_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// named is an encoder that only knows its name.
type named struct {
	encoder.Encoder
	name string
}

func candidate(name string, codec media.Codec, err error) encoder.Candidate {
	return encoder.Candidate{Name: name, Codec: codec, Open: func(encoder.Config) (encoder.Encoder, error) {
		if err != nil {
			return nil, err
		}
		return named{name: name}, nil
	}}
}

func TestLadderPicksTheFirstThatFits(t *testing.T) {
	noGPU := fmt.Errorf("%w: no NVIDIA driver", encoder.ErrUnavailable)
	ladder := encoder.Ladder{
		candidate("nvenc", media.H264, noGPU),
		candidate("x264", media.H264, nil),
		candidate("openh264", media.H264, nil),
		candidate("vp8", media.VP8, nil),
	}
	all := []media.Codec{media.VP8, media.H264}
	for _, c := range []struct {
		reason  string
		name    string
		decodes []media.Codec
		want    string
		err     error
		says    []string
	}{
		{"auto skips what the machine lacks", "auto", all, "x264", nil, nil},
		{"no name is auto", "", all, "x264", nil, nil},
		{"auto skips what the player lacks", "auto", []media.Codec{media.VP8}, "vp8", nil, nil},
		{"a name is that one", "openh264", all, "openh264", nil, nil},
		{"names are those, in their order", "nvenc,vp8,x264", all, "vp8", nil, nil},
		{"a name among others that is unknown", "x264,x265", all, "", encoder.ErrNoneFits, []string{`"x265"`}},
		{"a name that is empty", "x264,", all, "", encoder.ErrNoneFits, []string{`""`}},
		{"a name never falls back", "nvenc", all, "", encoder.ErrUnavailable, []string{"nvenc: ", "no NVIDIA driver"}},
		{"a name the player cannot decode", "vp8", []media.Codec{media.H264}, "", encoder.ErrNoneFits, []string{"does not decode vp8"}},
		{"no common codec gives every reason", "auto", []media.Codec{media.AV1}, "", encoder.ErrNoneFits, []string{"nvenc: ", "x264: ", "openh264: ", "vp8: "}},
		{"a player without codecs", "auto", nil, "", encoder.ErrNoneFits, nil},
		{"an unknown name lists the known", "x265", all, "", encoder.ErrNoneFits, []string{`"x265"`, "auto, nvenc, x264, openh264, vp8"}},
	} {
		only, err := ladder.Only(c.name)
		var got *encoder.Choice
		if err == nil {
			got, err = only.Pick(c.decodes, nil, encoder.Config{})
		}
		if c.want != "" {
			if err != nil || got.Name != c.want || got.Encoder.(named).name != c.want {
				t.Errorf("%s: got %v, %v; want %s", c.reason, got, err, c.want)
			}
			continue
		}
		if got != nil || !errors.Is(err, encoder.ErrNoneFits) || !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, %v; want %v", c.reason, got, err, c.err)
			continue
		}
		for _, words := range c.says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %q does not say %q", c.reason, err, words)
			}
		}
	}
}

func TestAChoiceSaysWhyItIsNoneBetterAndWhoComesNext(t *testing.T) {
	ladder := encoder.Ladder{
		candidate("nvenc", media.H264, errors.New("no NVIDIA driver")),
		candidate("vp9", media.VP9, nil),
		candidate("x264", media.H264, nil),
		candidate("av1", media.AV1, nil),
		candidate("openh264", media.H264, nil),
	}
	choice, err := ladder.Pick([]media.Codec{media.H264}, nil, encoder.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := choice.Instead(), "nvenc: no NVIDIA driver; vp9: the player does not decode vp9"; got != want {
		t.Errorf("instead of what: %q, want %q", got, want)
	}
	if got := choice.Rest.Names(); !slices.Equal(got, []string{"openh264"}) {
		t.Errorf("next come %v, want openh264 alone: the player does not decode AV1", got)
	}
	if got := ladder.Codecs(); !slices.Equal(got, []media.Codec{media.H264, media.VP9, media.AV1}) {
		t.Errorf("codecs %v", got)
	}
}

func TestWhatIsTooSlowComesLast(t *testing.T) {
	ladder := encoder.Ladder{candidate("av1", media.AV1, nil), candidate("vp9", media.VP9, nil), candidate("vp8", media.VP8, nil)}
	all := []media.Codec{media.AV1, media.VP9, media.VP8}
	slow := encoder.Timings{"av1": {20 * time.Millisecond}, "vp9": {8 * time.Millisecond}, "vp8": {40 * time.Millisecond}}
	for _, c := range []struct {
		reason  string
		name    string
		known   encoder.Timings
		rate    int
		want    string
		instead string
		next    []string
	}{
		{"nothing is known: the ladder's order", "auto", nil, 60, "av1", "", []string{"vp9", "vp8"}},
		{"half a frame's time is the limit", "auto", slow, 60, "vp9",
			"av1: it takes 20.0 ms for a picture here, and 8.3 are half of a frame's time", []string{"av1", "vp8"}},
		{"which is longer at a lower rate", "auto", slow, 24, "av1", "", []string{"vp9", "vp8"}},
		{"where all are too slow the best is used", "auto", slow, 120, "av1", "", []string{"vp9", "vp8"}},
		{"a name is that one, however slow", "vp8", slow, 60, "vp8", "", nil},
	} {
		only, err := ladder.Only(c.name)
		if err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		choice, err := only.Pick(all, c.known, encoder.Config{FrameRate: c.rate})
		if err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		if choice.Name != c.want || !slices.Equal(choice.Rest.Names(), c.next) {
			t.Errorf("%s: got %s, then %v; want %s, then %v", c.reason, choice.Name, choice.Rest.Names(), c.want, c.next)
		}
		if got := choice.Instead(); got != c.instead {
			t.Errorf("%s: instead of %q, want %q", c.reason, got, c.instead)
		}
	}
}

func TestABetterPresetIsChosenWhereItCostsNextToNothing(t *testing.T) {
	ladder := encoder.Ladder{candidate("nvenc", media.H264, nil)}
	known := encoder.Timings{"nvenc": {time.Millisecond, 1500 * time.Microsecond, 2 * time.Millisecond, 3 * time.Millisecond}}
	for _, c := range []struct {
		reason string
		known  encoder.Timings
		rate   int
		want   int
	}{
		{"nothing is known: the fastest", nil, 60, 0},
		{"an eighth of a frame's time at 60", known, 60, 2},
		{"at 120 that is half as long", known, 120, 0},
		{"at 30 twice", known, 30, 3},
		{"a candidate that is slow stays at its fastest", encoder.Timings{"nvenc": {9 * time.Millisecond}}, 60, 0},
	} {
		choice, err := ladder.Pick([]media.Codec{media.H264}, c.known, encoder.Config{FrameRate: c.rate, Speed: 7})
		if err != nil {
			t.Fatal(err)
		}
		if choice.Config.Speed != c.want {
			t.Errorf("%s: speed %d, want %d", c.reason, choice.Config.Speed, c.want)
		}
	}
}

// timed is an encoder whose presets take so long each.
type timed struct {
	encoder.Encoder
	speed int
	takes []time.Duration
}

func (e timed) Encode(*media.Frame, encoder.Request, func(media.Slice) error) (encoder.Result, error) {
	for began := time.Now(); time.Since(began) < e.takes[e.speed]; { // busy, as encoders are
	}
	return encoder.Result{}, nil
}

func (e timed) Capabilities() encoder.Capabilities { return encoder.Capabilities{Speeds: len(e.takes)} }
func (timed) Close() error                         { return nil }

func TestPresetsAreMeasuredAsFarAsTheyAreOfUse(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		reason string
		takes  []time.Duration
		want   int // presets that were measured
	}{
		{"all are fast", []time.Duration{0, ms / 10, ms / 5}, 3},
		{"the second is too slow to be chosen, and the last", []time.Duration{ms / 10, 4 * ms, 5 * ms}, 2},
		{"the first is slow already", []time.Duration{4 * ms, 5 * ms}, 1},
	} {
		measured, err := encoder.Candidate{Open: func(config encoder.Config) (encoder.Encoder, error) {
			return timed{speed: config.Speed, takes: c.takes}, nil
		}}.Time(encoder.Config{}, []*media.Frame{{}})
		if err != nil {
			t.Fatal(err)
		}
		if len(measured) != c.want {
			t.Errorf("%s: measured %v, want %d", c.reason, measured, c.want)
		}
		for speed, took := range measured {
			if took < c.takes[speed] {
				t.Errorf("%s: preset %d takes %v, measured %v", c.reason, speed, c.takes[speed], took)
			}
		}
	}
}

func TestALadderPassesOverWhatDoesNotCodeInTheSampling(t *testing.T) {
	full := media.Sampling{Chroma: media.Chroma444}
	opens := func(name string, can ...media.Sampling) encoder.Candidate {
		return encoder.Candidate{Name: name, Codec: media.H264, Open: func(config encoder.Config) (encoder.Encoder, error) {
			if _, err := config.Resolve(can...); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return named{name: name}, nil
		}}
	}
	ladder := encoder.Ladder{opens("plain"), opens("full", full)}
	config := encoder.Config{Size: media.Size{Width: 1280, Height: 720}, Sampling: full}
	choice, err := ladder.Pick([]media.Codec{media.H264}, nil, config)
	if err != nil || choice.Name != "full" {
		t.Fatalf("got %v, %v; want full", choice, err)
	}
	if got, want := choice.Instead(), "plain: not supported by this encoder: it does not code in 4:4:4 with 8 bits"; got != want {
		t.Errorf("instead: %q, want %q", got, want)
	}
	if _, err := ladder[:1].Pick([]media.Codec{media.H264}, nil, config); !errors.Is(err, encoder.ErrNoneFits) || !errors.Is(err, encoder.ErrUnsupported) {
		t.Errorf("with none that does: %v", err)
	}
}
