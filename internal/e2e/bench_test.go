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

func TestTheCheckerBenchmarkReportsWhatAFrameTakes(t *testing.T) {
	t.Parallel()
	r := e2etest.Run(t, e2etest.Options{}, "bench", "checker", "--json", "--encoder", "openh264", "--seconds", "1", "--size", "320x180")
	if r.Code != 0 {
		t.Fatalf("want exit code 0: %v", r)
	}
	var report struct {
		Bench   string
		Results []struct {
			Name, Encoder, Size string
			N                   int
			P50                 float64
			Value               *float64
		}
	}
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
		t.Fatalf("standard output is not one JSON object: %v", err)
	}
	parts, total := 0.0, 0.0
	missing := map[string]bool{}
	for _, name := range []string{"decode", "psnr", "ssim", "marker", "frame_total", "frame_total_cpu", "psnr_and_ssim", "unaided"} {
		missing[name] = true
	}
	values := map[string]bool{"skipped_frames": true, "skipped_frames_cpu": true, "sampled": true, "sampled_decode": true, "markers_unread": true}
	for _, result := range report.Results {
		if result.Encoder != "openh264" || result.Size != "320x180" {
			t.Errorf("labels of %+v", result)
		}
		if missing[result.Name] && result.N == 60 {
			delete(missing, result.Name)
		}
		if values[result.Name] && result.Value != nil && *result.Value >= 0 {
			delete(values, result.Name)
		}
		switch result.Name {
		case "decode", "psnr", "ssim", "marker":
			parts += result.P50
		case "frame_total":
			total = result.P50
		}
	}
	if report.Bench != "checker" || len(missing)+len(values) > 0 {
		t.Errorf("%s: missing %v and %v", report.Bench, missing, values)
	}
	if total <= 0 || parts > 3*total {
		t.Errorf("the sum's median is %v ms, the sum of the medians %v", total, parts)
	}
}
