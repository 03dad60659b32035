//go:build cgo

package nvfbc_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/edge/capture"
	"nearlight/edge/capture/nvfbc"
	"nearlight/edge/capture/nvfbc/fakefbc"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

func TestARefusedScreenSaysWhyAndWhatToDo(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		config.Libraries = double.Folder
		for _, c := range []struct {
			fault   fakefbc.Fault
			display string
			is      error
			says    string
		}{
			{fakefbc.NoX, ":7", nvfbc.ErrNoDisplay, "no X server on NVIDIA's driver: DISPLAY=:7 (NvFBCCreateHandle: NVFBC_ERR_X (10)); " +
				"start Xorg with the driver nvidia, and name it in DISPLAY and XAUTHORITY"},
			{fakefbc.NoX, "", nvfbc.ErrNoDisplay, "no X server on NVIDIA's driver: DISPLAY is not set (NvFBCCreateHandle: NVFBC_ERR_X (10)); " +
				"start Xorg with the driver nvidia, and name it in DISPLAY and XAUTHORITY"},
			{fakefbc.OtherDriver, ":7", nvfbc.ErrNoDisplay, "no X server on NVIDIA's driver: DISPLAY=:7 (NvFBCCreateHandle: NVFBC_ERR_GLX (11)); " +
				"start Xorg with the driver nvidia, and name it in DISPLAY and XAUTHORITY"},
			{fakefbc.NotSupported, ":7", nvfbc.ErrNotSupported, "this GPU does not offer NvFBC; NVIDIA allows it on professional and data-centre GPUs " +
				"(Quadro, RTX A, Tesla, L); capture through X11 instead"},
			{fakefbc.DriverTooOld, ":7", nvfbc.ErrDriverTooOld, "NVIDIA's driver is too old: this program needs NvFBC 1.7 " +
				"(NvFBCCreateInstance: NVFBC_ERR_API_VERSION (1)); install a newer driver"},
			{fakefbc.Driver16, ":7", nvfbc.ErrDriverTooOld, "NVIDIA's driver is too old: it speaks NvFBC 1.6, this program needs 1.7; install a newer driver"},
			{fakefbc.Busy, ":7", nvfbc.ErrBusy, "no further NvFBC session is allowed; end another program that captures, or capture from another process"},
			{fakefbc.MaxClients, ":7", nvfbc.ErrBusy, "no further NvFBC session is allowed: this process has as many as there can be " +
				"(NvFBCCreateHandle: NVFBC_ERR_MAX_CLIENTS (6)); end another program that captures, or capture from another process"},
		} {
			t.Setenv("DISPLAY", c.display)
			d.Inject(c.fault, 0)
			s, err := nvfbc.Open(config)
			if err == nil {
				t.Errorf("%s: no error", c.fault)
				s.Close()
				continue
			}
			if !errors.Is(err, nvfbc.ErrUnavailable) || !errors.Is(err, c.is) || err.Error() != "NvFBC capture unavailable: "+c.says {
				t.Errorf("%s: got  %v\nwant %s", c.fault, err, c.says)
			}
		}
		d.Inject(fakefbc.None, 0)
		next(t, open(t, config), 0)
	})
}

func TestAGPUThatCannotShareTheScreenSaysSo(t *testing.T) {
	d := load(t)
	d.Inject(fakefbc.NoCUDA, 0)
	const want = "NvFBC capture unavailable: NvFBCCreateCaptureSession: NVFBC_ERR_CUDA (13): Unable to share with CUDA"
	if _, err := nvfbc.Open(nvfbc.Config{Libraries: double.Folder}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	next(t, open(t, nvfbc.Config{Memory: nvfbc.InHost}), 0) // which needs no CUDA
	d.Inject(fakefbc.None, 0)
	if _, err := nvfbc.Open(nvfbc.Config{Libraries: double.Folder, Device: 7}); !errors.Is(err, nvfbc.ErrUnavailable) || !errors.Is(err, cuda.ErrNoDevice) {
		t.Errorf("a GPU that is not there: got %v, want cuda.ErrNoDevice", err)
	}
}

func TestAScreenThatEndsIsGone(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		go func() {
			d.AwaitGrab()
			d.Inject(fakefbc.XGone, 0)
		}()
		call := map[nvfbc.Memory]string{nvfbc.OnGPU: "NvFBCToCudaGrabFrame", nvfbc.InHost: "NvFBCToSysGrabFrame"}[config.Memory]
		want := "captured display is gone: the X server has ended: " + call + ": NVFBC_ERR_X (10): X server closed the connection"
		if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
			t.Errorf("once more: got %v, want capture.ErrGone", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("closing it: %v", err)
		}
	})
}

