package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// paced is an encoder that takes its time.
type paced struct {
	encoder.Encoder
	opened *int
	takes  time.Duration
}

func (p paced) Encode(*media.Frame, encoder.Request, func(media.Slice) error) (encoder.Result, error) {
	for began := time.Now(); time.Since(began) < p.takes; { // busy, as encoders are
	}
	return encoder.Result{}, nil
}

func (paced) Capabilities() encoder.Capabilities { return encoder.Capabilities{Speeds: 1} }
func (paced) Close() error                       { return nil }

func pacedCandidate(name, version string, opened *int, takes time.Duration) encoder.Candidate {
	return encoder.Candidate{Name: name, Codec: media.H264, Version: version, Open: func(encoder.Config) (encoder.Encoder, error) {
		*opened++
		return paced{opened: opened, takes: takes}, nil
	}}
}

func TestEncodersAreMeasuredOnceForEachVersion(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	var quick, slow, broken int
	ladder := func(version string) encoder.Ladder {
		return encoder.Ladder{
			pacedCandidate("quick", version, &quick, time.Millisecond),
			pacedCandidate("slow", version, &slow, 30*time.Millisecond),
			{Name: "broken", Codec: media.H264, Open: func(encoder.Config) (encoder.Encoder, error) {
				broken++
				return nil, errors.New("no GPU")
			}},
		}
	}
	config := encoder.Config{Size: media.Size{Width: 64, Height: 64}}
	for _, step := range []struct {
		reason      string
		version     string
		later       time.Duration
		quick, slow int // times that each was opened by then
	}{
		{"nothing is remembered", "1", 0, 1, 1},
		{"both are remembered", "1", time.Hour, 1, 1},
		{"what was too slow gets another chance the next day", "1", 25 * time.Hour, 1, 2},
		{"another version is another encoder", "2", 25 * time.Hour, 2, 3},
	} {
		remembered := newTimings(logger)
		remembered.now = func() time.Time { return time.Now().Add(step.later) }
		found := remembered.measure(t.Context(), ladder(step.version), config)
		if found["quick"][0] < time.Millisecond || found["slow"][0] < 30*time.Millisecond {
			t.Errorf("%s: found %v", step.reason, found)
		}
		if _, ok := found["broken"]; ok {
			t.Errorf("%s: an encoder that does not open was measured", step.reason)
		}
		if quick != step.quick || slow != step.slow {
			t.Errorf("%s: opened %d and %d times, want %d and %d", step.reason, quick, slow, step.quick, step.slow)
		}
	}
	if broken != 4 {
		t.Errorf("what does not open was tried %d times", broken)
	}
}

func TestADamagedMemoryOfEncodersIsMadeAnew(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	path := filepath.Join(folder, timingsFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"", "null", "[1,2]", `{"a":"b"}`, "{"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		opened := 0
		ladder := encoder.Ladder{pacedCandidate("quick", "1", &opened, time.Millisecond)}
		newTimings(logger).measure(t.Context(), ladder, encoder.Config{Size: media.Size{Width: 64, Height: 64}})
		newTimings(logger).measure(t.Context(), ladder, encoder.Config{Size: media.Size{Width: 64, Height: 64}})
		if opened != 1 {
			t.Errorf("after %q it was measured %d times, want once", content, opened)
		}
	}
}
