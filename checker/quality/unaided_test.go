package quality_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"nearlight/checker/quality"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

var hd = media.Size{Width: 1280, Height: 720}

// boxes is a picture of sharp edges in both directions, wherever they fall.
func boxes(size media.Size, seed uint64) *media.Frame {
	random := rand.New(rand.NewPCG(seed, 2))
	f := media.NewFrame(size)
	for i := range f.Y.Data {
		f.Y.Data[i] = 60
	}
	for range 400 {
		left, top, value := random.IntN(size.Width), random.IntN(size.Height), byte(random.IntN(200)+20)
		for y := top; y < min(top+10+random.IntN(80), size.Height); y++ {
			for x := left; x < min(left+60, size.Width); x++ {
				f.Y.Data[y*f.Y.Stride+x] = value
			}
		}
	}
	return f
}

func TestAPictureThatWasDrawnSmallerHasNothingAboveItsCutOff(t *testing.T) {
	detail := quality.NewDetail(marker.Size)
	for _, c := range []struct {
		reason   string
		picture  *media.Frame
		known    bool
		upscaled bool
	}{
		{"drawn in its own size", boxes(hd, 1), true, false},
		{"half of it, lines between the samples", enlarged(boxes(media.Size{Width: 640, Height: 360}, 1), hd, linear), true, true},
		{"half of it, the sharpest filter", enlarged(boxes(media.Size{Width: 640, Height: 360}, 1), hd, lanczos), true, true},
		{"two thirds", enlarged(boxes(media.Size{Width: 854, Height: 480}, 1), hd, cubic), true, true},
		{"three quarters", enlarged(boxes(media.Size{Width: 960, Height: 540}, 1), hd, cubic), true, true},
		{"half of the height alone", enlarged(boxes(media.Size{Width: 1280, Height: 360}, 1), hd, cubic), true, true},
		{"half of the width alone", enlarged(boxes(media.Size{Width: 640, Height: 720}, 1), hd, cubic), true, true},
		{"nothing in it is sharp: nothing can be said", picture(hd, waves), false, false},
		{"nothing is in it", media.NewFrame(hd), false, false},
		{"too small for a single segment", picture(media.Size{Width: 40, Height: 40}, waves), false, false},
	} {
		s, err := detail.Look(c.picture)
		if err != nil {
			t.Fatal(err)
		}
		if s.Known() != c.known || s.Upscaled() != c.upscaled {
			t.Errorf("%s: %+v, known %v, upscaled %v; want %v, %v", c.reason, s, s.Known(), s.Upscaled(), c.known, c.upscaled)
		}
	}
}

func TestAMarkerDoesNotMakeAPictureSharp(t *testing.T) {
	f := picture(hd, waves)
	marker.DrawI420(f, marker.New(12345678, 7, 9))
	if s, err := quality.NewDetail(marker.Size).Look(f); err != nil || s.SegmentsAcross+s.SegmentsDown != 0 {
		t.Errorf("%+v, %v: it was looked at", s, err)
	}
}

