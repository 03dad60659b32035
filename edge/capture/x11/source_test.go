//go:build cgo

package x11_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"
	"go.uber.org/goleak"

	"nearlight/edge/capture"
	"nearlight/edge/capture/x11"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/xvfbtest"
)

func TestMain(m *testing.M) {
	xgb.Logger.SetOutput(io.Discard) // it reports every server that a test kills
	goleak.VerifyTestMain(m)
}

var small = media.Size{Width: 640, Height: 360}

// painter is a client of the server under test that draws.
type painter struct {
	*xgb.Conn
	t      testing.TB
	screen *xproto.ScreenInfo
	gc     xproto.Gcontext
}

func newPainter(t testing.TB, server *xvfbtest.Server) *painter {
	t.Helper()
	t.Setenv("XAUTHORITY", server.Authority)
	connection, err := xgb.NewConnDisplay(server.Display)
	if err != nil {
		t.Fatal(err)
	}
	return paint(t, connection)
}

// paint draws through a connection, which it closes.
func paint(t testing.TB, connection *xgb.Conn) *painter {
	t.Helper()
	t.Cleanup(connection.Close)
	p := &painter{Conn: connection, t: t, screen: xproto.Setup(connection).DefaultScreen(connection)}
	var err error
	p.gc, err = xproto.NewGcontextId(connection)
	p.must(err)
	p.must(xproto.CreateGCChecked(connection, p.gc, xproto.Drawable(p.screen.Root), xproto.GcSubwindowMode, []uint32{xproto.SubwindowModeIncludeInferiors}).Check())
	return p
}

func (p *painter) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// fill queues one rectangle.
func (p *painter) fill(colour uint32, x, y, width, height int) {
	xproto.ChangeGC(p.Conn, p.gc, xproto.GcForeground, []uint32{colour})
	xproto.PolyFillRectangle(p.Conn, xproto.Drawable(p.screen.Root), p.gc,
		[]xproto.Rectangle{{X: int16(x), Y: int16(y), Width: uint16(width), Height: uint16(height)}})
}

// sync returns when all that was queued is drawn.
func (p *painter) sync() {
	p.t.Helper()
	_, err := xproto.GetInputFocus(p.Conn).Reply()
	p.must(err)
}

// screenshot is the screen as the core protocol tells it, BGRX.
func (p *painter) screenshot(size media.Size) []byte {
	p.t.Helper()
	reply, err := xproto.GetImage(p.Conn, xproto.ImageFormatZPixmap, xproto.Drawable(p.screen.Root), 0, 0, uint16(size.Width), uint16(size.Height), ^uint32(0)).Reply()
	p.must(err)
	return reply.Data
}

// resize makes the screen smaller, as its session would.
func (p *painter) resize(size media.Size) {
	p.t.Helper()
	p.must(randr.Init(p.Conn))
	resources, err := randr.GetScreenResources(p.Conn, p.screen.Root).Reply()
	p.must(err)
	for _, crtc := range resources.Crtcs {
		_, err := randr.SetCrtcConfig(p.Conn, crtc, xproto.TimeCurrentTime, resources.ConfigTimestamp, 0, 0, 0, randr.RotationRotate0, nil).Reply()
		p.must(err)
	}
	p.must(randr.SetScreenSizeChecked(p.Conn, p.screen.Root, uint16(size.Width), uint16(size.Height), 300, 200).Check())
}

