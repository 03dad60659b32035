package quality_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/encoder/vpx"
	"nearlight/encoder/x264"
	"nearlight/internal/corpus"
	"nearlight/internal/decode"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

// settling is how many pictures an encoder takes to come to the quality that its rate allows: those are not looked at.
const settling = 8

var codings = []struct {
	name  string
	codec media.Codec
	open  func(encoder.Config) (encoder.Encoder, error)
}{
	{x264.Name, media.H264, x264.Open},
	{vpx.NameVP8, media.VP8, vpx.OpenVP8},
	{vpx.NameVP9, media.VP9, vpx.OpenVP9},
}

func drawn(t *testing.T, content corpus.Content, size media.Size, count int, seed uint64) []*media.Frame {
	t.Helper()
	frames, err := corpus.Render(content, size, count, seed)
	if errors.Is(err, gles.ErrUnavailable) || errors.Is(err, yuv.ErrUnavailable) {
		t.Skipf("SKIPPED %s: nothing was drawn: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// eachCoded codes pictures, with a marker in each, and hands over what is decoded of those after the settling.
func eachCoded(t *testing.T, coding int, rate media.Bitrate, pictures []*media.Frame, look func(n int, got *media.Frame)) {
	t.Helper()
	e, err := codings[coding].open(encoder.Config{Size: pictures[0].Visible, Bitrate: rate})
	if errors.Is(err, encoder.ErrUnavailable) {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d, err := decode.Open(codings[coding].codec)
	if errors.Is(err, decode.ErrUnavailable) {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for n, picture := range pictures {
		marker.DrawI420(picture, marker.New(media.Instant(n+1)*16_666_667, 0, uint16(n)))
		var unit []byte
		if _, err := e.Encode(picture, encoder.Request{}, func(s media.Slice) error {
			unit = append(unit, s.Data...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode(unit)
		if err != nil || got == nil {
			t.Fatalf("picture %d: %v, %v", n, got, err)
		}
		if n >= settling {
			look(n, got)
		}
	}
}

// few is how many pictures are coded where the rates of error need not be known to a digit. NEARLIGHT_EXPERIMENTS=1 has them measured as
// docs/checking.md tells them, which takes minutes.
const few = settling + 6

var experiment = os.Getenv("NEARLIGHT_EXPERIMENTS") != ""

// rates are the default, and what is left on slower links.
func rates() []media.Bitrate {
	all := []media.Bitrate{8 * media.Mbps, 4 * media.Mbps, 2 * media.Mbps}
	if !experiment {
		return all[:2]
	}
	return all
}

// tally counts pictures that were taken for upscaled.
type tally struct {
	upscaled, of int
	sharpness    []float64
}

func (c *tally) add(t *testing.T, detail *quality.Detail, got *media.Frame) {
	t.Helper()
	s, err := detail.Look(got)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Known() {
		t.Errorf("there is nothing to look at: %+v", s)
	}
	c.of++
	c.sharpness = append(c.sharpness, min(s.Across, s.Down))
	if s.Upscaled() {
		c.upscaled++
	}
}

func TestPicturesInTheirOwnSizeAreNotTakenForUpscaled(t *testing.T) {
	seeds, count := []uint64{2}, few
	if experiment {
		seeds, count = []uint64{1, 2, 3}, 40
	}
	detail := quality.NewDetail(marker.Size)
	all, slow := tally{}, tally{}
	for _, content := range []corpus.Content{corpus.Scene, corpus.Text} {
		var pictures [][]*media.Frame
		for _, seed := range seeds {
			pictures = append(pictures, drawn(t, content, hd, count, seed))
		}
		for coding := range codings {
			for _, rate := range rates() {
				one := tally{}
				for _, p := range pictures {
					eachCoded(t, coding, rate, p, func(_ int, got *media.Frame) { one.add(t, detail, got) })
				}
				t.Logf("%-5s %-4s %v: %d of %d, sharpness from %.2f dB", content, codings[coding].name, rate, one.upscaled, one.of, slices.Min(one.sharpness))
				sum := &all
				if rate < 4*media.Mbps {
					sum = &slow
				}
				sum.upscaled, sum.of = sum.upscaled+one.upscaled, sum.of+one.of
			}
		}
	}
	t.Logf("false alarms: %d of %d from 4 Mbit/s on, %d of %d below", all.upscaled, all.of, slow.upscaled, slow.of)
	if all.upscaled > 0 {
		t.Error("that is more than none")
	}
	if slow.upscaled*50 > slow.of {
		t.Error("below 4 Mbit/s it is more than one in fifty")
	}
}

func TestPicturesThatWereDrawnSmallerAreSeenToBe(t *testing.T) {
	if raceDetector {
		t.Skipf("SKIPPED %s: enlarging pictures takes minutes under the race detector, and there is no goroutine here", t.Name())
	}
	const count = settling + 4
	filters, sizes := map[string]filter{"linear": linear, "lanczos": lanczos}, []media.Size{{Width: 640, Height: 360}, {Width: 960, Height: 540}}
	if experiment {
		filters["cubic"] = cubic
		sizes = append(sizes, media.Size{Width: 854, Height: 480})
	}
	detail := quality.NewDetail(marker.Size)
	type row struct {
		coding int
		rate   media.Bitrate
	}
	found := map[row]*tally{}
	for _, size := range sizes {
		small := drawn(t, corpus.Scene, size, count, 4)
		for name, of := range filters {
			pictures := make([]*media.Frame, len(small))
			for i, f := range small {
				pictures[i] = enlarged(f, hd, of)
			}
			for coding := range codings {
				for _, rate := range rates() {
					one := tally{}
					eachCoded(t, coding, rate, pictures, func(_ int, got *media.Frame) { one.add(t, detail, got) })
					t.Logf("%v %-7s %-4s %v: %d of %d, sharpness up to %.2f dB", size, name, codings[coding].name, rate, one.upscaled, one.of, slices.Max(one.sharpness))
					sum := found[row{coding, rate}]
					if sum == nil {
						sum = &tally{}
						found[row{coding, rate}] = sum
					}
					sum.upscaled, sum.of = sum.upscaled+one.upscaled, sum.of+one.of
				}
			}
		}
	}
	for coding := range codings {
		for _, rate := range rates() {
			sum := found[row{coding, rate}]
			t.Logf("%-4s %v: %d of %d found", codings[coding].name, rate, sum.upscaled, sum.of)
			if codings[coding].name == x264.Name && rate < 4*media.Mbps {
				continue // its fastest preset leaves noise of its own above the cut-off, in which most are missed
			}
			if sum.upscaled < sum.of {
				t.Errorf("%s at %v: %d of %d found", codings[coding].name, rate, sum.upscaled, sum.of)
			}
		}
	}
}

func TestTheSceneInFlightIsNeverStill(t *testing.T) {
	count := few
	if experiment {
		count = 40
	}
	pictures := drawn(t, corpus.Scene, hd, count, 1)
	for coding := range codings {
		for _, rate := range rates() {
			motion := quality.Motion{LeaveOut: marker.Size}
			least, blocks, before := 1.0, 0.0, 0.0
			eachCoded(t, coding, rate, pictures, func(n int, got *media.Frame) {
				change, err := motion.Watch(got)
				if err != nil {
					t.Fatal(err)
				}
				least = min(least, change.Moved)
				if change.Still() {
					t.Errorf("%s at %v: picture %d is taken for still: %.5f moved", codings[coding].name, rate, n, change.Moved)
				}
				b, err := quality.Blockiness(got, marker.Size)
				if err != nil {
					t.Fatal(err)
				}
				uncoded, err := quality.Blockiness(pictures[n], marker.Size)
				if err != nil {
					t.Fatal(err)
				}
				blocks, before = blocks+b/float64(count-settling), before+uncoded/float64(count-settling)
			})
			t.Logf("%-4s %v: at least %.4f of the picture moved; blockiness %.3f on average, %.3f before", codings[coding].name, rate, least, blocks, before)
		}
	}
}

func TestAPictureThatIsCodedAgainAndAgainIsStill(t *testing.T) {
	first := drawn(t, corpus.Scene, hd, 1, 1)[0]
	same := make([]*media.Frame, settling+12)
	for i := range same {
		same[i] = first
	}
	for coding := range codings {
		for _, rate := range rates() {
			motion := quality.Motion{LeaveOut: marker.Size}
			most := 0.0
			var last quality.Change
			eachCoded(t, coding, rate, same, func(_ int, got *media.Frame) {
				var err error
				if last, err = motion.Watch(got); err != nil {
					t.Fatal(err)
				}
				if last.Moved < 1 {
					most = max(most, last.Moved)
				}
			})
			t.Logf("%-4s %v: at most %.5f of the picture moved", codings[coding].name, rate, most)
			allowed := uint64(1)
			if rate < 4*media.Mbps {
				allowed = 3 // it begins so coarsely that to make it finer is a change
			}
			if last.Content > allowed {
				t.Errorf("%s at %v: %d pictures where there was one; the last moved %.5f", codings[coding].name, rate, last.Content, last.Moved)
			}
		}
	}
}
