//go:build cgo

package scene_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nearlight/edge/capture"
	"nearlight/edge/capture/scene"
	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
)

const (
	evdevW, evdevP = 17, 25
	noHurry        = 10 * time.Second
)

var size = media.Size{Width: 640, Height: 360}

// begin opens a source that marks its pictures, or skips the test where nothing can be drawn.
func begin(t testing.TB, config scene.Config) *scene.Source {
	t.Helper()
	if config.Size == (media.Size{}) {
		config.Size = size
	}
	source, err := scene.Open(config)
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED: nothing was drawn: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return source
}

func next(t testing.TB, s *scene.Source, idle time.Duration) *media.Frame {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), noHurry)
	defer cancel()
	f, err := s.Next(ctx, idle)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func stamp(t testing.TB, f *media.Frame) marker.Stamp {
	t.Helper()
	m, err := marker.Decode(f.Y, f.Visible)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPicturesCarryTheirInstantAndTheirStages(t *testing.T) {
	s := begin(t, scene.Config{Stamp: true})
	before := media.Now()
	f := next(t, s, 0)
	if err := f.Check(); err != nil || f.Visible != size || f.Still || f.Surface != nil {
		t.Fatalf("%+v, %v", f, err)
	}
	m := stamp(t, f)
	// The marker tells microseconds.
	stages := []media.Instant{before / 1000 * 1000, m.Instant(media.Now()), f.Times.Damaged, f.Times.GrabBegun, f.Times.Grabbed, f.Times.Converted, media.Now()}
	for i, at := range stages[1:] {
		if at < stages[i] {
			t.Errorf("stage %d ends before the one before it", i)
		}
	}
	low, high := byte(255), byte(0)
	for _, luma := range f.Y.Data[f.Y.Stride*100:] {
		low, high = min(low, luma), max(high, luma)
	}
	if high-low < 50 {
		t.Errorf("luma from %d to %d: there is nothing to see", low, high)
	}
}

func TestPicturesThatAreReadBackHaveTheChromaThatIsWanted(t *testing.T) {
	for _, chroma := range []media.Chroma{media.Chroma420, media.Chroma444} {
		if err := next(t, begin(t, scene.Config{Chroma: chroma}), 0).CheckIn(chroma); err != nil {
			t.Errorf("%v: %v", chroma, err)
		}
	}
}

func TestAnInputIsInTheVeryNextPicture(t *testing.T) {
	s := begin(t, scene.Config{Stamp: true, FrameRate: 240})
	for sequence := uint32(1); sequence <= 20; sequence++ {
		s.Announce(sequence)
		switch sequence % 4 {
		case 0:
			s.MoveTo(int(sequence)*20, 100)
		case 1:
			s.Key(evdevW, true)
		case 2:
			s.Key(evdevW, false)
		case 3:
			s.Button(1, true)
			s.Button(1, false)
		}
		f := next(t, s, 0)
		if m := stamp(t, f); f.Input != sequence || m.Input != sequence&0xffff && m.Input != sequence {
			t.Fatalf("after input %d the frame says %d, its marker %d", sequence, f.Input, m.Input)
		}
	}
	s.Announce(21) // not followed by its event yet
	if f := next(t, s, 0); f.Input != 20 {
		t.Errorf("an input that is only announced is answered: %d", f.Input)
	}
	s.Announce(0)
	if f := next(t, s, 0); f.Input != 0 {
		t.Errorf("another player's first picture answers input %d", f.Input)
	}
}

func TestEveryNonceThatIsTypedIsShown(t *testing.T) {
	s := begin(t, scene.Config{FrameRate: 60})
	s.Challenge()
	sequence := uint32(0)
	press := func(keys []uint16) {
		for _, key := range keys {
			sequence++
			s.Announce(sequence)
			s.Key(key, true)
			s.Key(key, false)
		}
	}
	press(arena.Task{Seed: 1, Objects: 2}.Keys())
	// The least and the greatest, and some whose letters are all over the keyboard.
	for i, nonce := range []arena.Nonce{0x01234567, 0x12345678, 0x89abcdef, 0xf0e1d2c3, 0, 0xffffffff} {
		press(nonce.Keys())
		f := next(t, s, 0)
		said, err := arena.Read(f.Y, f.Visible)
		if err != nil || said.Claim.Nonce != nonce || int(said.Claim.Index) != i+1 || said.Marker.Input != sequence || f.Input != sequence {
			t.Fatalf("nonce %d, %#x, is not in the next picture: %+v, %v, of input %d", i+1, nonce, said, err, f.Input)
		}
	}
}

func TestTheFrameRateIsACap(t *testing.T) {
	s := begin(t, scene.Config{FrameRate: 100})
	for _, rate := range []int{100, 40, 200} {
		s.SetFrameRate(rate)
		next(t, s, 0)
		const frames = 12
		began := next(t, s, 0).Times.Damaged
		for range frames {
			next(t, s, 0)
		}
		took := media.Now().Sub(began)
		// The first may have come late, as the grid allows.
		if least := (frames - 1) * time.Second / time.Duration(rate); took < least {
			t.Errorf("%d frames at %d a second took %v, less than %v", frames, rate, took, least)
		}
	}
}

func TestASlowGridIsLeftAtOnce(t *testing.T) {
	s := begin(t, scene.Config{FrameRate: 1})
	next(t, s, 0)
	began := time.Now()
	s.SetFrameRate(100)
	next(t, s, 0)
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("the next picture took %v", took)
	}
	s.SetFrameRate(0) // counts as 1
	if f := next(t, s, 20*time.Millisecond); !f.Still {
		t.Error("idle has passed, and the picture is new")
	}
}

