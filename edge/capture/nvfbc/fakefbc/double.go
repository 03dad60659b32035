//go:build cgo

package fakefbc

/*
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef void show(int width, int height, const uint8_t *pixels);
typedef int inject(const char *name, int calls);
typedef int await(void);
typedef int report(char *text, size_t size);

static void call_show(void *f, int width, int height, const uint8_t *pixels) { ((show *)f)(width, height, pixels); }
static int call_inject(void *f, const char *name, int calls) { return ((inject *)f)(name, calls); }
static int call_await(void *f) { return ((await *)f)(); }
static int call_report(void *f, char *text, size_t size) { return ((report *)f)(text, size); }
*/
import "C"

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unsafe"

	"nearlight/encoder/nvenc/fakedriver"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

//go:embed driver
var sources embed.FS

const soname = "libnvidia-fbc.so.1"

// Build compiles the double into folder, beside that of the rest of NVIDIA's driver, with what CFLAGS in the environment adds. The
// error wraps ErrNotBuilt.
func Build(folder string) error {
	if err := fakedriver.Build(folder); err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	work, err := os.MkdirTemp("", "fakefbc")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, sources); err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	arguments := []string{"-O2", "-g", "-Wall", "-Werror", "-shared", "-fPIC", "-Wl,-soname," + soname, "-o", filepath.Join(folder, soname)}
	arguments = append(append(arguments, strings.Fields(os.Getenv("CFLAGS"))...), "books.c", "fbc.c", "grab.c")
	// By its own folder it finds the double of libcuda where a test has not loaded that yet.
	arguments = append(arguments, "-L"+folder, "-l:libcuda.so.1", "-Wl,-rpath,$ORIGIN", "-lpthread")
	gcc := exec.Command("gcc", arguments...)
	gcc.Dir = filepath.Join(work, "driver")
	if said, err := gcc.CombinedOutput(); err != nil {
		line, _, _ := strings.Cut(string(said), "\n")
		return fmt.Errorf("%w: %w: %s", ErrNotBuilt, err, line)
	}
	return nil
}

// Double is a loaded double. It is one for the whole process, whatever it was loaded through.
type Double struct {
	show, inject, await, report unsafe.Pointer
}

// Load loads the double from folder.
func Load(folder string) (*Double, error) {
	library, err := cuda.OpenLibrary(folder, soname)
	if err != nil {
		return nil, err
	}
	d := &Double{}
	for name, symbol := range map[string]*unsafe.Pointer{
		"fakefbc_show": &d.show, "fakefbc_inject": &d.inject, "fakefbc_await": &d.await, "fakefbc_report": &d.report,
	} {
		if *symbol, err = library.Symbol(name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Show draws the screen: rows of BGRA without gaps. Another size than before is a change of the screen's mode.
func (d *Double) Show(size media.Size, pixels []byte) {
	if len(pixels) != 4*size.Width*size.Height {
		panic("fakefbc: a screen of another size than its pixels")
	}
	C.call_show(d.show, C.int(size.Width), C.int(size.Height), (*C.uint8_t)(&pixels[0]))
}

// Inject has a fault act, on so many calls where it is one that counts.
func (d *Double) Inject(fault Fault, calls int) {
	name := C.CString(string(fault))
	defer C.free(unsafe.Pointer(name))
	if C.call_inject(d.inject, name, C.int(calls)) < 0 {
		panic("fakefbc: no fault is called " + string(fault))
	}
}

// AwaitGrab returns once a grab waits for a frame; it reports false after ten seconds without one.
func (d *Double) AwaitGrab() bool { return C.call_await(d.await) != 0 }

// Report is what was done wrong since the last report, and what is still held: nothing in a good program that has closed all.
func (d *Double) Report() []string {
	var text [1 << 14]C.char
	if C.call_report(d.report, &text[0], C.size_t(len(text))) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSpace(C.GoString(&text[0])), "\n")
}