func next(t testing.TB, source *x11.Source, idle time.Duration) *media.Frame {
	t.Helper()
	f, err := source.Next(t.Context(), idle)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// settled is the picture after the last change.
func settled(t testing.TB, source *x11.Source) *media.Frame {
	t.Helper()
	for {
		if f := next(t, source, 100*time.Millisecond); f.Still {
			return f
		}
	}
}

// checkShows compares a frame with the screen by the definition of BT.601 in limited range.
func checkShows(t testing.TB, f *media.Frame, bgrx []byte) {
	t.Helper()
	w, h := f.Visible.Width, f.Visible.Height
	pixel := func(x, y int) (r, g, b float64) {
		at := bgrx[4*(min(y, h-1)*w+min(x, w-1)):]
		return float64(at[2]), float64(at[1]), float64(at[0])
	}
	off := func(sample byte, want float64) bool { return float64(sample) < want-3 || float64(sample) > want+3 }
	for y := range f.Coded.Height {
		for x := range f.Coded.Width {
			r, g, b := pixel(x, y)
			if want := 16 + (65.481*r+128.553*g+24.966*b)/255; off(f.Y.Data[y*f.Y.Stride+x], want) {
				t.Fatalf("luma at %d,%d is %d, the screen's %.0f", x, y, f.Y.Data[y*f.Y.Stride+x], want)
			}
			if f.Chroma == media.Chroma444 {
				u, v := 128+(-37.797*r-74.203*g+112*b)/255, 128+(112*r-93.786*g-18.214*b)/255
				if gotU, gotV := f.U.Data[y*f.U.Stride+x], f.V.Data[y*f.V.Stride+x]; off(gotU, u) || off(gotV, v) {
					t.Fatalf("chroma at %d,%d is %d %d, the screen's %.0f %.0f", x, y, gotU, gotV, u, v)
				}
				continue
			}
			if x%2 == 1 || y%2 == 1 {
				continue
			}
			var u, v float64
			for _, d := range [...][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}} {
				r, g, b := pixel(x+d[0], y+d[1])
				u += (128 + (-37.797*r-74.203*g+112*b)/255) / 4
				v += (128 + (112*r-93.786*g-18.214*b)/255) / 4
			}
			if gotU, gotV := f.U.Data[y/2*f.U.Stride+x/2], f.V.Data[y/2*f.V.Stride+x/2]; off(gotU, u) || off(gotV, v) {
				t.Fatalf("chroma at %d,%d is %d %d, the screen's %.0f %.0f", x, y, gotU, gotV, u, v)
			}
		}
	}
}

func TestTheFirstPictureIsTheScreenAsItIs(t *testing.T) {
	server := xvfbtest.Start(t, small)
	p := newPainter(t, server)
	p.fill(0x305070, 0, 0, 640, 360)
	p.fill(0xffe0c0, 13, 17, 101, 55)
	p.sync()
	source := open(t, server, x11.Config{})
	f := next(t, source, 0)
	if f.Still || f.Visible != small || source.Size() != small {
		t.Errorf("still %v, %v, %v", f.Still, f.Visible, source.Size())
	}
	if d, g, c := f.Times.Damaged, f.Times.Grabbed, f.Times.Converted; d == 0 || g < d || c < g || c > media.Now() {
		t.Errorf("stages out of order: %+v", f.Times)
	}
	checkShows(t, f, p.screenshot(small))
}

func TestNoDamageIsLostUnderAStormOfSmallDraws(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 240})
	p := newPainter(t, server)
	random := rand.New(rand.NewPCG(3, 3))
	for round := range 10 {
		drawn := make(chan struct{})
		go func() {
			defer close(drawn)
			for n := range 1500 {
				p.fill(random.Uint32()&0xffffff, random.IntN(640), random.IntN(360), 1+random.IntN(40), 1+random.IntN(40))
				if n%50 == round {
					p.sync()
				}
			}
			p.sync()
		}()
		for storming := true; storming; {
			next(t, source, 20*time.Millisecond)
			select {
			case <-drawn:
				storming = false
			default:
			}
		}
		checkShows(t, settled(t, source), p.screenshot(small))
	}
}

func TestAServerOfAnotherUserAndIPCNamespaceIsCaptured(t *testing.T) {
	server := xvfbtest.StartApart(t, small)
	source := open(t, server, x11.Config{})
	startClock(t, server, 59.7)
	for range 50 {
		f := next(t, source, time.Second)
		if _, err := marker.Decode(f.Y, f.Visible); err == nil {
			return
		}
	}
	t.Error("50 frames without the clock's marker")
}

func TestASmallChangeTouchesNothingElse(t *testing.T) {
	server := xvfbtest.Start(t, small)
	p := newPainter(t, server)
	source := open(t, server, x11.Config{FrameRate: 1000})
	settled(t, source)
	random := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		p.fill(random.Uint32()&0xffffff, random.IntN(640), random.IntN(360), 1+random.IntN(9), 1+random.IntN(9))
		p.sync()
		next(t, source, time.Second)
	}
	checkShows(t, settled(t, source), p.screenshot(small))
}

