package marker_test

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/internal/marker"
	"nearlight/internal/media"
)

func anyStamp(t *rapid.T) marker.Stamp {
	return marker.Stamp{
		Micros:  rapid.Uint64Range(0, 1<<48-1).Draw(t, "micros"),
		Input:   rapid.Uint32().Draw(t, "input"),
		Counter: rapid.Uint16().Draw(t, "counter"),
	}
}

func TestEveryStampDrawnIntoAFrameIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := media.Size{Width: rapid.IntRange(128, 200).Draw(t, "width"), Height: rapid.IntRange(72, 120).Draw(t, "height")}
		frame := media.NewFrameIn(rapid.SampledFrom([]media.Chroma{media.Chroma420, media.Chroma444}).Draw(t, "chroma"), size)
		want := anyStamp(t)
		marker.DrawI420(frame, want)
		got, err := marker.Decode(frame.Y, frame.Visible)
		if err != nil || got != want {
			t.Fatalf("drew %+v, read %+v, %v", want, got, err)
		}
		colour := frame.Chroma.Of(marker.Size)
		for _, plane := range []media.Plane{frame.U, frame.V} {
			for i := range colour.Width * colour.Height {
				if plane.Data[i/colour.Width*plane.Stride+i%colour.Width] != 128 {
					t.Fatalf("in %v the marker is not grey", frame.Chroma)
				}
			}
		}
	})
}

func TestTheBGRXFormCarriesTheSameCells(t *testing.T) {
	const stride = 4 * 160
	pixels := make([]byte, stride*marker.Height)
	stamp := marker.Stamp{Micros: 0x123456789abc, Input: 0xdeadbeef, Counter: 0xf00f}
	marker.DrawBGRX(pixels, stride, stamp)
	green := media.Plane{Data: make([]byte, 160*marker.Height), Stride: 160}
	for i := range green.Data {
		green.Data[i] = pixels[4*i+1]
	}
	got, err := marker.Decode(green, media.Size{Width: 160, Height: marker.Height})
	if err != nil || got != stamp {
		t.Fatalf("read %+v, %v", got, err)
	}
}

func TestAnInstantSurvivesToTheMicrosecondEvenAcrossTheWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shown := media.Instant(rapid.Int64Range(int64(time.Hour), 1<<60).Draw(t, "shown")) / 1000 * 1000
		later := shown.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(time.Hour)).Draw(t, "age")))
		if got := marker.New(shown, 0, 0).Instant(later); got != shown {
			t.Fatalf("stamped %d, read at %d as %d", shown, later, got)
		}
	})
}

func TestUpToTwoWrongCellsAreMendedAndUpToFourNeverMakeAnotherStamp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frame := media.NewFrame(marker.Size)
		want := anyStamp(t)
		marker.DrawI420(frame, want)
		cells := rapid.SliceOfNDistinct(rapid.IntRange(marker.Columns, marker.Rows*marker.Columns-1), 1, 4, rapid.ID).Draw(t, "wrong cells")
		for _, cell := range cells {
			for y := range marker.Cell {
				row := frame.Y.Data[(cell/marker.Columns*marker.Cell+y)*frame.Y.Stride+cell%marker.Columns*marker.Cell:][:marker.Cell]
				for x := range row {
					row[x] = 251 - row[x]
				}
			}
		}
		switch got, err := marker.Decode(frame.Y, frame.Visible); {
		case len(cells) <= 2 && (err != nil || got != want):
			t.Fatalf("%d wrong cells of %+v: read %+v, %v", len(cells), want, got, err)
		case len(cells) > 2 && !errors.Is(err, marker.ErrChecksum):
			t.Fatalf("%d wrong cells of %+v: read %+v, %v", len(cells), want, got, err)
		}
	})
}

func TestAPictureWithoutAMarkerIsAbsentAndNeverAStamp(t *testing.T) {
	frame := media.NewFrame(media.Size{Width: 320, Height: 240})
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		for i := range frame.Y.Data {
			frame.Y.Data[i] = byte(random.Uint32())
		}
		if stamp, err := marker.Decode(frame.Y, frame.Visible); !errors.Is(err, marker.ErrAbsent) {
			t.Fatalf("noise read as %+v, %v", stamp, err)
		}
	}
}

