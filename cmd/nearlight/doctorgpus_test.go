package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"nearlight/edge/gpu"
	"nearlight/internal/media"
)

// wellGPU has nothing to complain of.
func wellGPU(changes ...func(*gpu.GPU)) gpu.GPU {
	g := gpu.GPU{
		UUID: "GPU-3cfee1b8", Name: "NVIDIA GeForce RTX 4090", Address: "0000:65:00.0",
		Link: gpu.Link{
			Generation: gpu.Known(1), MaxGeneration: gpu.Known(4), // idle
			Width: gpu.Known(16), MaxWidth: gpu.Known(16), CardWidth: gpu.Known(16),
		},
		Memory:      gpu.Memory{Total: gpu.Known(24 * gpu.GiB), Used: gpu.Known(3 * gpu.GiB)},
		Load:        gpu.Load{Graphics: gpu.Known(0.37), Memory: gpu.Known(0.12), Encoder: gpu.Known(0.08), Decoder: gpu.Known(0.0)},
		Clocks:      gpu.Clocks{Graphics: gpu.Known(gpu.Hertz(2520e6))},
		Temperature: gpu.Known(gpu.Celsius(54)), Slowdown: gpu.Known(gpu.Celsius(90)),
		Power: gpu.Known(gpu.Watts(120.4)), PowerLimit: gpu.Known(gpu.Watts(450)),
		Throttle: gpu.Known(gpu.Idle), MIG: gpu.Known(false),
		Encoder: gpu.Encoder{Free: gpu.Known(map[media.Codec]float64{media.HEVC: 1, media.H264: 0.9}), Sessions: gpu.Known([]gpu.Session{})},
	}
	for _, change := range changes {
		change(&g)
	}
	return g
}

// told collects what a check tells, as it is printed.
func told(check func(tell func(finding))) string {
	var lines []string
	check(func(f finding) { lines = append(lines, f.String()) })
	return strings.Join(lines, "\n")
}

func TestACardThatIsWellIsOneLineWithItsFigures(t *testing.T) {
	in := gpu.Inventory{Driver: "550.54.15", CUDA: 12040}
	for _, c := range []struct {
		reason string
		card   gpu.GPU
		want   string
	}{
		{"all that it tells", wellGPU(), "ok    gpu 0              NVIDIA GeForce RTX 4090, driver 550.54.15 with CUDA 12.4, 0000:65:00.0, PCIe 1 x16, " +
			"3.0 GiB of 24.0 GiB used, 37 % busy, 12 % of its memory's time, 8 % of its encoder, 0 % of its decoder, 54 °C, 120 of 450 W, 2520 MHz, idle"},
		{"what it does not tell is left out", gpu.GPU{Index: 1, Name: "Tesla M60", Address: "0000:04:00.0", Power: gpu.Known(gpu.Watts(31))},
			"ok    gpu 1              Tesla M60, driver 550.54.15 with CUDA 12.4, 0000:04:00.0, 31 W"},
	} {
		if got := told(func(tell func(finding)) { tellGPU(c.card, in, tell) }); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.reason, got, c.want)
		}
	}
}

func TestEachTroubleOfACardIsALineWithWhatToDo(t *testing.T) {
	for _, c := range []struct {
		reason string
		change func(*gpu.GPU)
		want   string // "" for no line beyond the first
	}{
		{"its link trained narrower than it can", func(g *gpu.GPU) { g.Link.Width = gpu.Known(4) },
			"warn  gpu 0 link         its PCIe link runs at x4, card and slot have x16: pictures take longer to and from it  -> switch off"},
		{"in a narrow slot", func(g *gpu.GPU) { g.Link.Width, g.Link.MaxWidth = gpu.Known(4), gpu.Known(4) },
			"warn  gpu 0 link         its slot gives PCIe x4, the card has x16: pictures take longer to and from it  -> move it to a slot with 16 lanes"},
		{"a link of unknown bounds", func(g *gpu.GPU) { g.Link = gpu.Link{Width: gpu.Known(4)} }, ""},
		{"a low generation alone is an idle card", func(g *gpu.GPU) { g.Link.Generation = gpu.Known(1) }, ""},
		{"too hot", func(g *gpu.GPU) { g.Throttle = gpu.Known(gpu.HardSlowdown | gpu.HardThermal) },
			"warn  gpu 0 clocks       slowed down: held back by the card itself, too hot  -> clean its fans and filters and let air through; nvidia-smi -i 0 -q -d TEMPERATURE"},
		{"about to be", func(g *gpu.GPU) { g.Temperature = gpu.Known(gpu.Celsius(87)) },
			"warn  gpu 0 clocks       hot, at 87 °C: it will slow down soon  -> clean its fans"},
		{"at its power limit", func(g *gpu.GPU) { g.Throttle = gpu.Known(gpu.PowerCap) },
			"warn  gpu 0 clocks       slowed down: power limit  -> fewer --slots or a smaller --size; or raise its limit: nvidia-smi -i 0 -q -d POWER, then nvidia-smi -i 0 -pl WATTS"},
		{"a weak power supply", func(g *gpu.GPU) { g.Throttle = gpu.Known(gpu.PowerBrake) },
			"warn  gpu 0 clocks       slowed down: power supply asks for less  -> look at the power supply"},
		{"slowed down for no reason told", func(g *gpu.GPU) { g.Throttle = gpu.Known(gpu.HardSlowdown) },
			"warn  gpu 0 clocks       slowed down: held back by the card itself  -> nvidia-smi -i 0 -q -d PERFORMANCE"},
		{"clocks that its owner set", func(g *gpu.GPU) { g.Throttle = gpu.Known(gpu.FixedClocks) }, ""},
		{"full memory", func(g *gpu.GPU) { g.Memory.Used = gpu.Known(24*gpu.GiB - 300*gpu.MiB) },
			"warn  gpu 0 memory       300 MiB of its memory is free: a game may not start  -> nvidia-smi -i 0 shows which programs hold it"},
		{"split", func(g *gpu.GPU) { g.MIG = gpu.Known(true) },
			"warn  gpu 0 slices       split by MIG: no session is placed on it, since most slices neither draw nor encode  -> nvidia-smi -i 0 -mig 0"},
		{"a figure that could not be read", func(g *gpu.GPU) { g.Err = errors.New("nvmlDeviceGetPowerUsage: Unknown Error (999)") },
			"warn  gpu 0 figures      some are not told: nvmlDeviceGetPowerUsage: Unknown Error (999)  -> dmesg | grep -i nvrm"},
	} {
		got := told(func(tell func(finding)) { tellGPU(wellGPU(c.change), gpu.Inventory{}, tell) })
		first, rest, _ := strings.Cut(got, "\n")
		if !strings.HasPrefix(first, "ok    gpu 0 ") || !strings.HasPrefix(rest, c.want) || strings.Contains(rest, "\n") || c.want == "" && rest != "" {
			t.Errorf("%s:\ngot  %s\nwant %s", c.reason, rest, c.want)
		}
	}
}