func TestOddSizesArePaddedByTheLastRowAndColumn(t *testing.T) {
	for _, chroma := range []media.Chroma{media.Chroma420, media.Chroma444} {
		t.Run(chroma.String(), func(t *testing.T) { padded(t, chroma) })
	}
}

func padded(t *testing.T, chroma media.Chroma) {
	odd := media.Size{Width: 321, Height: 181}
	server := xvfbtest.Start(t, odd)
	p := newPainter(t, server)
	source := open(t, server, x11.Config{Chroma: chroma})
	random := rand.New(rand.NewPCG(8, 8))
	for range 20 {
		p.fill(random.Uint32()&0xffffff, 200+random.IntN(121), 100+random.IntN(81), 121, 81)
		p.sync()
		if f := next(t, source, 50*time.Millisecond); f.Visible != odd || f.Coded != odd.Even() {
			t.Fatalf("visible %v, coded %v", f.Visible, f.Coded)
		}
	}
	checkShows(t, settled(t, source), p.screenshot(odd))
}

func TestAPictureDrawnByOneRequestIsNeverTorn(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 240})
	p := newPainter(t, server)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for colour := uint32(0); ; colour += 0x0f0f0f {
			select {
			case <-stop:
				return
			default:
				p.fill(colour&0xffffff, 0, 0, 640, 360)
				p.sync()
			}
		}
	}()
	next(t, source, 0)
	for n := range 200 {
		f := next(t, source, time.Second)
		if f.Still {
			t.Fatal("a picture that changes all the time is still")
		}
		for y := range 360 {
			for x := range 640 {
				if f.Y.Data[y*f.Y.Stride+x] != f.Y.Data[0] {
					t.Fatalf("frame %d is torn at %d,%d", n, x, y)
				}
			}
		}
	}
	close(stop)
	<-stopped
}

func TestEveryPictureOfTheClockArrivesWholeAndInTime(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	startClock(t, server, 59.7)
	var last marker.Stamp
	for n, read := 0, 0; read < 120; n++ {
		f := next(t, source, time.Second)
		stamp, err := marker.Decode(f.Y, f.Visible)
		if errors.Is(err, marker.ErrAbsent) && read == 0 && n < 20 {
			continue // the clock's window is not there yet
		}
		if err != nil {
			t.Fatalf("frame %d: %v", n, err)
		}
		if read > 0 && stamp.Counter <= last.Counter {
			t.Errorf("picture %d after %d", stamp.Counter, last.Counter)
		}
		if drawn := stamp.Instant(f.Times.Damaged); drawn > f.Times.Grabbed {
			t.Errorf("picture %d was drawn %v after it was grabbed", stamp.Counter, drawn.Sub(f.Times.Grabbed))
		}
		last, read = stamp, read+1
	}
	// A busy machine may skip some, a capture that waits for the next damage would skip half.
	if last.Counter > 150 {
		t.Errorf("120 of %d pictures arrived", last.Counter)
	}
}

func TestAStampSaysWhenTheDamageCameAndWhichInputWasBefore(t *testing.T) {
	server := xvfbtest.Start(t, small)
	p := newPainter(t, server)
	var input atomic.Uint32
	source := open(t, server, x11.Config{Stamp: true, Input: &input})
	next(t, source, 0)
	input.Store(41)
	p.fill(0xffffff, 0, 0, 640, 360)
	p.sync()
	f := next(t, source, time.Second)
	stamp, err := marker.Decode(f.Y, f.Visible)
	if err != nil {
		t.Fatal(err)
	}
	if stamp.Input != 41 || f.Input != 41 || stamp.Instant(media.Now()) != f.Times.Damaged/1000*1000 {
		t.Errorf("%+v for input %d, damaged at %d", stamp, f.Input, f.Times.Damaged)
	}
	input.Store(42)
	if f := next(t, source, time.Millisecond); !f.Still || f.Input != 41 {
		t.Errorf("an unchanged picture (still %v) claims to answer input %d", f.Still, f.Input)
	}
}

