//go:build linux && cgo

package fakegpu

/*
#include <stddef.h>
#include <stdlib.h>

static void call_inject(void *f, const char *name) { ((void (*)(const char *))f)(name); }
static void call_report(void *f, char *text, size_t size) { ((void (*)(char *, size_t))f)(text, size); }
static void call_place(void *f, const char *node, int cuda, int pitched) { ((void (*)(const char *, int, int))f)(node, cuda, pitched); }
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

	"nearlight/internal/cuda"
)

//go:embed driver
var sources embed.FS

// Packages are the Debian packages that building needs, besides gcc.
const Packages = "gcc libegl-dev libgles-dev libegl1"

// Build compiles the two libraries into folder, with what CFLAGS in the environment adds. The error wraps ErrNotBuilt.
func Build(folder string) error {
	work, err := os.MkdirTemp("", "fakegpu")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, sources); err != nil {
		return fmt.Errorf("%w: %w", ErrNotBuilt, err)
	}
	found, err := exec.Command("gcc", "-print-file-name=libEGL.so.1").Output()
	system := strings.TrimSpace(string(found))
	if err != nil || !filepath.IsAbs(system) {
		return fmt.Errorf("%w (apt-get install -y --no-install-recommends %s): gcc finds no libEGL.so.1: %v", ErrNotBuilt, Packages, err)
	}
	for _, library := range []struct{ soname, source string }{{"libgbm.so.1", "gbm.c"}, {"libEGL.so.1", "egl.c"}} {
		arguments := []string{"-O2", "-g", "-Wall", "-Werror", "-shared", "-fPIC", fmt.Sprintf("-DREAL=%q", system), "-Wl,-soname," + library.soname}
		arguments = append(append(arguments, strings.Fields(os.Getenv("CFLAGS"))...), "-o", filepath.Join(folder, library.soname), library.source, "-ldl", "-lpthread")
		gcc := exec.Command("gcc", arguments...)
		gcc.Dir = filepath.Join(work, "driver")
		if said, err := gcc.CombinedOutput(); err != nil {
			return fmt.Errorf("%w (apt-get install -y --no-install-recommends %s): %w: %s", ErrNotBuilt, Packages, err, said)
		}
	}
	return nil
}

// Double is a loaded double. It is one for the whole process.
type Double struct {
	gbmInject, gbmReport, eglInject, eglReport, eglPlace unsafe.Pointer
}

// Load loads the double from folder.
func Load(folder string) (*Double, error) {
	d := &Double{}
	for soname, symbols := range map[string]map[string]*unsafe.Pointer{
		"libgbm.so.1": {"fakegpu_gbm_inject": &d.gbmInject, "fakegpu_gbm_report": &d.gbmReport},
		"libEGL.so.1": {"fakegpu_egl_inject": &d.eglInject, "fakegpu_egl_report": &d.eglReport, "fakegpu_egl_place": &d.eglPlace},
	} {
		library, err := cuda.OpenLibrary(folder, soname)
		if err != nil {
			return nil, err
		}
		for name, symbol := range symbols {
			if *symbol, err = library.Symbol(name); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// Place says which GPU the double stands for: its file, and CUDA's number of it, or -1 for one that is not NVIDIA's. asMemory has CUDA
// see images as memory, not as arrays.
func (d *Double) Place(node string, ordinal int, asMemory bool) {
	name := C.CString(node)
	defer C.free(unsafe.Pointer(name))
	memory := C.int(0)
	if asMemory {
		memory = 1
	}
	C.call_place(d.eglPlace, name, C.int(ordinal), memory)
}

// Inject has a fault act.
func (d *Double) Inject(fault Fault) {
	name := C.CString(string(fault))
	defer C.free(unsafe.Pointer(name))
	C.call_inject(d.gbmInject, name)
	C.call_inject(d.eglInject, name)
}

// Report is what was done wrong since the last report, and what is still held: nothing in a good program that has closed all.
func (d *Double) Report() []string {
	var lines []string
	for _, report := range []unsafe.Pointer{d.gbmReport, d.eglReport} {
		var text [1 << 13]C.char
		C.call_report(report, &text[0], C.size_t(len(text)))
		lines = append(lines, strings.FieldsFunc(C.GoString(&text[0]), func(r rune) bool { return r == '\n' })...)
	}
	return lines
}
