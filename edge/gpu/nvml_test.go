//go:build cgo

package gpu

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"

	"nearlight/internal/media"
)

func TestACardThatCannotBeOpenedIsTold(t *testing.T) {
	for _, c := range []struct {
		ret  nvml.Return
		is   error
		says string
	}{
		{nvml.ERROR_GPU_IS_LOST, ErrLost, "power the machine off"},
		{nvml.ERROR_INSUFFICIENT_POWER, ErrLost, "power cables"},
		{nvml.ERROR_NO_PERMISSION, ErrBroken, "usermod"},
		{nvml.ERROR_UNKNOWN, ErrLost, "(999)"},
	} {
		api := machine(nil, nil, geforce())
		api.DeviceGetHandleByIndexFunc = func(index int) (nvml.Device, nvml.Return) {
			if index == 0 {
				return nil, c.ret
			}
			return geforce(), nvml.SUCCESS
		}
		in := looked(t, api, noCard)
		if g := in.GPUs[0]; !errors.Is(g.Err, c.is) || !strings.Contains(g.Err.Error(), c.says) {
			t.Errorf("%v: %v", c.ret, g.Err)
		}
		if g := in.GPUs[1]; g.Err != nil || g.Index != 1 {
			t.Errorf("%v: the other card: %+v", c.ret, g)
		}
	}
}

func TestWhenNVMLDoesNotStartTheErrorSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		ret  nvml.Return
		sys  fs.FS
		is   error
		says string
	}{
		{nvml.ERROR_LIBRARY_NOT_FOUND, noCard, ErrNone, "not installed"},
		{nvml.ERROR_LIBRARY_NOT_FOUND, oneCard, ErrNoDriver, "apt-get install nvidia-driver"},
		{nvml.ERROR_DRIVER_NOT_LOADED, noCard, ErrNone, "there is no card"},
		{nvml.ERROR_DRIVER_NOT_LOADED, oneCard, ErrNoDriver, "modprobe nvidia"},
		{nvml.ERROR_LIB_RM_VERSION_MISMATCH, oneCard, ErrMismatch, "reboot; or, with no program on the card: rmmod"},
		{nvml.ERROR_NO_PERMISSION, oneCard, ErrBroken, "usermod"},
		{nvml.ERROR_UNKNOWN, oneCard, ErrBroken, "(999)"},
	} {
		// Neither Shutdown nor anything else may be called now: on a machine without the library that ends the process.
		api := &mock.Interface{InitFunc: func() nvml.Return { return c.ret }, ErrorStringFunc: func(ret nvml.Return) string { return ret.Error() }}
		l, err := initialize(api, c.sys)
		if l != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.ret, err)
		}
	}
}

func TestADriverWithoutCardsIsTheNormalAnswerUnlessTheKernelSeesOne(t *testing.T) {
	for _, c := range []struct {
		sys fs.FS
		is  error
	}{{noCard, ErrNone}, {oneCard, ErrNoDriver}} {
		l, err := initialize(machine(nil), c.sys)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Query(t.Context()); !errors.Is(err, c.is) {
			t.Errorf("got %v, want %v", err, c.is)
		}
	}
}

func TestADriverThatCannotCountItsCardsIsBroken(t *testing.T) {
	api := machine(nil)
	api.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_UNKNOWN }
	l, err := initialize(api, noCard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Query(t.Context()); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v", err)
	}
}

func TestALibraryThatDoesNotCloseSaysSo(t *testing.T) {
	api := machine(nil)
	api.ShutdownFunc = func() nvml.Return { return nvml.ERROR_UNKNOWN }
	l, err := initialize(api, noCard)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err == nil || !strings.Contains(err.Error(), "nvmlShutdown") {
		t.Errorf("got %v", err)
	}
}

func TestAFileThatIsNotNVIDIAsLibraryIsRefused(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	if err := os.WriteFile(junk, []byte("this is no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file string
		sys  fs.FS
		is   error
		says string
	}{
		{filepath.Join(t.TempDir(), "libnvidia-ml.so.1"), noCard, ErrNone, "not installed"},
		{filepath.Join(t.TempDir(), "libnvidia-ml.so.1"), oneCard, ErrNoDriver, "0000:65:00.0 is in this machine"},
		{junk, noCard, ErrBroken, "--reinstall"},
		{"libm.so.6", noCard, ErrBroken, "it has no nvmlInit_v2"}, // a library, of something else
	} {
		l, err := open(c.file, c.sys)
		if l != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

// The mocks stand for NVML's answers; this one for its library: it is loaded, called and unloaded as the real one.
func TestALibraryWithFewFunctionsIsLoadedAskedAndClosed(t *testing.T) {
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		t.Skipf("SKIPPED %s: %v (apt-get install gcc)", t.Name(), err)
	}
	library := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, "testdata/oldnvml.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := open(library, oneCard)
	if err != nil {
		t.Fatal(err)
	}
	in, err := l.Query(t.Context())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if len(in.GPUs) != 1 {
		t.Fatalf("got %+v", in)
	}
	got := in.GPUs[0]
	if got.Err == nil || got.Err.Error() != "nvmlDeviceGetPowerUsage: Unknown Error (999)" {
		t.Errorf("error %v", got.Err)
	}
	got.Err = nil
	want := GPU{
		UUID: "GPU-0123", Name: "NVIDIA Double?", Address: "0000:65:00.0", Link: Link{CardWidth: Known(16)},
		Encoder: Encoder{Sessions: Known([]Session{
			{Process: 4242, Codec: media.H264, Size: media.Size{Width: 1280, Height: 720}, FrameRate: 60, Latency: 1500 * time.Microsecond},
			{Process: 4243, Size: media.Size{Width: 640, Height: 480}, FrameRate: 30, Latency: 900 * time.Microsecond},
		})},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