func TestTheFrameRateIsCapped(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 20})
	startClock(t, server, 200)
	count := func(frames int) float64 {
		next(t, source, 0)
		start := media.Now()
		for range frames {
			next(t, source, 0)
		}
		return float64(frames) / media.Now().Sub(start).Seconds()
	}
	if rate := count(20); rate > 21.5 {
		t.Errorf("%.1f frames a second at a cap of 20", rate)
	}
	source.SetFrameRate(50)
	if rate := count(50); rate > 53.5 || rate < 22 {
		t.Errorf("%.1f frames a second at a cap of 50", rate)
	}
}

func TestAnUnchangedScreenIsStillAndCostsNothing(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	settled(t, source)
	var before, after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		t.Fatal(err)
	}
	start := media.Now()
	for range 4 {
		asked := media.Now()
		f := next(t, source, 250*time.Millisecond)
		if !f.Still || f.Times.Damaged.Sub(asked) < 249*time.Millisecond {
			t.Fatalf("still %v after %v", f.Still, f.Times.Damaged.Sub(asked))
		}
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		t.Fatal(err)
	}
	spent := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	if share := spent.Seconds() / media.Now().Sub(start).Seconds(); share > 0.02 {
		t.Errorf("%.1f %% of a core on an unchanged screen", 100*share)
	}
}

func TestAFrameDoesNotAllocate(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{Stamp: true})
	startClock(t, server, 200)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed error
	allocations := testing.AllocsPerRun(60, func() {
		if _, err := source.Next(ctx, time.Second); err != nil {
			failed = err
		}
	})
	if failed != nil || allocations != 0 {
		t.Errorf("%v allocations a frame, %v", allocations, failed)
	}
}

func TestASizeChangeIsFollowed(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 240})
	p := newPainter(t, server)
	p.fill(0x808080, 0, 0, 640, 360)
	p.sync()
	settled(t, source)
	for _, size := range []media.Size{{Width: 320, Height: 200}, {Width: 640, Height: 360}, {Width: 401, Height: 301}} {
		p.resize(size)
		p.fill(0x4080c0, 0, 0, size.Width, size.Height)
		p.fill(0xc08040, size.Width/2, size.Height/2, size.Width, size.Height)
		p.sync()
		f := settled(t, source)
		if f.Visible != size || source.Size() != size {
			t.Fatalf("resized to %v: frame of %v, Size %v", size, f.Visible, source.Size())
		}
		checkShows(t, f, p.screenshot(size))
	}
}

func TestSizeChangesUnderFullLoadDoNoHarm(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 1000})
	p := newPainter(t, server)
	sizes := []media.Size{{Width: 320, Height: 200}, {Width: 640, Height: 360}, {Width: 200, Height: 352}, {Width: 17, Height: 19}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 60 {
			p.resize(sizes[n%len(sizes)])
			for range 20 {
				p.fill(uint32(n*77777)&0xffffff, 0, 0, 640, 360)
			}
		}
		p.resize(small)
		p.sync()
	}()
	for changing := true; changing; {
		next(t, source, 5*time.Millisecond)
		select {
		case <-done:
			changing = false
		default:
		}
	}
	f := settled(t, source)
	if f.Visible != small {
		t.Fatalf("ended at %v", f.Visible)
	}
	checkShows(t, f, p.screenshot(small))
}

// blocked calls Next in a goroutine, after making sure that it will block, and returns its error.
func blocked(t testing.TB, ctx context.Context, source *x11.Source) <-chan error {
	t.Helper()
	settled(t, source)
	entered, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		close(entered)
		_, err := source.Next(ctx, 0)
		ended <- err
	}()
	<-entered
	return ended
}

func await(t testing.TB, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("Next did not return within 10 s")
		return nil
	}
}

func TestCloseMakesAWaitingNextReturn(t *testing.T) {
	for range 20 {
		server := xvfbtest.Start(t, media.Size{Width: 64, Height: 64})
		source := open(t, server, x11.Config{})
		ended := blocked(t, t.Context(), source)
		if err := source.Close(); err != nil {
			t.Fatal(err)
		}
		if err := await(t, ended); !errors.Is(err, capture.ErrGone) {
			t.Fatalf("Next returned %v", err)
		}
		if _, err := source.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
			t.Fatalf("Next after Close returned %v", err)
		}
		server.Kill()
	}
}

