package gles_test

import (
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
)

// moments are views of the game that are drawn on each machine that there is, to find out how far two drivers' pictures of the same thing differ.
// Those of testdata/nvidia are an NVIDIA H200's, driver 580.159; `make test-gpu` compares another card's with them.
var moments = []struct {
	name     string
	seed     uint64
	played   time.Duration
	controls scene.Controls
}{
	{"start", 1, 0, scene.Controls{}},
	{"turning", 7, 3 * time.Second, scene.Controls{Turn: 1}},
	{"far", 11, 9 * time.Second, scene.Controls{}},
	{"left", 23, 5 * time.Second, scene.Controls{Turn: -1}},
}

var momentSize = media.Size{Width: 480, Height: 270}

// likeness is how far two pictures differ.
type likeness struct {
	psnr    float64 // of luma, in dB
	visible float64 // share of pixels that differ by more than 12 of 255 in a channel
	largest int     // of a channel's differences
}

// compare finds how alike two pictures of one size are.
func compare(a, b *image.RGBA) likeness {
	var squares float64
	var largest int
	for i := 0; i < len(a.Pix); i += 4 {
		var luma float64
		for k, weight := range [3]float64{0.299, 0.587, 0.114} {
			difference := int(a.Pix[i+k]) - int(b.Pix[i+k])
			largest = max(largest, difference, -difference)
			luma += weight * float64(difference)
		}
		squares += luma * luma
	}
	pixels := float64(len(a.Pix) / 4)
	return likeness{10 * math.Log10(255*255*pixels/max(squares, 1e-9)), float64(differing(a, b)) / pixels, largest}
}

// drawMoments draws every moment, and says how it compares with what an NVIDIA card made of it.
func drawMoments(t *testing.T, adapter gles.Adapter, leastPSNR, mostVisible float64) {
	for _, moment := range moments {
		t.Run(moment.name, func(t *testing.T) {
			e := newEaselOn(t, adapter, moment.seed, momentSize)
			e.play(moment.played, moment.controls)
			got := e.picture(t, moment.controls, scene.Pointer{})
			save(t, moment.name, got)
			like := compare(got, stored(t, filepath.Join("testdata", "nvidia", moment.name+".png")))
			t.Logf("%s on %s: PSNR %.1f dB, %.2f %% of the pixels differ visibly, the largest difference is %d",
				moment.name, e.renderer.Target().Driver, like.psnr, 100*like.visible, like.largest)
			if like.psnr < leastPSNR || like.visible > mostVisible {
				t.Errorf("want %.0f dB and %.1f %%", leastPSNR, 100*mostVisible)
			}
		})
	}
}

func stored(t *testing.T, path string) *image.RGBA {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(read.Bounds())
	for y := range read.Bounds().Dy() {
		for x := range read.Bounds().Dx() {
			img.Set(x, y, read.At(x, y))
		}
	}
	return img
}

func TestThisMachineDrawsWhatAnNVIDIACardDraws(t *testing.T) {
	drawMoments(t, gles.Adapter{}, 50, 0.001)
}

func TestGPUDrawsWhatAnotherNVIDIACardDraws(t *testing.T) {
	cudatest.Retain(t)
	drawMoments(t, gles.Adapter{NVIDIA: true}, 60, 0.0005)
}