func TestTheSizeFollows(t *testing.T) {
	s := begin(t, scene.Config{Stamp: true})
	for _, want := range []media.Size{{Width: 321, Height: 181}, {Width: 1280, Height: 720}, {Width: 320, Height: 640}} {
		s.SetSize(want)
		f := next(t, s, 0)
		if err := f.Check(); err != nil || f.Visible != want || s.Size() != want {
			t.Errorf("%v: got %v, %v", want, f.Visible, err)
		}
		stamp(t, f)
	}
}

func TestAPausedGameIsStillUntilItIsTouched(t *testing.T) {
	s := begin(t, scene.Config{FrameRate: 240})
	next(t, s, 0)
	s.Key(evdevP, true)
	s.Key(evdevP, false)
	if f := next(t, s, time.Second); f.Still {
		t.Error("the pause is not shown")
	}
	for range 3 {
		if f := next(t, s, 10*time.Millisecond); !f.Still {
			t.Error("a paused game draws")
		}
	}
	touched := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() { // while Next waits
		s.Announce(9)
		s.Key(evdevW, true)
		close(touched)
	})
	if f := next(t, s, noHurry); f.Still || f.Input != 9 {
		t.Errorf("after a key: still %v, input %d", f.Still, f.Input)
	}
	<-touched
}

func TestNextEndsWithItsContextAndWithClose(t *testing.T) {
	s := begin(t, scene.Config{FrameRate: 1})
	next(t, s, 0)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := s.Next(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ends: %v", err)
	}
	time.AfterFunc(10*time.Millisecond, func() { s.Close() })
	if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
		t.Errorf("Close: %v", err)
	}
	if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
		t.Errorf("after Close: %v", err)
	}
	s.Key(evdevW, true)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	begin(t, scene.Config{}).Close() // libraries stay open for good
	ignore := goleak.IgnoreCurrent()
	before := descriptors(t)
	for range 5 {
		s := begin(t, scene.Config{})
		next(t, s, 0)
		s.SetSize(media.Size{Width: 320, Height: 180})
		next(t, s, 0)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, ignore)
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

func TestAPictureCostsNoAllocation(t *testing.T) {
	s := begin(t, scene.Config{Stamp: true, FrameRate: 1000, Size: media.Size{Width: 320, Height: 180}})
	for range 60 { // until the ground around is built
		next(t, s, 0)
	}
	ctx := t.Context()
	// What is left is the game's: now and then a new piece of ground, and a score of three digits.
	if n := testing.AllocsPerRun(60, func() {
		if _, err := s.Next(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations a picture", n)
	}
}

// The loader is told of libEGL before a program starts, so the test runs itself again.
func TestWithoutEGLTheMessageSaysWhatToInstall(t *testing.T) {
	const child = "SCENE_TEST_WITHOUT_EGL"
	if os.Getenv(child) == "" {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "libEGL.so.1"), []byte("no library"), 0o600); err != nil {
			t.Fatal(err)
		}
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), child+"=1", "LD_LIBRARY_PATH="+folder)
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	s, err := scene.Open(scene.Config{Size: size})
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, gles.ErrUnavailable) || !strings.Contains(err.Error(), "install libegl1") {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	if _, err := scene.Open(scene.Config{}); !errors.Is(err, media.ErrSize) {
		t.Errorf("no size: %v", err)
	}
	if _, err := scene.Open(scene.Config{Size: size, FrameRate: -1}); err == nil {
		t.Error("a negative frame rate is taken")
	}
}

// BenchmarkNext is a picture from its due time to I420: stepped, composed, drawn, read back and converted.
func BenchmarkNext(b *testing.B) {
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 1920, Height: 1080}} {
		b.Run(size.String(), func(b *testing.B) {
			s := begin(b, scene.Config{FrameRate: 1000, Size: size})
			var grabbed, converted time.Duration
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				f, err := s.Next(b.Context(), 0)
				if err != nil {
					b.Fatal(err)
				}
				grabbed += f.Times.Grabbed.Sub(f.Times.GrabBegun)
				converted += f.Times.Converted.Sub(f.Times.Grabbed)
				n++
			}
			for name, sum := range map[string]time.Duration{"read-ms/op": grabbed, "convert-ms/op": converted} {
				b.ReportMetric(float64(sum.Microseconds())/1000/float64(n), name)
			}
		})
	}
}

func TestOneSourcesEndLeavesAnotherAlone(t *testing.T) {
	first, second := begin(t, scene.Config{Stamp: true}), begin(t, scene.Config{Stamp: true})
	next(t, first, 0)
	next(t, second, 0)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second.Announce(3)
	second.Key(evdevW, true)
	if f := next(t, second, 0); f.Input != 3 {
		t.Errorf("the other answers input %d", f.Input)
	}
	stamp(t, next(t, begin(t, scene.Config{Stamp: true}), 0))
}
