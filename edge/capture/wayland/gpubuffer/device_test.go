//go:build linux && cgo

package gpubuffer_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nearlight/edge/capture/wayland"
	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/capture/wayland/gpubuffer/fakegpu"
	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

var (
	size    = media.Size{Width: 96, Height: 64}
	formats = []wayland.Format{wayland.FormatXRGB8888, wayland.FormatARGB8888, wayland.FormatXBGR8888, wayland.FormatABGR8888}
)

// slope is a picture in which no two rows or columns are alike.
func slope(x, y int) pixel { return pixel{byte(2*x + 10), byte(3 * y), byte(255 - x - y)} }

func whole(s media.Size) image.Rectangle { return image.Rect(0, 0, s.Width, s.Height) }

func TestAPictureIsReadBackInItsColours(t *testing.T) {
	r := onDoubles(t, false)
	d := r.open(gpubuffer.Config{})
	for _, size := range []media.Size{size, {Width: 61, Height: 33}, {Width: 16, Height: 17}} {
		for _, format := range formats {
			for _, upsideDown := range []bool{false, true} {
				for _, layout := range []uint64{fakegpu.Linear, fakegpu.Own} {
					b := r.allocate(d, format, size, 99, layout)
					if b.Way() != gpubuffer.ReadBack || b.Modifier() != layout || len(b.Planes()) != 1 {
						t.Fatalf("%v, layout %#x, %d planes", b.Way(), b.Modifier(), len(b.Planes()))
					}
					want, got := media.NewFrame(size), media.NewFrame(size)
					if err := yuv.FromBGRX(want, octets(size, false, 0, slope), 4*size.Width); err != nil {
						t.Fatal(err)
					}
					if err := errors.Join(paint(b.Planes()[0], format, size, upsideDown, slope), b.Convert(got, whole(size), upsideDown)); err != nil {
						t.Fatal(err)
					}
					if got.Surface != nil || !bytes.Equal(got.Y.Data, want.Y.Data) || !bytes.Equal(got.U.Data, want.U.Data) || !bytes.Equal(got.V.Data, want.V.Data) {
						t.Errorf("%v in %v, layout %#x, upside down %v: other pixels", size, format, layout, upsideDown)
					}
					if err := b.Close(); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
}

func TestOnlyThePartThatChangedIsConverted(t *testing.T) {
	r := onDoubles(t, false)
	b := r.allocate(r.open(gpubuffer.Config{}), formats[0], size, fakegpu.Own)
	f := media.NewFrame(size)
	white := func(int, int) pixel { return pixel{255, 255, 255} }
	for range 3 {
		if err := errors.Join(paint(b.Planes()[0], formats[0], size, false, white), b.Convert(f, image.Rect(32, 16, 64, 32), false)); err != nil {
			t.Fatal(err)
		}
	}
	if in, out := f.Y.Data[20*f.Y.Stride+40], f.Y.Data[20*f.Y.Stride+70]; in != 235 || out != 0 {
		t.Errorf("luma %d inside the part, %d outside", in, out)
	}
	if err := b.Convert(f, image.Rect(0, 0, size.Width+2, 4), false); !errors.Is(err, yuv.ErrBounds) {
		t.Errorf("a part that is not the picture's: %v", err)
	}
}

func TestWhereCUDAReadsImagesAPictureIsCopiedOnce(t *testing.T) {
	for _, asMemory := range []bool{false, true} {
		t.Run(fmt.Sprintf("as memory %v", asMemory), func(t *testing.T) {
			r := onDoubles(t, true)
			r.place(true, asMemory)
			d := r.open(gpubuffer.Config{})
			for _, format := range formats {
				b := r.allocate(d, format, size, fakegpu.Own)
				if b.Way() != gpubuffer.Shared {
					t.Fatalf("the way is %v", b.Way())
				}
				for n := range 3 { // it is the buffer as it is now
					colour := func(x, y int) pixel { return slope(x+40*n, y) }
					var f media.Frame
					if err := errors.Join(paint(b.Planes()[0], format, size, false, colour), b.Convert(&f, whole(size), false)); err != nil {
						t.Fatal(err)
					}
					surface, is := f.Surface.(*cuda.Picture)
					if !is || surface.Kind() != cuda.Linear || surface.Size() != size || (surface.Format() == cuda.RGBA) != format.RedFirst() {
						t.Fatalf("%v: %+v", format, f)
					}
					got := make([]byte, 4*size.Width*size.Height)
					if err := surface.Read(got, 4*size.Width, nil); err != nil || !bytes.Equal(got, octets(size, format.RedFirst(), 0, colour)) {
						t.Errorf("%v, picture %d: other pixels, %v", format, n, err)
					}
				}
			}
		})
	}
}

func TestWhereCUDAReadsNoImagesOpenGLCopiesThemFirst(t *testing.T) {
	r := onDoubles(t, true)
	r.driver.Inject(fakedriver.NoImages, 0)
	want := octets(size, true, 255, slope)
	r.hang(size, want)
	var log strings.Builder
	d := r.open(gpubuffer.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 2 {
		b := r.allocate(d, formats[0], size, fakegpu.Own)
		for range 3 {
			r.converts(b, size, want, false)
		}
	}
	if said := log.String(); strings.Count(said, "CUDA_ERROR_NOT_SUPPORTED") != 1 || strings.Count(said, "copied by OpenGL") != 1 {
		t.Errorf("it says %s", said)
	}
}

// converts checks that a buffer's picture arrives by way of textures.
func (r *rig) converts(b *gpubuffer.Buffer, size media.Size, want []byte, upsideDown bool) {
	r.t.Helper()
	var f media.Frame
	if err := b.Convert(&f, whole(size), upsideDown); err != nil {
		r.t.Fatal(err)
	}
	surface, is := f.Surface.(*cuda.Picture)
	if !is || b.Way() != gpubuffer.Textured || surface.Format() != cuda.RGBA || surface.Size() != size.Even() {
		r.t.Fatalf("%v, %v: %+v", size, b.Way(), f)
	}
	got := make([]byte, len(want))
	if err := surface.Read(got, 4*size.Even().Width, nil); err != nil || !bytes.Equal(got, want) {
		r.t.Errorf("other pixels, %v", err)
	}
}

func TestWhatCUDACannotCopyOpenGLDoes(t *testing.T) {
	r := onDoubles(t, true)
	d := r.open(gpubuffer.Config{})
	odd := media.Size{Width: 95, Height: 63}
	want := octets(size, true, 255, slope)
	r.hang(size, want)
	r.converts(r.allocate(d, formats[0], odd, fakegpu.Own), odd, want, false)

	b := r.allocate(d, formats[0], size, fakegpu.Own)
	if b.Way() != gpubuffer.Shared {
		t.Errorf("%v", b.Way())
	}
	r.converts(b, size, want, true)
	r.converts(b, size, want, false) // it stays so
}

func TestADeviceForWhoDrawsIntoPlanesGivesPlanes(t *testing.T) {
	r := onDoubles(t, true)
	if b := r.allocate(r.open(gpubuffer.Config{InHost: true}), formats[0], size); b.Way() != gpubuffer.ReadBack {
		t.Errorf("the way is %v", b.Way())
	}
}

func TestALayoutIsOneThatBothSidesTake(t *testing.T) {
	r := onDoubles(t, false)
	d := r.open(gpubuffer.Config{})
	for _, row := range []struct {
		compositor []uint64
		want       uint64
		reason     string
	}{
		{[]uint64{fakegpu.Own, fakegpu.Linear}, fakegpu.Own, "the compositor's order"},
		{[]uint64{gles.NoModifier, fakegpu.Linear}, fakegpu.Linear, "one by name, before the driver's own"},
		{[]uint64{gles.NoModifier}, gles.NoModifier, "the driver's own"},
		{nil, gles.NoModifier, "none told"},
	} {
		if b := r.allocate(d, formats[0], size, row.compositor...); b.Modifier() != row.want {
			t.Errorf("%s: %#x", row.reason, b.Modifier())
		}
	}
	for reason, layouts := range map[string][]uint64{"unknown": {99}, "sampled only": {fakegpu.Sampled}} {
		if _, err := d.Allocate(formats[0], size, layouts); err == nil || !strings.Contains(err.Error(), "no layout in common") {
			t.Errorf("%s: %v", reason, err)
		}
	}
	r.gpu.Inject(fakegpu.NoLayouts)
	if b := r.allocate(d, formats[0], size, 99); b.Modifier() != gles.NoModifier {
		t.Errorf("where OpenGL tells no layouts: %#x", b.Modifier())
	}
}

func TestBuffersThatCannotBeAreRefused(t *testing.T) {
	for _, nvidia := range []bool{false, true} {
		t.Run(fmt.Sprintf("NVIDIA %v", nvidia), func(t *testing.T) {
			r := onDoubles(t, nvidia)
			d := r.open(gpubuffer.Config{})
			descriptors := openDescriptors(t)
			refused := func(reason string, size media.Size, says string) {
				t.Helper()
				b, err := d.Allocate(formats[0], size, []uint64{fakegpu.Linear})
				if err == nil || b != nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %v", reason, err)
				}
			}
			for _, hostile := range []media.Size{{}, {Width: -1, Height: 16}, {Width: 1 << 30, Height: 1 << 30}, {Width: 1<<31 - 1, Height: 1}} {
				refused("hostile", hostile, "size")
			}
			for fault, says := range map[fakegpu.Fault]string{
				fakegpu.NoMemory: "cannot allocate memory", fakegpu.FivePlanes: "5 planes", fakegpu.NoPlanes: "0 planes",
				fakegpu.NoDescriptor: "too many open files", fakegpu.OtherLayout: "layout 0x63", fakegpu.ShortRows: "rows of 4 bytes",
				fakegpu.HugeRows: "plane 0", fakegpu.HugeOffset: "plane 0", fakegpu.NoImport: "EGL_EXT_image_dma_buf_import",
				fakegpu.NoFormat: "no layout", fakegpu.ImportFails: "EGL error 0x3009",
			} {
				r.gpu.Inject(fault)
				refused(string(fault), size, says)
			}
			r.gpu.Inject(fakegpu.None)
			if after := openDescriptors(t); after != descriptors {
				t.Errorf("%d descriptors before, %d after", descriptors, after)
			}
			r.allocate(d, formats[0], size, fakegpu.Linear) // it still can
		})
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAGPUThatCannotBeOpenedSaysWhy(t *testing.T) {
	r := onDoubles(t, false)
	open := func(node string) error {
		d, err := gpubuffer.Open(gpubuffer.Config{Node: node})
		if err == nil {
			d.Close()
		}
		return err
	}
	if err := open(filepath.Join(t.TempDir(), "renderD128")); !errors.Is(err, gpubuffer.ErrUnavailable) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	r.gpu.Inject(fakegpu.NoDriver)
	if err := open(r.node); !errors.Is(err, gpubuffer.ErrUnavailable) || !strings.Contains(err.Error(), "no driver") {
		t.Errorf("no driver: %v", err)
	}
	r.gpu.Inject(fakegpu.None)
	r.gpu.Place("/dev/dri/renderD200", -1, false)
	if err := open(r.node); !errors.Is(err, gpubuffer.ErrUnavailable) || !errors.Is(err, gles.ErrUnavailable) {
		t.Errorf("not of EGL: %v", err)
	}
}

func TestWithoutCUDAAnNVIDIAGPUReadsBack(t *testing.T) {
	r := onDoubles(t, true)
	r.driver.Inject(fakedriver.NoDevice, 0)
	var log strings.Builder
	d := r.open(gpubuffer.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if b := r.allocate(d, formats[0], size, fakegpu.Linear); b.Way() != gpubuffer.ReadBack {
		t.Errorf("the way is %v", b.Way())
	}
	if !strings.Contains(log.String(), "without CUDA") {
		t.Errorf("it says %s", log.String())
	}
}

func TestATrialSeesWhatASessionWould(t *testing.T) {
	r := onDoubles(t, true)
	d := r.open(gpubuffer.Config{})
	for _, asMemory := range []bool{false, true} {
		r.place(true, asMemory)
		if trial, err := d.Try(size); err != nil || trial.Way != gpubuffer.Shared || trial.Layout != fakegpu.Own || trial.Took <= 0 {
			t.Errorf("%+v, %v", trial, err)
		}
	}
	r.driver.Inject(fakedriver.NoImages, 0)
	r.hang(size, octets(size, true, 255, func(int, int) pixel { return pixel{200, 100, 50} }))
	if trial, err := d.Try(size); err != nil || trial.Way != gpubuffer.Textured {
		t.Errorf("%+v, %v", trial, err)
	}
	r.hang(size, octets(size, true, 255, func(int, int) pixel { return pixel{50, 100, 200} })) // red and blue are mistaken
	if _, err := d.Try(size); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("wrong colours: %v", err)
	}
	for _, odd := range []media.Size{size, {Width: 33, Height: 17}} {
		if trial, err := r.open(gpubuffer.Config{InHost: true}).Try(odd); err != nil || trial.Way != gpubuffer.ReadBack {
			t.Errorf("%+v, %v", trial, err)
		}
	}
	r.gpu.Inject(fakegpu.NoMemory)
	if _, err := d.Try(size); err == nil {
		t.Error("no error where there is no memory")
	}
}

func TestEveryWayHasAName(t *testing.T) {
	names := []string{gpubuffer.ReadBack.String(), gpubuffer.Textured.String(), gpubuffer.Shared.String()}
	slices.Sort(names)
	if len(slices.Compact(names)) != 3 || slices.Contains(names, "") {
		t.Errorf("%q", names)
	}
}
