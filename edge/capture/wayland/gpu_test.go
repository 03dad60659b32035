//go:build linux && cgo

package wayland_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture/wayland"
	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/capture/wayland/gpubuffer/fakegpu"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/encoder/nvenc"
	"nearlight/internal/cuda"
	"nearlight/internal/cuda/cudatest"
	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// card is a GPU and NVIDIA's driver without either, and the GPU's file.
type card struct {
	node string
	*fakegpu.Double
}

// onCard readies them; each test ends with nothing held and nothing done wrong.
func onCard(t *testing.T) card {
	t.Helper()
	driver.Load(t)
	gpu, err := fakegpu.Load(driver.Folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		gpu.Inject(fakegpu.None)
		for _, line := range gpu.Report() {
			t.Error(line)
		}
	})
	c := card{filepath.Join(t.TempDir(), "renderD128"), gpu}
	if err := os.WriteFile(c.node, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	gpu.Place(c.node, 0, false)
	return c
}

func (c card) open(t *testing.T, config gpubuffer.Config) *gpubuffer.Device {
	t.Helper()
	config.Node, config.Libraries, config.Logger = c.node, driver.Folder, slog.New(slog.DiscardHandler)
	device, err := gpubuffer.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	})
	return device
}

// onDevice opens a source; it is closed with the test, before its device.
func onDevice(t *testing.T, config wayland.Config) *wayland.Source {
	t.Helper()
	config.FrameRate = 1000
	source, err := wayland.Open(t.Context(), config)
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

func next(t *testing.T, source *wayland.Source) *media.Frame {
	t.Helper()
	f, err := source.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// halves paints a picture whose upper half is red and whose lower is blue.
func halves(size media.Size, upsideDown bool) func(wayland.DevicePlane) error {
	return func(plane wayland.DevicePlane) error {
		memory, err := unix.Mmap(plane.Descriptor, 0, plane.Offset+plane.Stride*size.Height, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		for y := range size.Height {
			for x := range size.Width {
				pixel := memory[plane.Offset+y*plane.Stride+4*x:]
				if pixel[0], pixel[2] = 255, 0; (y < size.Height/2) != upsideDown {
					pixel[0], pixel[2] = 0, 255
				}
			}
		}
		return unix.Munmap(memory)
	}
}

// isHalves checks a frame's planes.
func isHalves(t *testing.T, f *media.Frame) {
	t.Helper()
	for row, reddish := range map[int]bool{2: true, f.Coded.Height/2 - 3: false} {
		if cb, cr := f.U.Data[row*f.U.Stride+20], f.V.Data[row*f.V.Stride+20]; (cr > cb) != reddish || max(cb, cr) < 200 {
			t.Errorf("row %d of the chroma is Cb %d, Cr %d", row, cb, cr)
		}
	}
}

func always(size media.Size) func() media.Size { return func() media.Size { return size } }

func never(t *testing.T) func() { return func() { t.Error("a picture in shared memory") } }

func TestACompositorsPictureIsEncodedWithoutLeavingTheGPU(t *testing.T) {
	c := onCard(t)
	size := media.Size{Width: 320, Height: 180}
	device := c.open(t, gpubuffer.Config{})
	e, err := nvenc.Device{Libraries: driver.Folder}.H264(encoder.Config{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	decoder, err := decode.Open(media.H264)
	if err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	defer decoder.Close()
	source := onDevice(t, wayland.Config{Socket: wayland.ServePainter(t, always(size), false, halves(size, false), never(t)), Device: device})
	for n := range 5 {
		f := next(t, source)
		if f.Surface == nil || f.Y.Data != nil {
			t.Fatalf("%+v", f)
		}
		var unit []byte
		if _, err := e.Encode(f, encoder.Request{}, func(slice media.Slice) error {
			unit = append(unit, slice.Data...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		shown, err := decoder.Decode(unit)
		if err != nil || shown == nil {
			t.Fatalf("picture %d: %v, %v", n, shown, err)
		}
		isHalves(t, shown)
	}
	if err := source.Close(); err != nil { // before the encoder, which forgets the picture
		t.Error(err)
	}
}

func TestAScreensSizeChangesOnTheGPU(t *testing.T) {
	c := onCard(t)
	sizes := []media.Size{{Width: 320, Height: 180}, {Width: 160, Height: 90}, {Width: 640, Height: 360}}
	var shots, painted atomic.Int32
	size := func() media.Size { return sizes[min(int(shots.Add(1)-1)/3, len(sizes)-1)] }
	source := onDevice(t, wayland.Config{
		Socket: wayland.ServePainter(t, size, false, func(wayland.DevicePlane) error { painted.Add(1); return nil }, never(t)),
		Device: c.open(t, gpubuffer.Config{}), Logger: slog.New(slog.DiscardHandler),
	})
	for n := range 9 {
		f := next(t, source)
		picture, is := f.Surface.(*cuda.Picture)
		if !is || f.Visible != sizes[n/3] || picture.Size() != f.Coded || picture.Pointer() == nil {
			t.Errorf("picture %d: %+v", n, f)
		}
	}
	if painted.Load() != 9 {
		t.Errorf("%d pictures were drawn into buffers", painted.Load())
	}
}

func TestWithoutCUDAACompositorsPictureIsReadBack(t *testing.T) {
	for _, upsideDown := range []bool{false, true} {
		t.Run(fmt.Sprintf("upside down %v", upsideDown), func(t *testing.T) {
			c := onCard(t)
			size := media.Size{Width: 161, Height: 91}
			source := onDevice(t, wayland.Config{
				Socket: wayland.ServePainter(t, always(size), upsideDown, halves(size, upsideDown), never(t)), Device: c.open(t, gpubuffer.Config{InHost: true}),
			})
			for range 3 {
				f := next(t, source)
				if f.Surface != nil || f.Visible != size {
					t.Fatalf("%+v", f)
				}
				isHalves(t, f)
			}
		})
	}
}

func TestAGPUThatMakesNoBuffersIsPassedOver(t *testing.T) {
	for fault, says := range map[fakegpu.Fault]string{
		fakegpu.NoMemory: "cannot allocate memory", fakegpu.NoImport: "imported", fakegpu.ImportFails: "imported",
	} {
		t.Run(string(fault), func(t *testing.T) {
			c := onCard(t)
			device := c.open(t, gpubuffer.Config{})
			c.Inject(fault)
			var log strings.Builder
			var shared atomic.Int32
			none := func(wayland.DevicePlane) error { return errors.New("no buffer was made") }
			source := onDevice(t, wayland.Config{
				Socket: wayland.ServePainter(t, always(small), false, none, func() { shared.Add(1) }), Device: device,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			for range 2 {
				if f := next(t, source); f.Surface != nil {
					t.Errorf("%+v", f)
				}
			}
			if said := log.String(); shared.Load() != 2 || strings.Count(said, "going on in shared memory") != 1 || !strings.Contains(said, says) {
				t.Errorf("%d pictures in shared memory, it says %s", shared.Load(), said)
			}
		})
	}
}

func TestACompositorOnTheProcessorIsCapturedThoughThereIsAGPU(t *testing.T) {
	device := onCard(t).open(t, gpubuffer.Config{})
	d := start(t, small)
	var log strings.Builder
	source := d.open(wayland.Config{Device: device, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	d.fill(0xffffff, 0, 0, 640, 360)
	d.shows(source, "white", func(f *media.Frame) bool { return luma(f, 320, 180) == white })
	if said := log.String(); strings.Count(said, "going on in shared memory") != 1 || !strings.Contains(said, "draws on the processor") {
		t.Errorf("it says %s", said)
	}
}

func TestGPUSessionsPicturesStayOnIt(t *testing.T) {
	cudatest.Wanted(t)
	node := sandbox.RenderNode()
	if node == "" {
		t.Skip("COULD NOT RUN: there is no /dev/dri/renderD*")
	}
	device, err := gpubuffer.Open(gpubuffer.Config{Node: node, Libraries: os.Getenv(cudatest.LibrariesVariable)})
	if err != nil {
		t.Skipf("COULD NOT RUN: %v", err)
	}
	defer func() {
		if err := device.Close(); err != nil {
			t.Error(err)
		}
	}()
	d := start(t, small)
	var log strings.Builder
	source := d.open(wayland.Config{Device: device, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	d.fill(0xffffff, 0, 0, 640, 360)
	var shown *media.Frame
	for shown == nil || !shown.Still {
		shown = d.next(source, 300*time.Millisecond)
	}
	if picture, is := shown.Surface.(*cuda.Picture); is {
		pixels := make([]byte, 4*small.Width*small.Height)
		d.must(picture.Read(pixels, 4*small.Width, nil))
		if middle := pixels[4*(180*small.Width+320):][:3]; !bytes.Equal(middle, []byte{255, 255, 255}) {
			t.Errorf("what was filled white is %v", middle)
		}
	} else if got := luma(shown, 320, 180); got != white {
		t.Errorf("what was filled white has luma %d", got)
	}
	if said := log.String(); said != "" {
		t.Errorf("it says %s", said)
	}
	d.must(source.Close())
	t.Logf("%s: a Surface %v", device.Driver(), shown.Surface != nil)
}
