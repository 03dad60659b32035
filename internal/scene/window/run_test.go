//go:build linux && cgo

package window_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/window"
)

var small = media.Size{Width: 640, Height: 360}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func anyMarker(marker.Stamp) bool { return true }

func TestTheScreenShowsAMarkedPictureThatIsNotBlank(t *testing.T) {
	s := startServer(t, small)
	stop := play(t, window.Config{Measure: true})
	first := s.await("a marker", anyMarker)
	s.await("the next picture", func(m marker.Stamp) bool { return m.Counter != first.Counter })
	colours := map[[3]byte]bool{}
	pixels := s.picture(small)
	for i := 0; i < len(pixels); i += 4 {
		colours[[3]byte(pixels[i:i+3])] = true
	}
	if len(colours) < 500 {
		t.Errorf("the picture has %d colours only", len(colours))
	}
	if err := stop(); err != nil {
		t.Errorf("after cancel: %v", err)
	}
}

func TestDrawnToTheWindowItselfThePictureIsTheSame(t *testing.T) {
	s := startServer(t, small)
	stop := play(t, window.Config{Measure: true})
	s.await("a marker", anyMarker)
	indirect := s.picture(small)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ended := s.sync()
	playWith(t, window.RunDirect, window.Config{Measure: true})
	s.await("a marker drawn to the window", func(m marker.Stamp) bool { return m.Instant(media.Now()).Sub(ended) > 0 })
	// They show the first moments of one seed: the same land and sky, in the same colours, the same way up.
	var off int
	direct := s.picture(small)
	for i := range direct {
		off += max(int(direct[i])-int(indirect[i]), int(indirect[i])-int(direct[i]))
	}
	if mean := float64(off) / float64(len(direct)); mean > 12 {
		t.Errorf("the pictures differ by %.1f a component", mean)
	}
}

func TestEveryInputIsAnsweredByTheVeryNextPicture(t *testing.T) {
	s := startServer(t, small)
	play(t, window.Config{Measure: true})
	s.await("a marker", anyMarker)
	const keyA, left = 38, 1
	for i, inject := range []func(){
		func() { s.inject(xproto.KeyPress, keyA, 0, 0) },
		func() { s.inject(xproto.KeyRelease, keyA, 0, 0) },
		func() { s.inject(xproto.MotionNotify, 0, 300, 200) },
		func() { s.inject(xproto.ButtonPress, left, 0, 0) },
		func() { s.inject(xproto.ButtonRelease, left, 0, 0) },
	} {
		sequence := uint32(100 + i)
		s.announce(sequence)
		inject()
		injected := s.sync()
		answer := s.await("the answer", func(m marker.Stamp) bool {
			// Events are taken less than a millisecond before the instant in the marker, when nothing else wants the core.
			if late := m.Instant(media.Now()).Sub(injected); m.Input != sequence && late > 15*time.Millisecond {
				t.Errorf("input %d: a picture of %v after it answers %d", sequence, late, m.Input)
				return true
			}
			return m.Input == sequence
		})
		t.Logf("input %d is answered by a picture of %v after it", sequence, answer.Instant(media.Now()).Sub(injected))
	}
}

func TestInputsThatFollowEachOtherAtOnceAreAnsweredByTheLast(t *testing.T) {
	s := startServer(t, small)
	play(t, window.Config{Measure: true})
	s.await("a marker", anyMarker)
	var last uint32
	for sequence := uint32(1); sequence <= 200; sequence++ {
		s.announce(sequence)
		s.inject(xproto.MotionNotify, 0, int16(100+sequence), 100)
		last = sequence
	}
	s.await("the last input's answer", func(m marker.Stamp) bool {
		if m.Input > last {
			t.Fatalf("answers %d before it came", m.Input)
		}
		return m.Input == last
	})
	s.announce(last + 1) // announced, but no input follows
	s.sync()
	from := s.await("a picture", anyMarker)
	s.await("a few pictures more", func(m marker.Stamp) bool {
		if m.Input != last {
			t.Fatalf("answers %d, which never came", m.Input)
		}
		return m.Counter-from.Counter > 5
	})
}