func TestALostCardIsOneLine(t *testing.T) {
	lost := wellGPU(func(g *gpu.GPU) {
		g.Err = fmt.Errorf("%w: nvmlDeviceGetPowerUsage: GPU is lost (15); power the machine off and on", gpu.ErrLost)
	})
	want := "warn  gpu 0              the GPU is lost: nvmlDeviceGetPowerUsage: GPU is lost (15)  -> power the machine off and on"
	if got := told(func(tell func(finding)) { tellGPU(lost, gpu.Inventory{}, tell) }); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// sessionCounter opens encoder sessions up to a number, then fails.
type sessionCounter struct {
	left    int
	failure error
}

func (c *sessionCounter) open(gpu.GPU) (io.Closer, error) {
	if c.left == 0 {
		return nil, c.failure
	}
	c.left--
	return io.NopCloser(nil), nil
}

func TestACardsEncoderIsToldByWhatOpensBeforeWhatItsDriverSays(t *testing.T) {
	none := func(g *gpu.GPU) { g.Encoder.Free = gpu.Known(map[media.Codec]float64{}) }
	silent := func(g *gpu.GPU) { g.Encoder = gpu.Encoder{} }
	busy := func(g *gpu.GPU) {
		g.Encoder.Sessions = gpu.Known([]gpu.Session{
			{Process: 4242, Codec: media.H264, Size: media.Size{Width: 1280, Height: 720}, FrameRate: 60, Latency: 1500 * time.Microsecond},
			{Process: 4243, Size: media.Size{Width: 640, Height: 480}, FrameRate: 30, Latency: 900 * time.Microsecond},
		})
	}
	limit := fmt.Errorf("NvEncOpenEncodeSessionEx: out of memory (10): %w", gpu.ErrSessionLimit)
	const open = "; open: h264 1280x720 at 60 frames per second, 1.5 ms a frame, process 4242; unknown codec 640x480 at 30 frames per second, 0.9 ms a frame, process 4243"
	const software = "warn  gpu 0 encoder      no NVENC on this card: sessions are encoded in software  -> nothing, as long as the processor is fast enough"
	for _, c := range []struct {
		reason string
		card   gpu.GPU
		opener *sessionCounter // nil for a program without a driver for NVENC
		want   string
	}{
		{"the driver's word", wellGPU(), nil, "ok    gpu 0 encoder      NVENC for h264, hevc"},
		{"who uses it", wellGPU(busy), nil, "ok    gpu 0 encoder      NVENC for h264, hevc" + open},
		{"the driver says that there is none", wellGPU(none), nil, software},
		{"the driver says nothing", wellGPU(silent), nil, "ok    gpu 0 encoder      the driver does not tell what it encodes"},
		{"counted", wellGPU(), &sessionCounter{8, limit}, "ok    gpu 0 encoder      NVENC for h264, hevc, 8 sessions can be opened"},
		{"no limit met", wellGPU(silent), &sessionCounter{1000, nil}, "ok    gpu 0 encoder      NVENC, 32 or more sessions can be opened"},
		{"the driver names an encoder, and none opens", wellGPU(), &sessionCounter{0, gpu.ErrNoNVENC}, software},
		{"the driver names none, and one opens", wellGPU(none), &sessionCounter{2, limit}, "ok    gpu 0 encoder      NVENC, 2 sessions can be opened"},
		{"all taken", wellGPU(busy), &sessionCounter{0, limit},
			"warn  gpu 0 encoder      every session that the card allows is taken: sessions are encoded in software" + open + "  -> end other programs that encode on it: nvidia-smi -i 0"},
		{"another failure", wellGPU(), &sessionCounter{0, errors.New("CUDA: initialization error (3)")},
			"warn  gpu 0 encoder      sessions are encoded in software: open trial session 1 on 0000:65:00.0: CUDA: initialization error (3)  -> nvidia-smi -i 0"},
	} {
		var opener gpu.Opener
		if c.opener != nil {
			opener = c.opener.open
		}
		got := told(func(tell func(finding)) { tellGPUEncoder(t.Context(), c.card, opener, tell) })
		if !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") || !strings.Contains(c.want, "->") && got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.reason, got, c.want)
		}
	}
}

