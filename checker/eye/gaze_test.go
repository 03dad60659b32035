package eye

import (
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/streamer/viewer"
)

func TestFewPicturesAreLookedIntoAndNobodyKnowsWhich(t *testing.T) {
	seen := func(seed uint64) (looked []int, q Quality) {
		g := newGaze(rand.New(rand.NewPCG(seed, 1)), marker.Size)
		picture := media.NewFrame(scriptedSize)
		const frames, rate = 600, 60
		for n := range frames {
			noise(picture, n/2) // each twice
			at := media.Instant(time.Second) + media.Instant(n)*media.Instant(time.Second)/rate
			before := g.looked
			frame, err := g.take(&viewer.Frame{Picture: picture, Codec: media.AV1, FirstPacket: at - 3, LastPacket: at - 2, Decoded: at, Bytes: 7})
			if err != nil {
				t.Fatal(err)
			}
			if frame.Decoded != at || frame.FirstPacket != at-3 || frame.Size != scriptedSize || frame.Bytes != 7 || frame.Marked || frame.Content != uint64(n/2+1) {
				t.Fatalf("picture %d is told as %+v", n, frame)
			}
			if g.looked > before {
				looked = append(looked, n)
			}
		}
		return looked, g.sum()
	}
	looked, q := seen(1)
	other, _ := seen(2)
	if len(looked) < 12 || len(looked) > 32 {
		t.Errorf("%d pictures in ten seconds", len(looked))
	}
	if len(looked) == len(other) && looked[1] == other[1] && looked[2] == other[2] {
		t.Errorf("by another seed the same: %v", looked)
	}
	if q.Pictures != 600 || q.Still != 0.5 || q.Looked != uint64(len(looked)) || q.Quantised != 0 || q.Quantiser != 0 {
		t.Errorf("in sum %+v", q)
	}
}

func TestTheMiddleQuantiserIsFound(t *testing.T) {
	for _, step := range []struct {
		indices []int // of quantiserSteps
		want    float64
	}{
		{nil, 0},
		{[]int{51}, 0.2},
		{[]int{0, 51, 255}, 0.2},
		{[]int{51, 51, 255, 255}, 0.2},
		{[]int{255, 255, 255, 0}, 1},
	} {
		g := newGaze(rand.New(rand.NewPCG(1, 1)), media.Size{})
		for _, i := range step.indices {
			g.quantiserCounts[i]++
			g.quantised++
		}
		if got := g.medianQuantiser(); got != step.want {
			t.Errorf("of %v: %v, want %v", step.indices, got, step.want)
		}
	}
}

func TestWhatAPictureWaitsForIsNotThisMachinesWork(t *testing.T) {
	g := newGaze(rand.New(rand.NewPCG(1, 1)), marker.Size)
	picture := media.NewFrame(scriptedSize)
	for _, f := range []viewer.Frame{
		{LastPacket: 100_000, Decoded: 101_000},
		{LastPacket: 50_000, Decoded: 102_000}, // it came first, and needs the one before
	} {
		f.Picture = picture
		if _, err := g.take(&f); err != nil {
			t.Fatal(err)
		}
	}
	if own := g.own.Percentiles(); own.N != 2 || own.Max != 2*time.Microsecond {
		t.Errorf("%+v", own)
	}
}
