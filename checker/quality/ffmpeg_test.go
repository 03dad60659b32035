package quality_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"nearlight/checker/quality"
	"nearlight/internal/media"
)

// writeRaw writes frames as ffmpeg's rawvideo has them, planes without padding.
func writeRaw(t *testing.T, path string, frames []*media.Frame) {
	t.Helper()
	var raw bytes.Buffer
	for _, f := range frames {
		half := media.Size{Width: f.Visible.Width / 2, Height: f.Visible.Height / 2}
		for _, plane := range []struct {
			media.Plane
			media.Size
		}{{f.Y, f.Visible}, {f.U, half}, {f.V, half}} {
			for y := range plane.Height {
				raw.Write(plane.Data[y*plane.Stride:][:plane.Width])
			}
		}
	}
	if err := os.WriteFile(path, raw.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// filtered runs one of ffmpeg's filters on both files and reads a figure of each frame.
func filtered(t *testing.T, folder, filter, figure string, size media.Size) []float64 {
	t.Helper()
	stats := filepath.Join(folder, filter+".log")
	input := []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", fmt.Sprintf("%dx%d", size.Width, size.Height), "-i"}
	arguments := append([]string{"-nostdin", "-loglevel", "error"}, append(input, filepath.Join(folder, "got.yuv"))...)
	arguments = append(arguments, append(input, filepath.Join(folder, "want.yuv"))...)
	command := exec.Command("ffmpeg", append(arguments, "-lavfi", filter+"=stats_file="+filepath.Base(stats), "-f", "null", "-")...)
	command.Dir = folder
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	text, err := os.ReadFile(stats)
	if err != nil {
		t.Fatal(err)
	}
	var figures []float64
	for _, match := range regexp.MustCompile(figure+`:([0-9.]+)`).FindAllSubmatch(text, -1) {
		f, err := strconv.ParseFloat(string(match[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		figures = append(figures, f)
	}
	return figures
}

func TestPSNRAndSSIMAreThoseOfFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skipf("SKIPPED %s: ffmpeg is not installed (apt-get install ffmpeg)", t.Name())
	}
	for _, size := range []media.Size{{Width: 320, Height: 180}, {Width: 64, Height: 64}, {Width: 638, Height: 358}} {
		random := rand.New(rand.NewPCG(3, uint64(size.Width)))
		noise := func(strength int) int { return random.IntN(2*strength+1) - strength }
		var want, got []*media.Frame
		for _, damage := range []func(x, y int) int{
			func(x, y int) int { return waves(x, y) + noise(1) },
			func(x, y int) int { return waves(x, y) + noise(6) },
			func(x, y int) int { return waves(x, y) + noise(60) },
			func(x, y int) int { return waves(x/8*8, y/8*8) },       // blocks
			func(x, y int) int { return waves(x+2, y) },             // moved
			func(x, y int) int { return (waves(x, y)-128)/3 + 128 }, // pale
			func(x, y int) int { return waves(x, y) + 9 },           // bright
			func(x, y int) int { return 16 + noise(2) },             // nothing
		} {
			want, got = append(want, picture(size, waves)), append(got, picture(size, damage))
		}
		folder := t.TempDir()
		writeRaw(t, filepath.Join(folder, "want.yuv"), want)
		writeRaw(t, filepath.Join(folder, "got.yuv"), got)
		psnrs, ssims := filtered(t, folder, "psnr", "psnr_y", size), filtered(t, folder, "ssim", "Y", size)
		if len(psnrs) != len(want) || len(ssims) != len(want) {
			t.Fatalf("%d and %d figures for %d frames", len(psnrs), len(ssims), len(want))
		}
		for i := range want {
			psnr, ssim := compare(t, want[i], got[i])
			if math.Abs(psnr-psnrs[i]) > 0.01 {
				t.Errorf("%v, frame %d: %.3f dB, ffmpeg says %.2f", size, i, psnr, psnrs[i])
			}
			if math.Abs(ssim-ssims[i]) > 0.001 {
				t.Errorf("%v, frame %d: SSIM %.5f, ffmpeg says %.5f", size, i, ssim, ssims[i])
			}
		}
	}
}

func TestOverSeveralScalesFineDetailCountsLess(t *testing.T) {
	size := media.Size{Width: 320, Height: 180}
	original := picture(size, waves)
	random := rand.New(rand.NewPCG(5, 6))
	both := func(damage func(x, y int) int) (one, five float64) {
		t.Helper()
		got := picture(size, damage)
		_, one = compare(t, original, got)
		five, err := quality.MultiScaleSSIM(original, got)
		if err != nil {
			t.Fatal(err)
		}
		return one, five
	}
	if _, five := both(waves); math.Abs(five-1) > 1e-9 {
		t.Errorf("equal pictures: %v", five)
	}
	one, five := both(func(x, y int) int { return waves(x, y) + random.IntN(31) - 15 })
	if five <= one {
		t.Errorf("fine noise: %.4f over five scales, %.4f at one", five, one)
	}
	_, coarse := both(func(x, y int) int { return waves(x, y) + 20*((x/32+y/32)%2) - 10 })
	if coarse >= five {
		t.Errorf("coarse squares %.4f, fine noise %.4f: squares of 32 samples are seen from any distance", coarse, five)
	}
	if _, five := both(func(x, y int) int { return 255 - waves(x, y) }); five != 0 {
		t.Errorf("the negative: %v, want 0", five)
	}
	small := media.NewFrame(media.Size{Width: 320, Height: 126})
	if _, err := quality.MultiScaleSSIM(small, small); err == nil {
		t.Error("a picture is taken that has no window at the coarsest scale")
	}
}

func BenchmarkMultiScaleSSIM(b *testing.B) {
	size := media.Size{Width: 1280, Height: 720}
	x, y := picture(size, waves), picture(size, func(x, y int) int { return waves(x, y) + 1 })
	for b.Loop() {
		if _, err := quality.MultiScaleSSIM(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
