package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"nearlight/internal/e2e/e2etest"
)

func TestTheEncoderBenchmarkReportsEveryFigureOfEveryContent(t *testing.T) {
	t.Parallel()
	r := e2etest.Run(t, e2etest.Options{}, "bench", "encoder", "--json", "--encoder", "openh264", "--seconds", "1", "--sizes", "320x180")
	if r.Code != 0 {
		t.Fatalf("want exit code 0: %v", r)
	}
	var report struct {
		Bench   string
		Results []struct{ Name, Encoder, Size, Preset, Content string }
	}
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
		t.Fatalf("standard output is not one JSON object: %v", err)
	}
	for _, content := range []string{"scene", "text", "film"} {
		for _, preset := range []string{"0", "1"} {
			for _, name := range []string{"encode", "bits_per_second", "allocs_per_frame", "psnr", "ssim"} {
				want := struct{ Name, Encoder, Size, Preset, Content string }{name, "openh264", "320x180", preset, content}
				if !slices.Contains(report.Results, want) {
					t.Errorf("%s of preset %s is missing for %s", name, preset, content)
				}
			}
		}
	}
}