func TestAGrabThatFailsSaysWhichAndTheNextMaySucceed(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		call := map[nvfbc.Memory]string{nvfbc.OnGPU: "NvFBCToCudaGrabFrame", nvfbc.InHost: "NvFBCToSysGrabFrame"}[config.Memory]
		for fault, want := range map[fakefbc.Fault]string{
			fakefbc.Broken: call + ": NVFBC_ERR_INTERNAL (2): Something is broken",
			fakefbc.Short:  "NvFBC grabbed 115200 bytes, which do not hold 320x180 pixels",
		} {
			d.Show(screen, paint(screen, 1))
			d.Inject(fault, 1)
			if _, err := s.Next(t.Context(), 0); err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", fault, err, want)
			}
			d.Show(screen, paint(screen, 2))
			shows(t, next(t, s, 0), paint(screen, 2))
		}
	})
}

func TestASlowGrabIsWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		d.Inject(fakefbc.Slow, 1)
		d.Show(screen, paint(screen, 1))
		f := next(t, s, 10*time.Millisecond)
		if took := f.Times.Grabbed.Sub(f.Times.GrabBegun); f.Still || took < 200*time.Millisecond {
			t.Errorf("still %t, took %v", f.Still, took)
		}
		shows(t, f, paint(screen, 1))
	})
}

func TestAStampOfAnotherClockIsNotTaken(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		d.Inject(fakefbc.OtherClock, 0)
		d.Show(screen, paint(screen, 1))
		if f := next(t, s, 0); f.Times.Damaged != f.Times.Grabbed || f.Times.GrabBegun != f.Times.Grabbed {
			t.Errorf("got %+v", f.Times)
		}
	})
}

func TestTheScreenMayChangeItsMode(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		for n, size := range []media.Size{{Width: 641, Height: 361}, {Width: 160, Height: 90}, {Width: 640, Height: 360}} {
			go func() {
				d.AwaitGrab()
				d.Show(size, paint(size, n))
			}()
			f := next(t, s, 0)
			if f.Visible != size || f.Still || s.Size() != size {
				t.Fatalf("got %v, the source says %v, want %v", f.Visible, s.Size(), size)
			}
			shows(t, f, paint(size, n))
		}
	})
}

func TestAModeChangeThatTakesItsTimeIsWaitedFor(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		other := media.Size{Width: 160, Height: 90}
		d.Inject(fakefbc.Modeset, 3)
		d.Show(other, paint(other, 1))
		// Idle passes on the last picture meanwhile.
		f := next(t, s, 10*time.Millisecond)
		if !f.Still || f.Visible != screen {
			t.Errorf("meanwhile: %v, still %t", f.Visible, f.Still)
		}
		shows(t, f, paint(screen, 0))
		f = next(t, s, time.Minute)
		if f.Still || f.Visible != other {
			t.Errorf("afterwards: %v, still %t", f.Visible, f.Still)
		}
		shows(t, f, paint(other, 1))
		d.Inject(fakefbc.Recreate, 3)
		shows(t, next(t, s, 0), paint(other, 1))
	})
}