func TestAContextThatEndsMakesAWaitingNextReturnAndTheNextOneGoesOn(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := blocked(t, ctx, source)
		cancel()
		if err := await(t, ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("Next returned %v", err)
		}
	}
	if f := next(t, source, time.Millisecond); !f.Still {
		t.Error("a cancelled wait made a frame")
	}
}

func TestAServerThatHangsDelaysNeitherCloseNorAContext(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	p := newPainter(t, server)
	settled(t, source)
	// The fill reaches the server's socket before it is frozen or after: either way Next waits, for damage or for a reply.
	p.fill(0xffffff, 0, 0, 640, 360)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for {
		if _, err := source.Next(ctx, 0); err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			break
		}
	}
	hung, cancelOpen := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelOpen()
	if _, err := x11.Open(hung, x11.Config{Socket: server.Socket, Cookie: server.Cookie}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open of a server that hangs returned %v", err)
	}
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAServerThatIsKilledIsGone(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	ended := blocked(t, t.Context(), source)
	server.Kill()
	if err := await(t, ended); !errors.Is(err, capture.ErrGone) {
		t.Errorf("Next returned %v", err)
	}
	if _, err := source.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
		t.Errorf("and then %v", err)
	}
}

func TestAServerKilledWhileItIsGrabbedIsGone(t *testing.T) {
	for range 5 {
		server := xvfbtest.Start(t, small)
		source := open(t, server, x11.Config{FrameRate: 1000})
		p := newPainter(t, server)
		for n := range 20 {
			p.fill(uint32(n), 0, 0, 640, 360)
		}
		next(t, source, 0)
		killed := make(chan struct{})
		go func() { defer close(killed); server.Kill() }()
		var err error
		for err == nil {
			_, err = source.Next(t.Context(), 0)
		}
		if !errors.Is(err, capture.ErrGone) {
			t.Fatal(err)
		}
		<-killed
	}
}

func TestTheCursorsShapeIsDeliveredAndAHiddenOneIsEmpty(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	p := newPainter(t, server)
	settled(t, source)
	first := <-source.Cursors()
	font, err := xproto.NewFontId(p.Conn)
	p.must(err)
	p.must(xproto.OpenFontChecked(p.Conn, font, 6, "cursor").Check())
	cross, err := xproto.NewCursorId(p.Conn)
	p.must(err)
	const crosshair = 34 // X11/cursorfont.h
	p.must(xproto.CreateGlyphCursorChecked(p.Conn, cross, font, font, crosshair, crosshair+1, 0xffff, 0, 0, 0, 0, 0).Check())
	set := func(cursor xproto.Cursor) capture.Cursor {
		p.must(xproto.ChangeWindowAttributesChecked(p.Conn, p.screen.Root, xproto.CwCursor, []uint32{uint32(cursor)}).Check())
		settled(t, source)
		return <-source.Cursors()
	}
	shown := set(cross)
	if shown.Serial == first.Serial || len(shown.RGBA) == 0 || len(shown.RGBA) != 4*shown.Size.Width*shown.Size.Height {
		t.Fatalf("crosshair: serial %d after %d, %v, %d octets", shown.Serial, first.Serial, shown.Size, len(shown.RGBA))
	}
	red := false
	for at := 0; at < len(shown.RGBA); at += 4 {
		red = red || [4]byte(shown.RGBA[at:]) == [4]byte{0xff, 0, 0, 0xff}
	}
	if !red || shown.HotX == 0 || shown.HotX >= shown.Size.Width || shown.HotY >= shown.Size.Height {
		t.Errorf("the crosshair has red in it: %v; its hot spot is %d,%d of %v", red, shown.HotX, shown.HotY, shown.Size)
	}
	bitmap, err := xproto.NewPixmapId(p.Conn)
	p.must(err)
	p.must(xproto.CreatePixmapChecked(p.Conn, 1, bitmap, xproto.Drawable(p.screen.Root), 8, 8).Check())
	gc, err := xproto.NewGcontextId(p.Conn)
	p.must(err)
	p.must(xproto.CreateGCChecked(p.Conn, gc, xproto.Drawable(bitmap), xproto.GcForeground, []uint32{0}).Check())
	p.must(xproto.PolyFillRectangleChecked(p.Conn, xproto.Drawable(bitmap), gc, []xproto.Rectangle{{Width: 8, Height: 8}}).Check())
	blank, err := xproto.NewCursorId(p.Conn)
	p.must(err)
	p.must(xproto.CreateCursorChecked(p.Conn, blank, bitmap, bitmap, 0, 0, 0, 0, 0, 0, 0, 0).Check())
	if hidden := set(blank); len(hidden.RGBA) != 0 || hidden.Size != (media.Size{}) {
		t.Errorf("a blank cursor is %v with %d octets", hidden.Size, len(hidden.RGBA))
	}
}

