//go:build cgo

package nvfbc_test

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"testing"

	"nearlight/edge/capture/nvfbc"
	"nearlight/edge/capture/nvfbc/fakefbc"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/media"
)

// folderVariable hands the doubles' folder to a test that runs this program again.
const folderVariable = "FAKEFBC_FOLDER"

// double is what the tests run against: its folder, or why there is none.
var double struct {
	folder  string
	missing error
}

func TestMain(m *testing.M) { os.Exit(withDouble(m.Run)) }

func withDouble(run func() int) int {
	if double.folder = os.Getenv(folderVariable); double.folder != "" {
		return run()
	}
	folder, err := os.MkdirTemp("", "nvfbc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	double.folder, double.missing = folder, fakefbc.Build(folder)
	return run()
}

// load skips the test where there is no double, and has it fail for whatever was done wrong or is held at its end, in the
// double of NvFBC and in that of the rest of the driver. The screen shows the first picture of its size.
func load(t testing.TB) *fakefbc.Double {
	t.Helper()
	if double.missing != nil {
		t.Skip(double.missing)
	}
	// CUDA's double first: as with the driver, whoever loads it first decides which it is.
	driver, err := fakedriver.Load(double.folder)
	if err != nil {
		t.Fatal(err)
	}
	d, err := fakefbc.Load(double.folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.Inject(fakefbc.None, 0)
		for _, line := range append(d.Report(), driver.Report()...) {
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
	config.Libraries, config.Logger = double.folder, slog.New(slog.DiscardHandler)
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
