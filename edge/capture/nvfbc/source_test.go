//go:build cgo

package nvfbc_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nearlight/edge/capture"
	"nearlight/edge/capture/nvfbc"
	"nearlight/edge/capture/nvfbc/fakefbc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// next is the source's next frame, which has to come.
func next(t testing.TB, s *nvfbc.Source, idle time.Duration) *media.Frame {
	t.Helper()
	f, err := s.Next(t.Context(), idle)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shows fails the test unless a frame shows the screen that was painted, in whichever memory it lies.
func shows(t testing.TB, f *media.Frame, pixels []byte) {
	t.Helper()
	if f.Surface == nil {
		want := media.NewFrame(f.Visible)
		if err := yuv.FromBGRX(want, pixels, 4*f.Visible.Width); err != nil {
			t.Fatal(err)
		}
		for _, plane := range [][2]media.Plane{{f.Y, want.Y}, {f.U, want.U}, {f.V, want.V}} {
			if !bytes.Equal(plane[0].Data, plane[1].Data) {
				t.Fatal("the frame's planes are not what libyuv makes of the screen")
			}
		}
		return
	}
	coded := f.Coded
	got := make([]byte, 4*coded.Width*coded.Height)
	if err := f.Surface.(*cuda.Picture).Read(got, 4*coded.Width, nil); err != nil {
		t.Fatal(err)
	}
	for y := range coded.Height {
		for x := range coded.Width {
			from := 4 * (min(y, f.Visible.Height-1)*f.Visible.Width + min(x, f.Visible.Width-1))
			if at := 4 * (y*coded.Width + x); !bytes.Equal(got[at:at+4], pixels[from:from+4]) {
				t.Fatalf("pixel %d,%d is %v, the screen has %v", x, y, got[at:at+4], pixels[from:from+4])
			}
		}
	}
}

// each runs a test with pictures on the GPU and in host memory.
func each(t *testing.T, run func(*testing.T, *fakefbc.Double, nvfbc.Config)) {
	for _, memory := range memories {
		t.Run(memory.String(), func(t *testing.T) { run(t, load(t), nvfbc.Config{Memory: memory, FrameRate: 240}) })
	}
}

func TestAFrameShowsTheScreenWithoutThePointer(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		for n, size := range []media.Size{{Width: 320, Height: 180}, {Width: 321, Height: 181}, {Width: 17, Height: 16}, {Width: 640, Height: 33}} {
			pixels := paint(size, n)
			d.Show(size, pixels)
			s := open(t, config)
			f := next(t, s, 0)
			if f.Visible != size || f.Coded != size.Even() || s.Size() != size || f.Still || (f.Surface != nil) != (config.Memory == nvfbc.OnGPU) {
				t.Fatalf("%v: got %+v", size, f)
			}
			if err := f.CheckSizes(); err != nil {
				t.Error(err)
			}
			shows(t, f, pixels)
		}
	})
}

func TestAChangeWakesNext(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		config.Input = new(atomic.Uint32)
		s := open(t, config)
		next(t, s, 0)
		for n := 1; n <= 20; n++ {
			pixels, shown := paint(screen, n), make(chan media.Instant)
			go func() {
				d.AwaitGrab()
				config.Input.Store(uint32(n))
				before := media.Now()
				d.Show(screen, pixels)
				shown <- before
			}()
			f := next(t, s, 0)
			before := <-shown
			times := f.Times
			if f.Still || f.Input != uint32(n) {
				t.Errorf("frame %d: still %t, input %d", n, f.Still, f.Input)
			}
			// The double stamps in microseconds.
			if times.Damaged < before-1000 || times.Damaged > times.GrabBegun || times.GrabBegun > times.Grabbed || times.Grabbed > times.Converted {
				t.Errorf("frame %d, shown at %d: stages are out of order: %+v", n, before, times)
			}
			shows(t, f, pixels)
		}
	})
}

func TestAnUnchangedScreenComesBackAfterIdle(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		last := next(t, s, 0).Times.Damaged
		for range 3 {
			const idle = 25 * time.Millisecond // more than one wait of a grab
			began := media.Now()
			f := next(t, s, idle)
			if !f.Still || f.Times.Damaged.Sub(began) < idle || f.Times.Damaged <= last {
				t.Errorf("after %v: still %t, times %+v", media.Now().Sub(began), f.Still, f.Times)
			}
			shows(t, f, paint(screen, 0))
			last = f.Times.Damaged
		}
		d.Show(screen, paint(screen, 1))
		if f := next(t, s, time.Minute); f.Still || f.Times.Damaged <= last {
			t.Errorf("after a change: still %t, %+v", f.Still, f.Times)
		}
	})
}