func TestAModeChangeWithoutEndIsAnError(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		s.SetPatience(60 * time.Millisecond)
		const want = "the screen has been changing its mode for more than 60ms; look whether its X server has the visible virtual terminal"
		other := media.Size{Width: 160, Height: 90}
		d.Show(other, paint(other, 0))
		for _, fault := range []fakefbc.Fault{fakefbc.Modeset, fakefbc.Recreate} {
			d.Inject(fault, 1000)
			if _, err := s.Next(t.Context(), 0); err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", fault, err, want)
			}
		}
		d.Inject(fakefbc.None, 0)
		shows(t, next(t, s, 0), paint(other, 0)) // over after all
	})
}

func TestASourceMayBeOpenedWhileTheScreenChangesItsMode(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		d.Inject(fakefbc.Modeset, 2)
		s := open(t, config)
		f := next(t, s, time.Millisecond) // there is no last picture to repeat
		if f.Still || f.Visible != screen || s.Size() != screen {
			t.Errorf("got %v, still %t, the source says %v", f.Visible, f.Still, s.Size())
		}
	})
}

func TestCloseEndsTheWaitForAModeChange(t *testing.T) {
	each(t, func(t *testing.T, d *fakefbc.Double, config nvfbc.Config) {
		s := open(t, config)
		next(t, s, 0)
		d.Inject(fakefbc.Modeset, 1000)
		d.Show(media.Size{Width: 160, Height: 90}, paint(media.Size{Width: 160, Height: 90}, 0))
		next(t, s, time.Millisecond)
		closed := make(chan error)
		time.AfterFunc(20*time.Millisecond, func() { closed <- s.Close() })
		if _, err := s.Next(t.Context(), 0); !errors.Is(err, capture.ErrGone) {
			t.Errorf("got %v, want capture.ErrGone", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, config := range []nvfbc.Config{{FrameRate: -1}, {Memory: 2}, {Memory: -1}} {
		if s, err := nvfbc.Open(config); err == nil {
			s.Close()
			t.Errorf("%+v: no error", config)
		}
	}
}

// Once the doubles are loaded their names stand for them, whatever the folder; so the test runs itself again.
func TestAMachineWithoutTheLibrarySaysSo(t *testing.T) {
	const child = "NVFBC_TEST_CHILD"
	double.Need(t)
	if os.Getenv(child) == "" {
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), child+"=1", folderVariable+"="+double.Folder)
		if said, err := again.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, said)
		}
		return
	}
	for _, memory := range memories {
		_, err := nvfbc.Open(nvfbc.Config{Libraries: t.TempDir(), Memory: memory})
		if !errors.Is(err, nvfbc.ErrUnavailable) || !errors.Is(err, cuda.ErrNoLibrary) {
			t.Errorf("an empty folder, %v: got %v", memory, err)
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "libnvidia-fbc.so.1"), []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := nvfbc.Open(nvfbc.Config{Libraries: folder, Memory: nvfbc.InHost}); !errors.Is(err, cuda.ErrNotALibrary) {
		t.Errorf("a file of the name: got %v, want cuda.ErrNotALibrary", err)
	}
	// CUDA without NvFBC: a driver of which a part is missing.
	if err := os.Remove(filepath.Join(folder, "libnvidia-fbc.so.1")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(double.Folder, "libcuda.so.1"), filepath.Join(folder, "libcuda.so.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := nvfbc.Open(nvfbc.Config{Libraries: folder}); !errors.Is(err, nvfbc.ErrNotInstalled) || !errors.Is(err, cuda.ErrNoLibrary) ||
		!strings.HasSuffix(err.Error(), "; install the driver, or name the folder that has its libraries (Debian has this part alone, as libnvidia-fbc1)") {
		t.Errorf("CUDA alone: got %v", err)
	}
	s, err := nvfbc.Open(nvfbc.Config{Memory: nvfbc.InHost})
	if err == nil {
		s.Close()
		t.Skip("SKIPPED: this machine has NvFBC and a display for it")
	}
	if !errors.Is(err, nvfbc.ErrUnavailable) {
		t.Errorf("this machine: got %v", err)
	}
	t.Log(err)
}