func TestAFrameTornInsideTheBlockFailsTheSum(t *testing.T) {
	older, newer := media.NewFrame(marker.Size), media.NewFrame(marker.Size)
	marker.DrawI420(older, marker.Stamp{Micros: 81_234_567_890, Input: 17, Counter: 400})
	marker.DrawI420(newer, marker.Stamp{Micros: 81_234_584_640, Input: 18, Counter: 401})
	// Rows 1 and 2 hold the part of the time that neighbours share, so a tear above row 3 leaves a whole block.
	for row := 4; row < marker.Rows; row++ {
		torn := media.NewFrame(marker.Size)
		copy(torn.Y.Data, older.Y.Data)
		edge := row * marker.Cell * torn.Y.Stride
		copy(torn.Y.Data[edge:], newer.Y.Data[edge:])
		stamp, err := marker.Decode(torn.Y, torn.Visible)
		if !errors.Is(err, marker.ErrChecksum) {
			t.Errorf("torn above row %d: read %+v, %v", row, stamp, err)
		}
	}
}

// TestAMarkerSurvivesACoarseEncoder codes a noisy moving picture at the coarsest quantisers that a stream reaches.
func TestAMarkerSurvivesACoarseEncoder(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("SKIPPED: ffmpeg is missing (apt-get install ffmpeg), so no coded marker was read")
	}
	for _, qp := range []int{30, 40, 48} {
		t.Run("qp"+strconv.Itoa(qp), func(t *testing.T) {
			for i, luma := range codeLuma(t, ffmpeg, qp, codedStamps) {
				got, err := marker.Decode(luma, codedSize)
				if err != nil || got != codedStamps[i] {
					t.Errorf("picture %d: drew %+v, read %+v, %v", i, codedStamps[i], got, err)
				}
			}
		})
	}
}

func TestDrawingAndDecodingDoNotAllocate(t *testing.T) {
	frame := media.NewFrame(media.Size{Width: 1280, Height: 720})
	pixels := make([]byte, 4*1280*marker.Height)
	var failed error
	allocations := testing.AllocsPerRun(100, func() {
		stamp := marker.New(media.Now(), 1, 2)
		marker.DrawI420(frame, stamp)
		marker.DrawBGRX(pixels, 4*1280, stamp)
		_, failed = marker.Decode(frame.Y, frame.Visible)
	})
	if allocations != 0 || failed != nil {
		t.Errorf("%v allocations, %v", allocations, failed)
	}
}

func FuzzDecode(f *testing.F) {
	frame := media.NewFrame(marker.Size)
	marker.DrawI420(frame, marker.Stamp{Micros: 1, Input: 2, Counter: 3})
	f.Add(frame.Y.Data, frame.Y.Stride, 128, 72)
	f.Add([]byte{}, 0, 0, 0)
	f.Add(frame.Y.Data, -1, 4096, 4096)
	f.Fuzz(func(t *testing.T, data []byte, stride, width, height int) {
		plane := media.Plane{Data: data, Stride: stride}
		stamp, err := marker.Decode(plane, media.Size{Width: width, Height: height})
		if err != nil && stamp != (marker.Stamp{}) {
			t.Fatalf("a stamp beside an error: %+v, %v", stamp, err)
		}
	})
}

func BenchmarkDrawBGRX(b *testing.B) {
	pixels := make([]byte, 4*1280*marker.Height)
	for b.Loop() {
		marker.DrawBGRX(pixels, 4*1280, marker.Stamp{Micros: 1})
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := media.NewFrame(marker.Size)
	marker.DrawI420(frame, marker.Stamp{Micros: 1})
	for b.Loop() {
		if _, err := marker.Decode(frame.Y, frame.Visible); err != nil {
			b.Fatal(err)
		}
	}
}
