package wayland_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/edge/sandbox/sandboxtest"
	"nearlight/internal/bench"
	"nearlight/internal/clockapp"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

// slot keeps the displays of these tests apart from others'.
const slot = 27

// patience is for a compositor on a busy machine.
const patience = 10 * time.Second

var small = media.Size{Width: 640, Height: 360}

// desk is a real compositor, and a client of its X server that draws.
type desk struct {
	t testing.TB
	*display.Display
	x    *xgb.Conn
	root xproto.Window
	gc   xproto.Gcontext
}

func start(t *testing.T, size media.Size) *desk {
	t.Helper()
	if err := display.Wayland.Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	identity, err := sandbox.IdentityFor(slot)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t}
	d.Display, err = display.Start(t.Context(), display.Config{
		Kind: display.Wayland, Sandbox: sandboxtest.Probe(t), Identity: identity, Slot: slot, Folder: sandboxtest.Folder(t, identity),
		Size: size, MaxSize: media.Size{Width: 1280, Height: 720},
	})
	d.must(err)
	t.Cleanup(func() { d.must(d.Close()) })
	d.x, err = d.Dial(t.Context())
	d.must(err)
	t.Cleanup(d.x.Close)
	d.root = xproto.Setup(d.x).DefaultScreen(d.x).Root
	d.gc, err = xproto.NewGcontextId(d.x)
	d.must(err)
	d.must(xproto.CreateGCChecked(d.x, d.gc, xproto.Drawable(d.root), 0, nil).Check())
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) open(config wayland.Config) *wayland.Source {
	d.t.Helper()
	config.Socket = d.CompositorSocket()
	source, err := wayland.Open(d.t.Context(), config)
	d.must(err)
	d.t.Cleanup(func() { d.must(source.Close()) })
	return source
}

func (d *desk) fill(colour uint32, x, y, width, height int) {
	d.t.Helper()
	d.must(d.draw(colour, x, y, width, height))
}

// draw is fill for other goroutines than the test's.
func (d *desk) draw(colour uint32, x, y, width, height int) error {
	xproto.ChangeGC(d.x, d.gc, xproto.GcForeground, []uint32{colour})
	return xproto.PolyFillRectangleChecked(d.x, xproto.Drawable(d.root), d.gc, []xproto.Rectangle{
		{X: int16(x), Y: int16(y), Width: uint16(width), Height: uint16(height)},
	}).Check()
}

// clock shows the benchmarks' clock, which does not allocate either.
func (d *desk) clock(rate float64) {
	d.t.Helper()
	d.t.Setenv("XAUTHORITY", d.Authority())
	known := "/tmp/.X11-unix/X" + strings.TrimPrefix(d.Name(), ":") // where libxcb looks
	d.must(os.Symlink(d.Socket(), known))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- clockapp.Run(ctx, clockapp.Config{Display: d.Name(), Rate: rate}) }()
	d.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			d.t.Errorf("clock: %v", err)
		}
		d.must(os.Remove(known))
	})
}

func (d *desk) next(source *wayland.Source, idle time.Duration) *media.Frame {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f, err := source.Next(ctx, idle)
	d.must(err)
	return f
}

// settled waits until nothing changes any more.
func (d *desk) settled(source *wayland.Source) {
	d.t.Helper()
	for !d.next(source, 300*time.Millisecond).Still {
	}
}

// shows waits for a picture that looks as it should. What was lost never comes: nothing is drawn meanwhile.
func (d *desk) shows(source *wayland.Source, what string, looks func(f *media.Frame) bool) *media.Frame {
	d.t.Helper()
	for end := time.Now().Add(patience); ; {
		f := d.next(source, 50*time.Millisecond)
		if looks(f) {
			return f
		}
		if time.Now().After(end) {
			d.t.Fatalf("no picture of %v shows %s", f.Visible, what)
		}
	}
}

func luma(f *media.Frame, x, y int) byte { return f.Y.Data[y*f.Y.Stride+x] }

// Luma of black and white in BT.601 limited range.
const black, white = 16, 235

