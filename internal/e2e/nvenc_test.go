//go:build cgo

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
)

// longestTakeover is how long the picture may stand while an encoder takes over, on a machine that also runs other tests.
const longestTakeover = time.Second

// TestWhateverFailsInTheGPUThePlayerPlaysOn is the table of faults: what the player sees of each, and what the log says.
func TestWhateverFailsInTheGPUThePlayerPlaysOn(t *testing.T) {
	t.Parallel()
	folder, broken := t.TempDir(), t.TempDir()
	if err := fakedriver.Build(folder); errors.Is(err, fakedriver.ErrNotBuilt) {
		t.Skipf("SKIPPED: NVENC was not tried: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libcuda.so.1", "libnvidia-encode.so.1"} {
		if err := os.WriteFile(filepath.Join(broken, name), []byte("no library"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		fault     string
		libraries string
		encoders  string
		begins    string // who encodes at first
		ends      string // and after the fault
		instead   string // what the player reads of the encoder that was passed over
		reason    string // and of the one that failed
		log       string
	}{
		{"none", folder, "nvenc,x264", "nvenc", "nvenc", "", "", "encoder=nvenc"},
		{"no-device", folder, "nvenc,x264", "x264", "x264", "no such NVIDIA GPU", "", "no such NVIDIA GPU"},
		{"no-nvenc", folder, "nvenc,x264", "x264", "x264", "offers no NVENC", "", "offers no NVENC"},
		{"session-limit", folder, "nvenc,x264", "x264", "x264", "all encode sessions of this GPU are taken", "", "sessions of this GPU are taken"},
		{"out-of-memory", folder, "nvenc,x264", "x264", "x264", "the GPU's memory is full", "", "memory is full"},
		{"driver-too-old", folder, "nvenc,x264", "x264", "x264", "NVIDIA's driver is too old", "", "driver is too old"},
		{"none", broken, "nvenc,x264", "x264", "x264", "libcuda.so.1", "", "libcuda.so.1"},
		{"device-lost:40", folder, "nvenc,x264", "nvenc", "x264", "", "nvenc failed", "another takes over"},
		{"device-lost:40", folder, "nvenc,vp8", "nvenc", "vp8", "", "nvenc failed", "another takes over"},
		{"slow:40", folder, "nvenc,x264", "nvenc", "nvenc", "", "", "encoder=nvenc"},
	} {
		t.Run(strings.NewReplacer(":", " after ", ",", " then ").Replace(c.fault+" with "+c.encoders)+map[bool]string{true: ", no library"}[c.libraries == broken], func(t *testing.T) {
			t.Parallel()
			options := e2etest.Options{Env: []string{"FAKEDRIVER_FAULT=" + c.fault}}
			up := e2etest.StartWith(t, options, append([]string{
				"--nvidia-libraries", c.libraries, "--encoder", c.encoders, "--size", "640x360", "--",
			}, e2etest.Clock()...)...)
			player := up.Play(t, e2etest.Request{Codecs: []string{string(media.H264), string(media.VP8)}})
			player.Plays(t, 3)
			if video := player.Video(t); video.Encoder != c.begins && video.Encoder != c.ends || !strings.Contains(video.Instead, c.instead) {
				t.Errorf("at first the player reads %+v", video)
			}
			player.Plays(t, 90)
			video := player.Video(t)
			if video.Encoder != c.ends || !strings.Contains(video.Reason, c.reason) || (video.Reason == "") != (c.reason == "") {
				t.Errorf("in the end the player reads %+v", video)
			}
			longest := time.Duration(0)
			frames := player.Frames()[20:] // by then the app draws all the time
			for i := range frames[1:] {
				longest = max(longest, frames[i+1].At.Sub(frames[i].At))
			}
			if longest > longestTakeover {
				t.Errorf("the picture stood for %v", longest)
			}
			if end := up.Stop(t); !strings.Contains(end.Stderr, c.log) {
				t.Errorf("the log does not say %q:\n%s", c.log, end.Stderr)
			}
			t.Logf("%s: %s, then %s; the picture stood for %v at most; the player reads %q", c.fault, c.begins, video.Encoder, longest, video.Instead+video.Reason)
		})
	}
}