func TestWhateverAPictureHoldsItsSharpnessIsANumber(t *testing.T) {
	detail := quality.NewDetail(media.Size{})
	for name, luma := range map[string]func(x, y int) int{
		"stripes of one sample": func(x, _ int) int { return 255 * (x % 2) },
		"a chequered board":     func(x, y int) int { return 255 * ((x + y) % 2) },
		"one edge":              func(x, y int) int { return 255 * ((x / 640) ^ (y / 360)) },
	} {
		s, err := detail.Look(picture(hd, luma))
		if err != nil || math.IsNaN(s.Across) || math.IsInf(s.Across, 0) || math.IsNaN(s.Down) || math.IsInf(s.Down, 0) || s.Upscaled() {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestOnlyWhatIsSeenToMoveIsNew(t *testing.T) {
	m := quality.Motion{LeaveOut: marker.Size}
	random := rand.New(rand.NewPCG(8, 9))
	stamp := func(f *media.Frame, n uint16) *media.Frame {
		marker.DrawI420(f, marker.New(media.Instant(n)*1e7, 0, n))
		return f
	}
	for i, c := range []struct {
		reason  string
		picture *media.Frame
		content uint64
	}{
		{"the first", picture(hd, waves), 1},
		{"the same", picture(hd, waves), 1},
		{"the same under another marker", stamp(picture(hd, waves), 7), 1},
		{"the same, with noise as of a coarse quantiser", picture(hd, func(x, y int) int { return waves(x, y) + random.IntN(17) - 8 }), 1},
		{"three samples further", picture(hd, func(x, y int) int { return waves(x+3, y) }), 2},
		{"brighter by 13", picture(hd, func(x, y int) int { return waves(x+3, y) + 13 }), 2},
		{"and by 13 again, which adds up", picture(hd, func(x, y int) int { return waves(x+3, y) + 26 }), 3},
		{"another size", picture(media.Size{Width: 640, Height: 360}, waves), 4},
		{"and back", picture(hd, waves), 5},
		{"something small moves, 60 by 60", picture(hd, func(x, y int) int {
			if x >= 600 && x < 660 && y >= 300 && y < 360 {
				return 255 - waves(x, y)/2
			}
			return waves(x, y)
		}), 6},
	} {
		change, err := m.Watch(c.picture)
		if err != nil || change.Content != c.content {
			t.Errorf("%d, %s: %+v, %v; want content %d", i, c.reason, change, err, c.content)
		}
	}
}

func TestBlocksStandOutWhereTheyAre(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 5))
	flat := func(side, shift int) *media.Frame { // each block has a shade of its own
		shades := map[[2]int]int{}
		return picture(media.Size{Width: 640, Height: 360}, func(x, y int) int {
			block := [2]int{(x + shift) / side, (y + shift) / side}
			if _, drawn := shades[block]; !drawn {
				shades[block] = 100 + random.IntN(17)
			}
			return shades[block]
		})
	}
	for _, c := range []struct {
		reason      string
		picture     *media.Frame
		least, most float64
	}{
		{"waves have no blocks", picture(media.Size{Width: 640, Height: 360}, waves), -0.1, 0.1},
		{"noise has none either", picture(media.Size{Width: 640, Height: 360}, func(_, _ int) int { return 100 + random.IntN(60) }), -0.5, 0.5},
		{"blocks of 8 with shades up to 16 apart: their mean distance", flat(8, 0), 5, 6.5},
		{"blocks of 16: every other edge", flat(16, 0), 2.4, 3.3},
		{"the same between the edges of coding blocks", flat(8, 4), -6.5, -5},
	} {
		got, err := quality.Blockiness(c.picture, media.Size{})
		if err != nil || got < c.least || got > c.most {
			t.Errorf("%s: %.2f, %v; want %.1f to %.1f", c.reason, got, err, c.least, c.most)
		}
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	none := &media.Frame{Visible: hd, Coded: hd}
	_, blocks := quality.Blockiness(none, media.Size{})
	_, detail := quality.NewDetail(media.Size{}).Look(none)
	_, motion := (&quality.Motion{}).Watch(none)
	for name, err := range map[string]error{"blockiness": blocks, "detail": detail, "motion": motion} {
		if !errors.Is(err, media.ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stamped := picture(hd, waves)
	marker.DrawI420(stamped, marker.New(12345678, 7, 9))
	if got, err := quality.Blockiness(stamped, marker.Size); err != nil || math.Abs(got) > 0.1 {
		t.Errorf("a marker counts: %v, %v", got, err)
	}
	tiny := media.NewFrame(media.Size{Width: 2, Height: 2})
	if got, err := quality.Blockiness(tiny, media.Size{}); got != 0 || err != nil {
		t.Errorf("blockiness of 2x2: %v, %v", got, err)
	}
}

// unaided is all that a checker looks at where it does not know what should be seen.
func unaided(tb testing.TB, detail *quality.Detail, motion *quality.Motion, f *media.Frame) {
	_, err := detail.Look(f)
	_, err2 := motion.Watch(f)
	_, err3 := quality.Blockiness(f, marker.Size)
	if err := errors.Join(err, err2, err3); err != nil {
		tb.Fatal(err)
	}
}

func TestLookingAtPictureAfterPictureDoesNotAllocate(t *testing.T) {
	detail, motion, f := quality.NewDetail(marker.Size), &quality.Motion{LeaveOut: marker.Size}, boxes(hd, 3)
	if n := testing.AllocsPerRun(5, func() { unaided(t, detail, motion, f) }); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

func BenchmarkUnaided(b *testing.B) {
	detail, motion, f := quality.NewDetail(marker.Size), &quality.Motion{LeaveOut: marker.Size}, boxes(hd, 3)
	b.ReportAllocs()
	for b.Loop() {
		unaided(b, detail, motion, f)
	}
}

// A filter is what a sample has of those around it, by their distance; it ends at three.
type filter func(distance float64) float64

func linear(x float64) float64 { return max(1-math.Abs(x), 0) }

// cubic is Catmull and Rom's.
func cubic(x float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return 1.5*x*x*x - 2.5*x*x + 1
	case x < 2:
		return -0.5*x*x*x + 2.5*x*x - 4*x + 2
	}
	return 0
}

func lanczos(x float64) float64 {
	const lobes = 3
	if x = math.Abs(x) * math.Pi; x == 0 {
		return 1
	}
	if x >= lobes*math.Pi {
		return 0
	}
	return lobes * math.Sin(x) * math.Sin(x/lobes) / (x * x)
}

// enlarged is a picture of another size, as a GPU or a video player enlarges it; its colours are grey.
func enlarged(f *media.Frame, to media.Size, of filter) *media.Frame {
	large := media.NewFrame(to)
	for i := range large.U.Data {
		large.U.Data[i], large.V.Data[i] = 128, 128
	}
	const reach = 3
	weights := func(from, to int) (first []int, w [][2 * reach]float64) {
		for i := range to {
			centre := (float64(i)+0.5)*float64(from)/float64(to) - 0.5
			begin := int(math.Floor(centre)) - reach + 1
			var all [2 * reach]float64
			sum := 0.0
			for j := range all {
				all[j] = of(centre - float64(begin+j))
				sum += all[j]
			}
			for j := range all {
				all[j] /= sum
			}
			first, w = append(first, begin), append(w, all)
		}
		return first, w
	}
	from := f.Visible
	wide := make([]float64, to.Width*from.Height)
	first, w := weights(from.Width, to.Width)
	for y := range from.Height {
		line := f.Y.Data[y*f.Y.Stride:][:from.Width]
		for x := range to.Width {
			sum := 0.0
			for j, weight := range w[x] {
				sum += weight * float64(line[min(max(first[x]+j, 0), from.Width-1)])
			}
			wide[y*to.Width+x] = sum
		}
	}
	first, w = weights(from.Height, to.Height)
	for y := range to.Height {
		for x := range to.Width {
			sum := 0.5
			for j, weight := range w[y] {
				sum += weight * wide[min(max(first[y]+j, 0), from.Height-1)*to.Width+x]
			}
			large.Y.Data[y*large.Y.Stride+x] = byte(min(max(sum, 0), 255))
		}
	}
	return large
}
