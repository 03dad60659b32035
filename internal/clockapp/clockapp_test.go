//go:build cgo

package clockapp_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
	"github.com/jezek/xgb/xtest"
	"go.uber.org/goleak"

	"nearlight/internal/clockapp"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/xvfbtest"
)

func TestMain(m *testing.M) {
	xgb.Logger.SetOutput(io.Discard) // it reports every server that a test kills
	goleak.VerifyTestMain(m)
}

var screen = media.Size{Width: 640, Height: 360}

// run runs a clock until the test ends, and returns what it ended with when it ends by itself.
func run(t testing.TB, server *xvfbtest.Server, rate float64) <-chan error {
	t.Helper()
	t.Setenv("XAUTHORITY", server.Authority)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- clockapp.Run(ctx, clockapp.Config{Display: server.Display, Rate: rate, Logger: slog.New(slog.DiscardHandler)})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return ended
}

// player is who looks at the clock and presses keys.
type player struct {
	*xgb.Conn
	t        testing.TB
	root     xproto.Window
	property xproto.Atom
}

func newPlayer(t testing.TB, server *xvfbtest.Server) *player {
	t.Helper()
	t.Setenv("XAUTHORITY", server.Authority)
	connection, err := xgb.NewConnDisplay(server.Display)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	p := &player{Conn: connection, t: t, root: xproto.Setup(connection).DefaultScreen(connection).Root}
	p.must(xtest.Init(connection))
	atom, err := xproto.InternAtom(connection, false, uint16(len(clockapp.InputProperty)), clockapp.InputProperty).Reply()
	p.must(err)
	p.property = atom.Atom
	return p
}

func (p *player) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *player) announce(sequence uint32) {
	xproto.ChangeProperty(p.Conn, xproto.PropModeReplace, p.root, p.property, xproto.AtomCardinal, 32, 1,
		[]byte{byte(sequence), byte(sequence >> 8), byte(sequence >> 16), byte(sequence >> 24)})
}

func (p *player) inject(kind, detail byte) {
	p.must(xtest.FakeInputChecked(p.Conn, kind, detail, 0, p.root, 5, 5, 0).Check())
}

// look reads the screen: its BGRX pixels and its marker.
func (p *player) look() (pixels []byte, stamp marker.Stamp, err error) {
	p.t.Helper()
	reply, err := xproto.GetImage(p.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(p.root), 0, 0, uint16(screen.Width), uint16(screen.Height), ^uint32(0)).Reply()
	p.must(err)
	luma := media.Plane{Data: make([]byte, screen.Width*screen.Height), Stride: screen.Width}
	for i := range luma.Data {
		luma.Data[i] = reply.Data[4*i+1]
	}
	stamp, err = marker.Decode(luma, screen)
	return reply.Data, stamp, err
}

// until looks again and again until a picture is as wanted, for 5 s at the most.
func (p *player) until(what string, wanted func(marker.Stamp) bool) (pixels []byte, stamp marker.Stamp) {
	p.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		pixels, stamp, err := p.look()
		if errors.Is(err, marker.ErrChecksum) {
			p.t.Fatal("a torn marker was on the screen")
		}
		if err == nil && wanted(stamp) {
			return pixels, stamp
		}
	}
	p.t.Fatalf("5 s without a picture that %s", what)
	return nil, marker.Stamp{}
}

func anyPicture(marker.Stamp) bool { return true }

func TestTheClockShowsTheTimeItWasDrawnAt(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, clockapp.DefaultRate)
	_, first := p.until("has a marker", anyPicture)
	for range 50 {
		before := media.Now()
		_, stamp := p.until("is newer", func(s marker.Stamp) bool { return s.Counter > first.Counter })
		drawn := stamp.Instant(before)
		if now := media.Now(); drawn > now || now.Sub(drawn) > time.Second {
			t.Fatalf("a picture that is %v old", now.Sub(drawn))
		}
		if drawn <= first.Instant(before) {
			t.Fatalf("picture %d is older than picture %d", stamp.Counter, first.Counter)
		}
		first = stamp
	}
}

func TestTheRateHoldsOnAverage(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, 30)
	_, first := p.until("has a marker", anyPicture)
	_, last := p.until("is 60 later", func(s marker.Stamp) bool { return s.Counter >= first.Counter+60 })
	pictures := float64(last.Counter - first.Counter)
	if rate := pictures / last.Instant(0).Sub(first.Instant(0)).Seconds(); rate < 25 || rate > 30.3 {
		t.Errorf("%.1f pictures a second", rate)
	}
}

