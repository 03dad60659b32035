//go:build cgo

package e2e

import (
	"errors"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/challenge/redraw"
	"nearlight/checker/eye"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/signaling/client"
)

func painter(task arena.Task, size media.Size) (eye.Painter, error) {
	p, err := redraw.Open(task, size)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func TestAChallengedEdgeDrawsWhatItIsAsked(t *testing.T) {
	plan := challenge.Plan{
		Task: arena.Task{Seed: 2026, Objects: 24}, Size: media.Size{Width: 640, Height: 360}, FrameRate: 30,
		Length: 6 * time.Second, Every: 500 * time.Millisecond, Share: 0.1,
	}
	limits := challenge.DefaultLimits
	// This machine draws, codes, decodes and runs other tests on a few cores: its pace is not what is tested here.
	limits.Overhead, limits.Late, limits.Missed, limits.Repeated = time.Second, time.Second, 0.7, 0.1
	flags := []string{"--size", plan.Size.String(), "--max-size", plan.Size.String(), "--fps", "30", "--encoder", "x264"}
	t.Run("on a display", func(t *testing.T) { challenged(t, start(t, e2etest.Still(t), flags...), plan, limits) })
	t.Run("without a display", func(t *testing.T) {
		challenged(t, e2etest.Start(t, append(flags, "--app", "scene", "--display", "offscreen")...), plan, limits)
	})
}

// challenged gives an honest edge a challenge, in which nothing is to be found.
func challenged(t *testing.T, up *e2etest.Program, plan challenge.Plan, limits challenge.Limits) {
	t.Helper()
	sight, err := eye.Look(t.Context(), eye.Visit{
		Signaling: client.Config{URL: up.URL}, Token: up.Token, App: "challenge", Codecs: []media.Codec{media.H264},
		Challenge: &plan, Limits: &limits, Painter: painter,
	})
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED %s: EGL has no renderer here, so nothing was drawn: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatalf("%v, after %+v", err, sight)
	}
	if sight.Challenge == nil {
		t.Fatal("there is no verdict")
	}
	for _, f := range sight.Challenge.Findings {
		t.Log(f)
		if !f.Passed() {
			t.Errorf("an honest edge does not pass: %v", f)
		}
	}
	if len(sight.Challenge.Findings) < 6 {
		t.Errorf("%d findings only", len(sight.Challenge.Findings))
	}
	if sight.RoundTrip <= 0 || sight.Latency.Frames == 0 || sight.Quality.Known == 0 || sight.Quality.Upscaled > 0.5 {
		t.Errorf("seen: %+v", sight)
	}
}
