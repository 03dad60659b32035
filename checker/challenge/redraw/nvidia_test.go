package redraw_test

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

var picturesTo = flag.String("pictures", "", "a folder to write the test's pictures to")

// Six pictures of one task, each of another nonce. Those of testdata/nvidia are an NVIDIA H200's, driver 580.159.
var (
	compared     = arena.Task{Seed: 5, Objects: 48}
	comparedSize = media.Size{Width: 640, Height: 360}
)

const comparedPictures = 6

// drawCompared draws the pictures, and says how they compare with what an NVIDIA card made of them.
func drawCompared(t *testing.T, p interface {
	Paint(arena.Nonce, time.Duration, *media.Frame) error
	Driver() string
}, leastPSNR float64) {
	for n := range comparedPictures {
		f := media.NewFrame(comparedSize)
		if err := p.Paint(arena.Nonce(1000+7*n), time.Duration(n)*70*time.Millisecond, f); err != nil {
			t.Fatal(err)
		}
		got := &image.Gray{Pix: f.Y.Data, Stride: f.Y.Stride, Rect: image.Rect(0, 0, comparedSize.Width, comparedSize.Height)}
		name := fmt.Sprintf("%d.png", n)
		if *picturesTo != "" {
			save(t, filepath.Join(*picturesTo, name), got)
		}
		want := stored(t, filepath.Join("testdata", "nvidia", name))
		psnr, visible, largest := compare(got, want)
		t.Logf("picture %d on %s: PSNR %.1f dB, %.3f %% of the pixels differ by more than 12, the largest difference is %d", n, p.Driver(), psnr, 100*visible, largest)
		if psnr < leastPSNR {
			t.Errorf("picture %d: %.1f dB, want %.0f", n, psnr, leastPSNR)
		}
	}
}

func compare(a, b *image.Gray) (psnr, visible float64, largest int) {
	var squares, many float64
	for y := range comparedSize.Height {
		for x := range comparedSize.Width {
			d := int(a.GrayAt(x, y).Y) - int(b.GrayAt(x, y).Y)
			squares += float64(d * d)
			largest = max(largest, d, -d)
			if d > 12 || d < -12 {
				many++
			}
		}
	}
	pixels := float64(comparedSize.Width * comparedSize.Height)
	return 10 * math.Log10(255*255*pixels/max(squares, 1e-9)), many / pixels, largest
}

func save(t *testing.T, path string, img image.Image) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, path string) *image.Gray {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	gray, ok := img.(*image.Gray)
	if !ok || gray.Rect.Size() != image.Pt(comparedSize.Width, comparedSize.Height) {
		t.Fatalf("%s: a %T of %v", path, img, img.Bounds().Size())
	}
	return gray
}

// An encoder leaves 25 to 38 dB of a picture: two renderers that are 45 dB apart take away less than 0.1 dB of that.
func TestACheckerDrawsWhatAnNVIDIACardDraws(t *testing.T) {
	drawCompared(t, painter(t, compared, comparedSize), 45)
}

func TestGPUDrawsChallengesAsAnotherNVIDIACardDoes(t *testing.T) {
	cudatest.Retain(t)
	p := painter(t, compared, comparedSize)
	if !strings.Contains(p.Driver(), "NVIDIA") {
		t.Skipf("COULD NOT RUN: EGL draws by %s", p.Driver())
	}
	drawCompared(t, p, 60)
}
