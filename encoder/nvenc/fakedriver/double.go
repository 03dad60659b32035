//go:build cgo

package fakedriver

/*
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef int inject(const char *name, int after);
typedef int report(char *text, size_t size);
typedef void texture(unsigned number, int width, int height, const uint8_t *pixels);

typedef struct { // fakedriver_image
	int width, height, planes, channels;
	size_t stride;
	int red_first, pitched;
	uint8_t *pixels;
} image;
typedef int set_image(void *handle, const image *is);

static int call_inject(void *f, const char *name, int after) { return ((inject *)f)(name, after); }
static int call_report(void *f, char *text, size_t size) { return ((report *)f)(text, size); }
static void call_texture(void *f, unsigned number, int width, int height, const uint8_t *pixels) {
	((texture *)f)(number, width, height, pixels);
}
static int call_set_image(void *f, uintptr_t handle, const image *is) { return ((set_image *)f)((void *)handle, is); }
*/
import "C"

import (
	"cmp"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unsafe"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

//go:embed driver
var sources embed.FS

// Packages are the Debian packages that building needs, besides gcc.
const Packages = "gcc libffmpeg-nvenc-dev libx264-dev libx265-dev"

// Build compiles the two libraries into folder, with what CFLAGS in the environment adds (-fsanitize=address beside `go test
// -asan`). The error wraps ErrNotBuilt.
func Build(folder string) error {
	work, err := os.MkdirTemp("", "fakedriver")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, sources); err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	c := filepath.Join(work, "driver")
	for _, library := range []struct {
		soname  string
		sources []string
		linked  []string
	}{
		{"libcuda.so.1", []string{"books.c", "cuda.c", "graphics.c"}, nil},
		{"libnvidia-encode.so.1", []string{"nvenc.c", "session.c", "buffers.c", "input.c", "h264.c", "hevc.c"},
			[]string{"-L" + folder, "-l:libcuda.so.1", "-lx264", "-lx265", "-lm"}},
	} {
		arguments := []string{"-O2", "-g", "-Wall", "-Werror", "-shared", "-fPIC", "-Wl,-soname," + library.soname, "-o", filepath.Join(folder, library.soname)}
		arguments = append(append(append(arguments, strings.Fields(os.Getenv("CFLAGS"))...), library.sources...), library.linked...)
		arguments = append(arguments, "-lpthread")
		gcc := exec.Command("gcc", arguments...)
		gcc.Dir = c
		if said, err := gcc.CombinedOutput(); err != nil {
			return fmt.Errorf("%w (apt-get install -y --no-install-recommends %s): %w: %s", ErrNotBuilt, Packages, err, firstLine(said))
		}
	}
	return nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// Double is a loaded double. It is one for the whole process, whatever it was loaded through.
type Double struct {
	inject, report, texture, setImage unsafe.Pointer
}

// Load loads the double from folder, or where that is empty from where the system's loader looks.
func Load(folder string) (*Double, error) {
	library, err := cuda.OpenLibrary(folder, "libcuda.so.1")
	if err != nil {
		return nil, err
	}
	d := &Double{}
	for name, symbol := range map[string]*unsafe.Pointer{
		"fakedriver_inject": &d.inject, "fakedriver_report": &d.report, "fakedriver_texture": &d.texture, "fakedriver_set_image": &d.setImage,
	} {
		if *symbol, err = library.Symbol(name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Inject has a fault act, after so many pictures where it is one that waits.
func (d *Double) Inject(fault Fault, after int) {
	name := C.CString(string(fault))
	defer C.free(unsafe.Pointer(name))
	if C.call_inject(d.inject, name, C.int(after)) < 0 {
		panic("fakedriver: no fault is called " + string(fault))
	}
}

// Report is what was done wrong since the last report, and what is still held: nothing in a good program that has closed all.
func (d *Double) Report() []string {
	var text [1 << 14]C.char
	if C.call_report(d.report, &text[0], C.size_t(len(text))) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSpace(C.GoString(&text[0])), "\n")
}

// Texture makes a GL texture of a number, for cuda.Context.ImportTexture: pixels are rows of RGBA without gaps.
func (d *Double) Texture(number uint32, size media.Size, pixels []byte) {
	if len(pixels) != 4*size.Width*size.Height {
		panic("fakedriver: a texture of another size than its pixels")
	}
	C.call_texture(d.texture, C.unsigned(number), C.int(size.Width), C.int(size.Height), (*C.uint8_t)(&pixels[0]))
}

// Image is an EGL image as the double's CUDA sees it.
type Image struct {
	Size     media.Size
	Planes   int  // 0 means one
	Channels int  // 0 means four
	RedFirst bool // R, G, B, A in memory; else B, G, R, A
	Pitched  bool // it is memory; else an array
	Stride   int  // bytes; 0 for rows without gaps
	Pixels   []byte
}

// Image makes an EGL image, for cuda.Context.ImportImage. Pixels are copied; what is returned is its handle, and forget destroys it.
func (d *Double) Image(is Image) (handle unsafe.Pointer, forget func()) {
	stride := max(is.Stride, 4*is.Size.Width)
	if len(is.Pixels) != stride*is.Size.Height {
		panic("fakedriver: an image of another size than its pixels")
	}
	pixels := C.CBytes(is.Pixels)
	c := C.image{
		width: C.int(is.Size.Width), height: C.int(is.Size.Height), planes: C.int(cmp.Or(is.Planes, 1)), channels: C.int(cmp.Or(is.Channels, 4)),
		stride: C.size_t(stride), pixels: (*C.uint8_t)(pixels),
	}
	if is.RedFirst {
		c.red_first = 1
	}
	if is.Pitched {
		c.pitched = 1
	}
	// The pixels' address does for a handle: nobody looks into it.
	if C.call_set_image(d.setImage, C.uintptr_t(uintptr(pixels)), &c) < 0 {
		panic("fakedriver: too many images")
	}
	return pixels, func() {
		C.call_set_image(d.setImage, C.uintptr_t(uintptr(pixels)), nil)
		C.free(pixels)
	}
}
