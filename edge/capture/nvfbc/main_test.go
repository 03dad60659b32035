//go:build cgo

package nvfbc_test

import (
	"log/slog"
	"os"
	"runtime"
	"testing"

	"nearlight/edge/capture/nvfbc"
	"nearlight/edge/capture/nvfbc/fakefbc"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
	"nearlight/internal/media"
)

// folderVariable hands the doubles' folder to a test that runs this program again.
const folderVariable = "FAKEFBC_FOLDER"

// double is what the tests run against.
var double fakedrivertest.Setup

func TestMain(m *testing.M) { os.Exit(double.Run(m, folderVariable, fakefbc.Build)) }

// load skips the test where there is no double, and has it fail for whatever was done wrong or is held at its end, in the
// double of NvFBC and in that of the rest of the driver. The screen shows the first picture of its size.
func load(t testing.TB) *fakefbc.Double {
	t.Helper()
	// CUDA's double first: as with the driver, whoever loads it first decides which it is.
	double.Load(t)
	d, err := fakefbc.Load(double.Folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Inject(fakefbc.None, 0)
		for _, line := range d.Report() {
			t.Error(line)
		}
	})
	d.Show(screen, paint(screen, 0))
	return d
}

var screen = media.Size{Width: 320, Height: 180}

// memories are where pictures may lie.
var memories = []nvfbc.Memory{nvfbc.OnGPU, nvfbc.InHost}

// open captures the double's screen until the test ends.
func open(t testing.TB, config nvfbc.Config) *nvfbc.Source {
	t.Helper()
	config.Libraries, config.Logger = double.Folder, slog.New(slog.DiscardHandler)
	s, err := nvfbc.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// paint draws picture n of a screen, as rows of BGRA: soft colours, another picture for each n.
func paint(size media.Size, n int) []byte {
	pixels := make([]byte, 0, 4*size.Width*size.Height)
	for y := range size.Height {
		for x := range size.Width {
			pixels = append(pixels, byte(x/2+5*n), byte(y/2+7*n), byte((x+y)/4+40*n), 255)
		}
	}
	return pixels
}

// onItsOwnThread runs f on a thread that nothing else has used, and that ends with it.
func onItsOwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}