func TestTheCursorsShapeIsDeliveredThoughTheAppNeverStopsDrawing(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{FrameRate: 1000})
	p := newPainter(t, server)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for colour := uint32(0); ; colour++ {
			select {
			case <-stop:
				return
			default:
				p.fill(colour&0xffffff, 0, 0, 640, 360)
				p.sync()
			}
		}
	}()
	for n := 0; ; n++ {
		select {
		case <-source.Cursors():
			close(stop)
			<-stopped
			return
		default:
		}
		if n == 500 {
			t.Fatal("500 frames without the cursor")
		}
		next(t, source, time.Second)
	}
}

func TestTheCursorIsNotInThePicture(t *testing.T) {
	server := xvfbtest.Start(t, small)
	source := open(t, server, x11.Config{})
	p := newPainter(t, server)
	p.fill(0x606060, 0, 0, 640, 360)
	p.sync()
	settled(t, source)
	p.must(xproto.WarpPointerChecked(p.Conn, 0, p.screen.Root, 0, 0, 0, 0, 200, 100).Check())
	p.fill(0x606061, 0, 0, 640, 360)
	p.sync()
	f := settled(t, source)
	for i := range 64 {
		if got := f.Y.Data[(90+i/2)*f.Y.Stride+190+i]; got != f.Y.Data[0] {
			t.Fatalf("something is drawn over the screen at the pointer: %d beside %d", got, f.Y.Data[0])
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	server := xvfbtest.Start(t, small)
	missing := filepath.Join(t.TempDir(), "X7")
	if _, err := x11.Open(t.Context(), x11.Config{Socket: missing}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	if _, err := x11.Open(t.Context(), x11.Config{Socket: server.Socket, Cookie: make([]byte, 16)}); err == nil {
		t.Error("a wrong cookie was let in")
	}
	if _, err := x11.Open(t.Context(), x11.Config{Socket: server.Socket}); err == nil {
		t.Error("no cookie was let in")
	}
	if _, err := x11.Open(t.Context(), x11.Config{Socket: server.Socket, Cookie: server.Cookie, FrameRate: -1}); err == nil {
		t.Error("a negative frame rate was taken")
	}
	for _, lacking := range []string{"MIT-SHM", "DAMAGE", "XFIXES", "RANDR"} {
		poor := xvfbtest.Start(t, small, "-extension", lacking)
		if _, err := x11.Open(t.Context(), x11.Config{Socket: poor.Socket, Cookie: poor.Cookie}); !errors.Is(err, x11.ErrUnavailable) {
			t.Errorf("without %s: %v", lacking, err)
		}
	}
	shallow := xvfbtest.Start(t, small, "-screen", "0", "640x360x16")
	if _, err := x11.Open(t.Context(), x11.Config{Socket: shallow.Socket, Cookie: shallow.Cookie}); !errors.Is(err, x11.ErrUnavailable) {
		t.Errorf("depth 16: %v", err)
	}
	tiny := xvfbtest.Start(t, media.Size{Width: 8, Height: 8})
	if _, err := x11.Open(t.Context(), x11.Config{Socket: tiny.Socket, Cookie: tiny.Cookie}); !errors.Is(err, media.ErrSize) {
		t.Errorf("8x8: %v", err)
	}
}
