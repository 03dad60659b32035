//go:build linux && cgo

package gpubuffer_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture/wayland"
	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/capture/wayland/gpubuffer/fakegpu"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/encoder/nvenc/fakedriver/fakedrivertest"
	"nearlight/internal/media"
)

// driver is the double of NVIDIA's driver; the double of a GPU lies in the same folder.
var driver fakedrivertest.Setup

func TestMain(m *testing.M) {
	os.Exit(driver.Run(m, "", func(folder string) error { return errors.Join(fakedriver.Build(folder), fakegpu.Build(folder)) }))
}

// texturesNamed is more than OpenGL names in a test.
const texturesNamed = 8

// rig is the doubles, and a device on them.
type rig struct {
	t      *testing.T
	gpu    *fakegpu.Double
	driver *fakedriver.Double
	node   string
}

// onDoubles readies the doubles. With cuda the GPU is NVIDIA's; each test ends with nothing held and nothing done wrong.
func onDoubles(t *testing.T, cuda bool) *rig {
	t.Helper()
	r := &rig{t: t, driver: driver.Load(t), node: filepath.Join(t.TempDir(), "renderD128")}
	var err error
	if r.gpu, err = fakegpu.Load(driver.Folder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.gpu.Inject(fakegpu.None)
		for _, line := range r.gpu.Report() {
			t.Error(line)
		}
	})
	if err := os.WriteFile(r.node, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.place(cuda, false)
	return r
}

func (r *rig) place(cuda, asMemory bool) {
	ordinal := -1
	if cuda {
		ordinal = 0
	}
	r.gpu.Place(r.node, ordinal, asMemory)
}

// open opens the device; it is closed with the test.
func (r *rig) open(config gpubuffer.Config) *gpubuffer.Device {
	r.t.Helper()
	config.Node, config.Libraries = r.node, driver.Folder
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := gpubuffer.Open(config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			r.t.Error(err)
		}
	})
	return d
}

// allocate makes a buffer; it is closed with the test.
func (r *rig) allocate(d *gpubuffer.Device, format wayland.Format, size media.Size, modifiers ...uint64) *gpubuffer.Buffer {
	r.t.Helper()
	b, err := d.Allocate(format, size, modifiers)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := errors.Join(b.Close(), b.Close()); err != nil {
			r.t.Error(err)
		}
	})
	return b.(*gpubuffer.Buffer)
}

// hang has every texture of OpenGL hold pixels, as CUDA's double sees it: it knows nothing of what OpenGL draws.
func (r *rig) hang(size media.Size, pixels []byte) {
	for name := range uint32(texturesNamed) {
		r.driver.Texture(name+1, size, pixels)
	}
}

// pixel is a picture's colour at a place: three octets.
type pixel struct{ red, green, blue byte }

// paint draws a picture into a plane as a compositor would, in the order of a format.
func paint(plane wayland.DevicePlane, format wayland.Format, size media.Size, upsideDown bool, colour func(x, y int) pixel) error {
	length := plane.Offset + plane.Stride*size.Height
	memory, err := unix.Mmap(plane.Descriptor, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %d bytes of plane %+v: %w", length, plane, err)
	}
	for y := range size.Height {
		row := y
		if upsideDown {
			row = size.Height - 1 - y
		}
		for x := range size.Width {
			c, at := colour(x, y), memory[plane.Offset+row*plane.Stride+4*x:]
			if at[0], at[1], at[2], at[3] = c.blue, c.green, c.red, 0; format.RedFirst() {
				at[0], at[2] = c.red, c.blue
			}
		}
	}
	return unix.Munmap(memory)
}

// octets are the same picture's bytes without gaps, in an order.
func octets(size media.Size, redFirst bool, alpha byte, colour func(x, y int) pixel) []byte {
	data := make([]byte, 0, 4*size.Width*size.Height)
	for y := range size.Height {
		for x := range size.Width {
			if c := colour(x, y); redFirst {
				data = append(data, c.red, c.green, c.blue, alpha)
			} else {
				data = append(data, c.blue, c.green, c.red, alpha)
			}
		}
	}
	return data
}