func TestWhatIsDrawnArrives(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{})
	if source.Size() != small {
		t.Errorf("the screen is %v", source.Size())
	}
	d.shows(source, "an empty screen", func(f *media.Frame) bool {
		return f.Visible == small && luma(f, 0, 0) == black && luma(f, 639, 359) == black
	})
	d.fill(0xffffff, 100, 50, 20, 10)
	f := d.shows(source, "what was drawn", func(f *media.Frame) bool { return luma(f, 110, 55) == white })
	for _, at := range []struct {
		x, y int
		want byte
	}{{100, 50, white}, {119, 59, white}, {98, 50, black}, {120, 59, black}, {100, 48, black}, {119, 60, black}} {
		if got := luma(f, at.x, at.y); got != at.want {
			t.Errorf("at %d,%d the luma is %d, want %d", at.x, at.y, got, at.want)
		}
	}
}

func TestAnUnchangedScreenIsStillAndCostsNothing(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{})
	d.settled(source)
	var before, after syscall.Rusage
	d.must(syscall.Getrusage(syscall.RUSAGE_SELF, &before))
	compositor := d.used()
	for range 10 {
		if f := d.next(source, 100*time.Millisecond); !f.Still {
			t.Fatal("a picture came though nothing was drawn")
		}
	}
	d.must(syscall.Getrusage(syscall.RUSAGE_SELF, &after))
	spent := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	if spent > 50*time.Millisecond {
		t.Errorf("we used %v of a second on an unchanged screen", spent)
	}
	if spent := d.used() - compositor; spent > 100*time.Millisecond {
		t.Errorf("the display used %v of a second on an unchanged screen", spent)
	}
}

// used is the processor time of the display so far.
func (d *desk) used() (sum time.Duration) {
	for _, pid := range d.PIDs() {
		if usage, err := bench.ProcessUsage(pid); err == nil {
			sum += usage.CPU
		}
	}
	return sum
}

func TestDamageWakesAWaitingNext(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{})
	d.settled(source)
	for n := range 10 {
		drawn := media.Now()
		d.fill(uint32(n*0x0a0a0a+0x101010), 0, 0, 640, 360)
		f := d.next(source, 0)
		switch took := f.Times.Converted.Sub(drawn); {
		case f.Still:
			t.Fatal("a repeat though something was drawn")
		case took > time.Second: // usually some 5 ms; the machine may be busy
			t.Errorf("a change was seen after %v", took)
		}
		if times := f.Times; times.Damaged < drawn || times.GrabBegun > times.Grabbed || times.Grabbed > times.Converted {
			t.Errorf("drawn at %v, and then %+v", drawn, times)
		}
		d.settled(source)
	}
}

func TestTheNewestPictureWinsAndTheFrameRateIsCapped(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{FrameRate: 10})
	d.settled(source)
	stop, stopped := make(chan struct{}), make(chan uint32)
	go func() {
		for colour := uint32(0); ; colour++ {
			select {
			case <-stop:
				stopped <- colour - 1
				return
			case <-time.After(2 * time.Millisecond):
				if err := d.draw(colour%200*0x010101, 0, 0, 640, 360); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	frames := 0
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); frames++ {
		if d.next(source, 0).Still {
			t.Error("a repeat though the screen changes all the time")
		}
	}
	close(stop)
	last := <-stopped
	if frames < 12 || frames > 23 {
		t.Errorf("%d frames in two seconds at a cap of 10 a second", frames)
	}
	source.SetFrameRate(240)
	want := byte(16 + float64(last%200)*219/255 + 0.5)
	d.shows(source, fmt.Sprintf("luma %d, which was drawn last", want), func(f *media.Frame) bool {
		got := luma(f, 320, 180)
		return got >= want-1 && got <= want+1
	})
}

func TestASizeChangeIsFollowed(t *testing.T) {
	d := start(t, media.Size{Width: 1280, Height: 720})
	source := d.open(wayland.Config{FrameRate: 240})
	d.settled(source)
	for _, size := range []media.Size{{Width: 1280, Height: 480}, small, {Width: 401, Height: 301}, {Width: 320, Height: 200}} {
		d.must(d.Resize(size))
		filled := func(want byte) func(f *media.Frame) bool {
			return func(f *media.Frame) bool {
				return f.Visible == size && luma(f, 0, 0) == want && luma(f, size.Width-1, size.Height-1) == want &&
					luma(f, f.Coded.Width-1, f.Coded.Height-1) == want
			}
		}
		for range 5 { // the X server takes turns with its buffers
			d.fill(0, 0, 0, size.Width, size.Height)
			d.shows(source, "black", filled(black))
			d.fill(0xffffff, 0, 0, size.Width, size.Height)
			d.shows(source, "white", filled(white))
		}
		if source.Size() != size {
			t.Errorf("resized to %v, and the size is %v", size, source.Size())
		}
	}
}

func TestAStampSaysWhenThePictureWasMade(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{Stamp: true})
	f := d.next(source, 0)
	read, err := marker.Decode(f.Y, f.Visible)
	d.must(err)
	if at := read.Instant(f.Times.Damaged); at.Sub(f.Times.Damaged).Abs() > time.Millisecond {
		t.Errorf("the marker says %v, the frame %v", at, f.Times.Damaged)
	}
}