func TestAnInputIsAnsweredOnlyWhenItsEventArrived(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, 200)
	_, stamp := p.until("has a marker", anyPicture)
	if stamp.Input != 0 {
		t.Fatalf("answers input %d before any", stamp.Input)
	}
	const keyA, left = 38, 1
	sequence := uint32(70_000)
	for _, input := range []struct {
		name         string
		kind, detail byte
	}{
		{"key press", xproto.KeyPress, keyA}, {"key release", xproto.KeyRelease, keyA}, {"button press", xproto.ButtonPress, left},
		{"button release", xproto.ButtonRelease, left}, {"motion", xproto.MotionNotify, 0},
	} {
		sequence++
		p.announce(sequence)
		_, before := p.until("has a marker", anyPicture)
		_, stamp := p.until("is later", func(s marker.Stamp) bool { return s.Counter >= before.Counter+5 })
		if stamp.Input == sequence {
			t.Errorf("%s: answered when it was only announced", input.name)
		}
		p.inject(input.kind, input.detail)
		p.until("answers the "+input.name, func(s marker.Stamp) bool { return s.Input == sequence })
	}
}

func TestAKeyPressIsSeen(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, clockapp.DefaultRate)
	before, _ := p.until("has a marker", anyPicture)
	p.announce(1)
	p.inject(xproto.KeyPress, 38)
	after, _ := p.until("answers the key", func(s marker.Stamp) bool { return s.Input == 1 })
	if before, after := mean(before), mean(after); distance(before, after) < 30 {
		t.Errorf("mean colour %v before and %v after a key press", before, after)
	}
}

// mean is the average colour of the screen, blue first.
func mean(pixels []byte) (m [3]int) {
	for i := 0; i < len(pixels); i += 4 {
		for c := range m {
			m[c] += int(pixels[i+c])
		}
	}
	for c := range m {
		m[c] /= len(pixels) / 4
	}
	return m
}

func distance(a, b [3]int) (d int) {
	for c := range a {
		d += max(a[c]-b[c], b[c]-a[c])
	}
	return d
}

func TestTheMarkerLeavesNoTraceInThePicture(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, 200)
	// Black and white cells beside the block would be what an earlier picture's marker left behind.
	p.until("is the 150th", func(s marker.Stamp) bool { return s.Counter >= 150 })
	for range 20 {
		pixels, _, err := p.look()
		if err != nil {
			t.Fatal(err)
		}
		for y := range marker.Height + 16 {
			for x := range marker.Width + 16 {
				if x < marker.Width && y < marker.Height {
					continue
				}
				at := pixels[4*(y*screen.Width+x):]
				if at[0] == at[1] && at[1] == at[2] && (at[0] == 0 || at[0] == 255) {
					t.Fatalf("pixel %d,%d is %d", x, y, at[0])
				}
			}
		}
	}
}

func TestTheClockEndsWithItsContextAndWithItsServer(t *testing.T) {
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	ended := run(t, server, clockapp.DefaultRate)
	p.until("has a marker", anyPicture)
	server.Kill()
	if err := <-ended; err == nil {
		t.Error("no error when the server is gone")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	another := xvfbtest.Start(t, screen)
	t.Setenv("XAUTHORITY", another.Authority)
	if err := clockapp.Run(ctx, clockapp.Config{Display: another.Display}); err != nil {
		t.Errorf("ended by its context: %v", err)
	}
}

func TestWhatCannotRunIsRefused(t *testing.T) {
	for _, rate := range []float64{-1, 1e6, 1e-9} {
		if err := clockapp.Run(t.Context(), clockapp.Config{Rate: rate}); err == nil {
			t.Errorf("a rate of %v was taken", rate)
		}
	}
	if err := clockapp.Run(t.Context(), clockapp.Config{Display: ":65000"}); err == nil {
		t.Error("no error without an X server")
	}
	poor := xvfbtest.Start(t, screen, "-extension", "MIT-SHM")
	t.Setenv("XAUTHORITY", poor.Authority)
	if err := clockapp.Run(t.Context(), clockapp.Config{Display: poor.Display}); !errors.Is(err, clockapp.ErrUnavailable) {
		t.Errorf("without shared memory: %v", err)
	}
}

// TestThePictureForPeople writes what the clock looks like where NEARLIGHT_CLOCK_PNG says.
func TestThePictureForPeople(t *testing.T) {
	path := os.Getenv("NEARLIGHT_CLOCK_PNG")
	if path == "" {
		t.Skip("SKIPPED: NEARLIGHT_CLOCK_PNG names no file to write the picture to")
	}
	server := xvfbtest.Start(t, screen)
	p := newPlayer(t, server)
	run(t, server, clockapp.DefaultRate)
	pixels, _ := p.until("has a marker", anyPicture)
	picture := image.NewRGBA(image.Rect(0, 0, screen.Width, screen.Height))
	for i := range screen.Width * screen.Height {
		picture.Set(i%screen.Width, i/screen.Width, color.RGBA{pixels[4*i+2], pixels[4*i+1], pixels[4*i], 255})
	}
	file, err := os.Create(path)
	p.must(err)
	p.must(png.Encode(file, picture))
	p.must(file.Close())
}
