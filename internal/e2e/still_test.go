package e2e

import (
	"testing"
	"time"

	"nearlight/internal/bench"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// Bounds of what an unchanged screen may cost, the race detector's share included.
const (
	stillCores   = 0.15
	stillBitrate = 100_000 // bits a second, of the picture alone
)

// evdevD is the evdev code of the key D.
const evdevD = 32

func TestAStaticScreenIsShownAtOnceCostsNothingAndAnswersAKey(t *testing.T) {
	up := start(t, e2etest.Still(t))
	player := up.Play(t, e2etest.Request{})
	player.App(t, control.AppRunning)
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, func(s e2etest.Shown) bool { return s.Luma > 20 && e2etest.Dark(s) })

	// A picture that does not change is sharpened for a moment, and then only kept alive.
	quiet := 900 * time.Millisecond
	e2etest.Eventually(t, e2etest.Patience, "the picture is sharp", func() bool {
		frames := player.Frames()
		return time.Since(frames[len(frames)-1].At) > quiet
	})
	before, began, seen := usage(t, up), time.Now(), len(player.Frames())
	player.Beats(t, 6)
	took := time.Since(began).Seconds()
	if cores := (usage(t, up) - before).Seconds() / took; cores > stillCores {
		t.Errorf("an unchanged screen takes %.2f cores, more than %v", cores, stillCores)
	}
	bytes := 0
	idle := player.Frames()[seen:]
	for _, f := range idle {
		bytes += f.Bytes
	}
	if rate := float64(bytes) * 8 / took; rate > stillBitrate {
		t.Errorf("an unchanged screen takes %.0f bit/s, more than %d", rate, stillBitrate)
	}
	t.Logf("unchanged for %.1f s: %d frames, %d bytes", took, len(idle), bytes)

	for i, look := range []func(e2etest.Shown) bool{e2etest.Bright, e2etest.Dark} {
		pressed := time.Now()
		player.Send(t, &control.Key{Seq: uint32(2*i + 1), Down: true, Code: evdevD})
		player.Send(t, &control.Key{Seq: uint32(2*i + 2), Code: evdevD})
		shown := player.Picture(t, time.Second, "that the key changed", pressed, look)
		t.Logf("key to decoded picture: %v", shown.At.Sub(pressed))
	}
}

func TestAPlayerWhoComesToAStaticScreenSeesItAtOnce(t *testing.T) {
	up := start(t, e2etest.Still(t))
	first := up.StartDoomed(t)
	session := first.Session
	// Other tests share the machine: the best of a few is what the program can do.
	const enough = 300 * time.Millisecond
	best := time.Hour
	for range 3 {
		player := up.Play(t, e2etest.Request{Resume: session})
		opened := player.Open(t)
		best = min(best, player.Picture(t, e2etest.Patience, "at once", time.Time{}, nil).At.Sub(opened))
		if best < enough {
			break
		}
	}
	if best > enough {
		t.Errorf("the first picture came %v after the connection", best)
	}
	t.Logf("from open channels to the first picture: %v", best)
}

func TestAnOddSizeIsPaddedToAnEvenOne(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "641x361")
	player := up.Play(t, e2etest.Request{})
	shown := player.Picture(t, e2etest.Patience, "of the app", time.Time{}, nil)
	if want := (media.Size{Width: 642, Height: 362}); shown.Size != want {
		t.Errorf("the picture is %v, want %v: 4:2:0 has even sides", shown.Size, want)
	}
	if video := player.Video(t); video.Width != 641 || video.Height != 361 {
		t.Errorf("the player is told %dx%d, want the screen's own 641x361", video.Width, video.Height)
	}
}

// usage is the processor time of the edge alone.
func usage(t *testing.T, up *e2etest.Program) time.Duration {
	t.Helper()
	u, err := bench.ProcessUsage(up.PID())
	if err != nil {
		t.Fatal(err)
	}
	return u.CPU
}