func TestAFrameDoesNotAllocate(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{Stamp: true, FrameRate: 1000})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.next(source, 0)
	var failed error
	perStill := testing.AllocsPerRun(20, func() {
		if _, err := source.Next(ctx, time.Millisecond); err != nil {
			failed = err
		}
	})
	d.clock(200)
	perFrame := testing.AllocsPerRun(60, func() {
		if f, err := source.Next(ctx, time.Second); err != nil || f.Still {
			failed = fmt.Errorf("no frame: %w", err)
		}
	})
	if failed != nil || perStill != 0 || perFrame != 0 {
		t.Errorf("%v allocations a repeat, %v a frame, %v", perStill, perFrame, failed)
	}
}

func TestCloseAndAContextMakeAWaitingNextReturn(t *testing.T) {
	d := start(t, small)
	source := d.open(wayland.Config{})
	d.settled(source)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	wait := func(ctx context.Context) {
		go func() {
			_, err := source.Next(ctx, 0)
			ended <- err
		}()
		time.Sleep(20 * time.Millisecond) // most likely it waits by now; if not, it returns all the same
	}
	wait(ctx)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("after its context had ended: %v", err)
	}
	d.fill(0xffffff, 0, 0, 640, 360)
	if f := d.next(source, 0); f.Still {
		t.Error("the next one does not go on")
	}
	wait(t.Context())
	d.must(source.Close())
	if err := <-ended; !errors.Is(err, capture.ErrGone) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := source.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
		t.Errorf("on a closed source: %v", err)
	}
}

func TestACompositorThatIsKilledIsGone(t *testing.T) {
	for _, name := range []string{"sway", "Xwayland"} {
		t.Run(name, func(t *testing.T) {
			d := start(t, small)
			source := d.open(wayland.Config{})
			d.settled(source)
			ended := make(chan error, 1)
			go func() {
				for { // without its X server, sway shows a last picture
					if _, err := source.Next(context.Background(), 0); err != nil {
						ended <- err
						return
					}
				}
			}()
			d.kill(name)
			if err := <-ended; !errors.Is(err, capture.ErrGone) {
				t.Errorf("got %v", err)
			}
			<-d.Done()
		})
	}
}

func (d *desk) kill(name string) {
	d.t.Helper()
	for _, pid := range d.PIDs() {
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(comm)) == name {
			d.must(syscall.Kill(pid, syscall.SIGKILL))
			return
		}
	}
	d.t.Fatalf("there is no %s", name)
}

func TestNothingIsLeftOpen(t *testing.T) {
	d := start(t, small)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		d.must(err)
		return len(entries)
	}
	mapped := func() int {
		maps, err := os.ReadFile("/proc/self/maps")
		d.must(err)
		return bytes.Count(maps, []byte("nearlight-capture"))
	}
	before := count()
	for range 5 {
		source, err := wayland.Open(t.Context(), wayland.Config{Socket: d.CompositorSocket()})
		d.must(err)
		d.next(source, 0)
		d.must(source.Close())
	}
	if after := count(); after != before || mapped() != 0 {
		t.Errorf("%d descriptors before, %d after; %d mappings are left", before, after, mapped())
	}
}