func TestTheWindowFollowsTheScreensSize(t *testing.T) {
	s := startServer(t, media.Size{Width: 1280, Height: 720})
	if err := randr.Init(s.conn); err != nil {
		t.Skipf("SKIPPED: Xvfb has no RandR, so no size was changed: %v", err)
	}
	play(t, window.Config{Measure: true})
	s.await("a marker", anyMarker)
	smaller := media.Size{Width: 800, Height: 600}
	setScreenSize(t, s, smaller)
	changed := s.sync()
	s.await("a picture of the new size", func(m marker.Stamp) bool {
		return m.Instant(media.Now()).Sub(changed) > 0 && windowSize(s) == smaller && !blankCorner(s, smaller)
	})
}

// setScreenSize adds a mode to the only output and switches to it.
func setScreenSize(t *testing.T, s *server, size media.Size) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	resources, err := randr.GetScreenResources(s.conn, s.root).Reply()
	must(err)
	crtc, output := resources.Crtcs[0], resources.Outputs[0]
	const name = "nearlight-test"
	mode, err := randr.CreateMode(s.conn, s.root, randr.ModeInfo{
		Width: uint16(size.Width), Height: uint16(size.Height), NameLen: uint16(len(name)), DotClock: 1, Htotal: uint16(size.Width), Vtotal: uint16(size.Height),
	}, name).Reply()
	must(err)
	must(randr.AddOutputModeChecked(s.conn, output, mode.Mode).Check())
	configure := func(mode randr.Mode, outputs []randr.Output) {
		_, err := randr.SetCrtcConfig(s.conn, crtc, xproto.TimeCurrentTime, resources.ConfigTimestamp, 0, 0, mode, randr.RotationRotate0, outputs).Reply()
		must(err)
	}
	configure(0, nil)
	must(randr.SetScreenSizeChecked(s.conn, s.root, uint16(size.Width), uint16(size.Height), uint32(size.Width/4), uint32(size.Height/4)).Check())
	configure(mode.Mode, []randr.Output{output})
}

// windowSize is the size of the topmost window.
func windowSize(s *server) media.Size {
	tree, err := xproto.QueryTree(s.conn, s.root).Reply()
	if err != nil || len(tree.Children) == 0 {
		return media.Size{}
	}
	g, err := xproto.GetGeometry(s.conn, xproto.Drawable(tree.Children[len(tree.Children)-1])).Reply()
	if err != nil {
		return media.Size{}
	}
	return media.Size{Width: int(g.Width), Height: int(g.Height)}
}

// blankCorner reports whether the bottom right corner is one flat black.
func blankCorner(s *server, size media.Size) bool {
	pixels := s.picture(size)
	for i := len(pixels) - 4*20; i < len(pixels); i += 4 {
		if pixels[i]|pixels[i+1]|pixels[i+2] != 0 {
			return false
		}
	}
	return true
}

func TestAKilledServerEndsTheRunWithAnError(t *testing.T) {
	s := startServer(t, small)
	ended := make(chan error, 1)
	go func() { ended <- window.Run(t.Context(), window.Config{Measure: true}) }()
	s.await("a marker", anyMarker)
	if err := s.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, window.ErrDisplayGone) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Error("still running")
	}
}

func TestWithoutADisplayRunSaysSo(t *testing.T) {
	t.Setenv("DISPLAY", ":59999")
	if err := window.Run(t.Context(), window.Config{}); !errors.Is(err, window.ErrNoDisplay) {
		t.Errorf("%v", err)
	}
}

func TestARunThatIsCancelledBeforeItStartsEndsCleanly(t *testing.T) {
	startServer(t, small)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := window.Run(ctx, window.Config{}); err != nil {
		t.Error(err)
	}
}