func TestTheNewestFrameWins(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		for n := range 5 {
			d.Show(screen, paint(screen, n+1))
		}
		f := next(t, s, 0)
		shows(t, f, paint(screen, 5))
		if f := next(t, s, 20*time.Millisecond); !f.Still {
			t.Error("an old picture was queued")
		}
	})
}

func TestFramesComeNoFasterThanTheCap(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		config.FrameRate = 50
		s := open(t, config)
		first, last := next(t, s, 0).Times.Grabbed, media.Instant(0)
		const frames = 10
		for n := range frames {
			d.Show(screen, paint(screen, n))
			d.Show(screen, paint(screen, n+1))
			f := next(t, s, 0)
			shows(t, f, paint(screen, n+1))
			last = f.Times.Grabbed
		}
		// One may come half an interval early, and the cap has 2 % of slack.
		if least := time.Second / 50 * (2*frames - 1) / 2 * 97 / 100; last.Sub(first) < least {
			t.Errorf("%d frames after the first in %v, want at least %v", frames, last.Sub(first), least)
		}
		s.SetFrameRate(1)
		d.Show(screen, paint(screen, 1))
		next(t, s, 0)
		d.Show(screen, paint(screen, 2))
		if f := next(t, s, time.Millisecond); !f.Still {
			t.Error("the cap does not hold from the next call on")
		}
	})
}

func TestCloseMakesNextReturn(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		s := open(t, config)
		next(t, s, 0)
		closed := make(chan error)
		go func() {
			d.AwaitGrab()
			closed <- s.Close()
		}()
		if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
			t.Errorf("got %v, want capture.ErrGone", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
			t.Errorf("after Close: got %v, want capture.ErrGone", err)
		}
		s.SetFrameRate(30)
		if s.Size() != screen {
			t.Errorf("the size is forgotten: %v", s.Size())
		}
	})
}

func TestAContextThatEndsMakesNextReturn(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		s := open(t, config)
		next(t, s, 0)
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan media.Instant, 1)
			go func() {
				d.AwaitGrab()
				ended <- media.Now()
				cancel()
			}()
			if _, err := s.Next(ctx, 0); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			if late := media.Now().Sub(<-ended); late > time.Second {
				t.Errorf("noticed after %v", late)
			}
			if _, err := s.Next(ctx, 0); !errors.Is(err, context.Canceled) {
				t.Errorf("once more: got %v, want context.Canceled", err)
			}
		}
		d.Show(screen, paint(screen, 1))
		shows(t, next(t, s, 0), paint(screen, 1))
		s.SetFrameRate(1)
		d.Show(screen, paint(screen, 2))
		next(t, s, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		began := media.Now()
		if _, err := s.Next(ctx, 0); !errors.Is(err, context.DeadlineExceeded) || media.Now().Sub(began) > 500*time.Millisecond {
			t.Errorf("while the cap holds the grab back: %v after %v", err, media.Now().Sub(began))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestEachCallMayComeFromAnotherThread(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		for n := range 8 {
			d.Show(screen, paint(screen, n))
			onItsOwnThread(func() { shows(t, next(t, s, 0), paint(screen, n)) })
		}
		onItsOwnThread(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestSourcesAreIndependentAndLeaveNothing(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		for range 12 { // more than the driver allows at a time
			first, second := open(t, config), open(t, nvfbc.Config{Memory: nvfbc.OnGPU})
			shows(t, next(t, first, 0), paint(screen, 0))
			shows(t, next(t, second, 0), paint(screen, 0))
			if err := errors.Join(first.Close(), second.Close()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAFrameCostsNoAllocation(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		s.SetFrameRate(10000)
		ctx, pixels := t.Context(), paint(screen, 1)
		if allocations := testing.AllocsPerRun(30, func() {
			d.Show(screen, pixels)
			if _, err := s.Next(ctx, time.Second); err != nil {
				t.Fatal(err)
			}
		}); allocations > 0 {
			t.Errorf("%.1f allocations a frame", allocations)
		}
	})
}

func BenchmarkNext(b *testing.B) {
	for _, memory := range memories {
		b.Run(memory.String(), func(b *testing.B) {
			d, size := load(b), media.Size{Width: 1280, Height: 720}
			pixels := paint(size, 0)
			d.Show(size, pixels)
			s := open(b, nvfbc.Config{Memory: memory, FrameRate: 10000})
			b.ReportAllocs()
			for b.Loop() {
				d.Show(size, pixels)
				next(b, s, 0)
			}
		})
	}
}
