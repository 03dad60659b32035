package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

var full = media.Sampling{Chroma: media.Chroma444}

// codes is a candidate that checks its configuration as a driver does which has the samplings given, and notes in which it was opened.
func codes(name string, codec media.Codec, in *[]string, can ...media.Sampling) encoder.Candidate {
	return encoder.Candidate{Name: name, Codec: codec, Open: func(config encoder.Config) (encoder.Encoder, error) {
		if _, err := config.Resolve(can...); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		*in = append(*in, fmt.Sprintf("%s in %v", name, config.Sampling.Chroma))
		return &scriptedEncoder{}, nil
	}}
}

func TestFullChromaIsPickedWhereEncoderAndPlayerHaveIt(t *testing.T) {
	var opened []string
	plain, deep := codes("plain", media.H264, &opened), codes("deep", media.H264, &opened, full)
	hevc, vp8 := codes("hevc", media.HEVC, &opened, full), codes("vp8", media.VP8, &opened)
	all := encoder.Ladder{plain, deep, hevc, vp8}
	everything := []media.Codec{media.H264, media.HEVC, media.VP8}
	for _, c := range []struct {
		reason  string
		ladder  encoder.Ladder
		decodes []media.Codec
		full    bool
		want    string
		rest    []string
		err     string
	}{
		{"both have it: one that stands higher is passed over", all, everything, true, "deep", []string{"hevc", "vp8"}, ""},
		{"what takes its place is what the player decodes", all, []media.Codec{media.VP8, media.H264}, true, "deep", []string{"vp8"}, ""},
		{"the player does not decode it", all, everything, false, "", nil, "the player does not decode H.264 in 4:4:4"},
		{"the player decodes no H.264 at all", all, []media.Codec{media.HEVC}, true, "", nil, "the player does not decode H.264 in 4:4:4"},
		{"no encoder of H.264 has it", encoder.Ladder{plain, hevc}, everything, true, "", nil,
			"no encoder fits: plain: not supported by this encoder: it does not code in 4:4:4 with 8 bits"},
	} {
		choice, err := pickFull(c.ladder, nil, c.decodes, c.full, encoder.Config{Size: media.Size{Width: 640, Height: 360}})
		if c.want == "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: got %v, want %s", c.reason, err, c.err)
			}
			continue
		}
		if err != nil || choice.Name != c.want || choice.Config.Sampling != full || !slices.Equal(choice.Rest.Names(), c.rest) {
			t.Errorf("%s: got %+v, %v; want %s, then %v", c.reason, choice, err, c.want, c.rest)
		}
	}
}

func TestAnEncoderOfFullChromaIsFollowedByWhateverThereIs(t *testing.T) {
	var opened []string
	config, err := encoder.Config{Size: media.Size{Width: 640, Height: 360}, Sampling: full}.Resolve(full)
	if err != nil {
		t.Fatal(err)
	}
	first := codes("first", media.H264, &opened, full)
	e := newEncoding(&encoder.Choice{
		Candidate: first, Encoder: &scriptedEncoder{fail: errBroken}, Config: config,
		Rest: encoder.Ladder{codes("second", media.H264, &opened, full), codes("third", media.H264, &opened), codes("fourth", media.HEVC, &opened, full)},
	}, config, slog.New(slog.DiscardHandler))
	defer func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	}()
	e.accepts = func(media.Codec) bool { return true }
	for _, want := range []struct {
		name   string
		chroma media.Chroma
	}{{"second", media.Chroma444}, {"third", media.Chroma420}, {"fourth", media.Chroma420}} { // the player was not asked of HEVC
		if err := e.replace(errBroken); !errors.Is(err, errReplaced) || e.chosen.Name != want.name || e.config.Sampling.Chroma != want.chroma {
			t.Fatalf("got %v, %s in %v; want %s in %v", err, e.chosen.Name, e.config.Sampling, want.name, want.chroma)
		}
	}
	now := media.Now().Add(retryMost)
	for deadline := time.Now().Add(patience); !e.restore(now) || e.chosen.Name != "first"; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s is at work", e.chosen.Name)
		}
	}
	if e.config.Sampling != full {
		t.Errorf("the first one came back in %v", e.config.Sampling)
	}
	if want := []string{"second in 4:4:4", "third in 4:2:0", "fourth in 4:2:0", "first in 4:4:4"}; !slices.Equal(opened, want) {
		t.Errorf("opened %q, want %q", opened, want)
	}
}