func TestAMachineWithoutACardIsOneCalmLineAndABrokenDriverOneWithItsRemedy(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   string
		warned bool // in an edge's log
	}{
		{fmt.Errorf("%w: its library libnvidia-ml.so.1 is not installed", gpu.ErrNone),
			"ok    gpu                no NVIDIA GPU: its library libnvidia-ml.so.1 is not installed; games are drawn by Mesa and encoded by the processor", false},
		{fmt.Errorf("%w: the driver was updated; reboot; or rmmod", gpu.ErrMismatch),
			"warn  gpu                NVIDIA's library and its kernel module are of different versions: the driver was updated  -> reboot; or rmmod", true},
		{fmt.Errorf("%w: 0000:65:00.0 is in this machine; modprobe nvidia", gpu.ErrNoDriver),
			"warn  gpu                an NVIDIA GPU without its driver: 0000:65:00.0 is in this machine  -> modprobe nvidia", true},
	} {
		open := func(context.Context) (*gpu.Library, error) { return nil, c.err }
		if got := told(func(tell func(finding)) { checkGPUs(t.Context(), open, nil, tell) }); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		// An edge goes on without, and shows no figures.
		var log bytes.Buffer
		registry := prometheus.NewRegistry()
		library, err := openGPUs(t.Context(), open, registry, slog.New(slog.NewTextHandler(&log, nil)))
		families, failure := registry.Gather()
		if library != nil || err != nil || failure != nil || len(families) > 0 || strings.Contains(log.String(), "level=WARN") != c.warned {
			t.Errorf("%v: got %v, %v, %d families, log %q", c.err, library, err, len(families), log.String())
		}
	}
}

// underDouble names the variable that tells this test, started anew, that the loader finds the double.
const underDouble = "NEARLIGHT_TEST_NVML_DOUBLE"

// The loader reads LD_LIBRARY_PATH when a process starts, so the test starts itself again.
func TestACardIsFoundThroughTheLoaderAndItsFiguresAreServed(t *testing.T) {
	if os.Getenv(underDouble) == "" {
		compiler, err := exec.LookPath("gcc")
		if err != nil {
			t.Skipf("SKIPPED %s: %v (apt-get install gcc)", t.Name(), err)
		}
		folder := t.TempDir()
		if out, err := exec.Command(compiler, "-shared", "-fPIC", "-o", filepath.Join(folder, "libnvidia-ml.so.1"), "../../edge/gpu/testdata/oldnvml.c").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		again.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, underDouble+"=1")
		out, err := again.CombinedOutput()
		if t.Log(string(out)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), "SKIP") {
			t.Skipf("SKIPPED %s: see above", t.Name())
		}
		return
	}
	got := told(func(tell func(finding)) { checkGPUs(t.Context(), gpu.Open, nil, tell) })
	if strings.Contains(got, gpu.ErrNone.Error()+" can be looked for") {
		t.Skipf("SKIPPED %s: built without cgo", t.Name())
	}
	want := "ok    gpu 0              NVIDIA Double?, driver unknown with CUDA unknown, 0000:65:00.0\n" +
		"warn  gpu 0 figures      some are not told: nvmlDeviceGetPowerUsage: Unknown Error (999)  -> dmesg | grep -i nvrm\n" +
		"ok    gpu 0 encoder      the driver does not tell what it encodes; open: h264 1280x720 at 60 frames per second, 1.5 ms a frame, process 4242; " +
		"unknown codec 640x480 at 30 frames per second, 0.9 ms a frame, process 4243"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	registry := prometheus.NewRegistry()
	library, err := openGPUs(t.Context(), gpu.Open, registry, slog.New(slog.DiscardHandler))
	if err != nil || library == nil {
		t.Fatalf("got %v, %v", library, err)
	}
	for _, families := range []int{6, 1} { // of the card and its two sessions; then of a library that is closed: the count of failures
		found, err := registry.Gather()
		if err != nil || len(found) != families {
			t.Errorf("%d families, want %d: %v, %v", len(found), families, found, err)
		}
		if err := library.Close(); err != nil {
			t.Error(err)
		}
	}
}
