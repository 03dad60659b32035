//go:build cgo

package cuda

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -ldl
#include "shim.h"
#include <stdlib.h>
#include <dlfcn.h>
*/
import "C"

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"
)

// Library is one of the driver's shared libraries. It stays in memory until the process ends.
type Library struct {
	name   string
	handle unsafe.Pointer
}

// OpenLibrary opens a library by its soname: from folder, or where that is empty from where the system's loader looks. The
// error wraps ErrNoLibrary or ErrNotALibrary.
func OpenLibrary(folder, soname string) (*Library, error) {
	path := soname
	if folder != "" {
		path = filepath.Join(folder, soname)
		if !filepath.IsAbs(path) { // a name without a slash would be looked for elsewhere
			path = "./" + path
		}
		if err := whole(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s has no %s; install the driver, or name the folder that has its libraries", ErrNoLibrary, folder, soname)
		} else if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNotALibrary, path, err)
		}
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var text [C.NL_TEXT]C.char
	handle := C.nl_library_open(name, &text[0])
	if handle == nil {
		said := C.GoString(&text[0])
		if folder == "" && strings.Contains(said, "No such file") { // glibc's words; it gives no code
			return nil, fmt.Errorf("%w: the system has no %s; install the driver of its NVIDIA GPU, if it has one", ErrNoLibrary, soname)
		}
		return nil, fmt.Errorf("%w: %s", ErrNotALibrary, said)
	}
	return &Library{name: path, handle: handle}, nil
}

// whole checks that a library has all that its header promises: the loader trusts it, and crashes on a file cut short.
func whole(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if end := segment.Off + segment.Filesz; end < segment.Off || end > uint64(info.Size()) {
			return fmt.Errorf("cut short: %d bytes, and a segment ends at %d", info.Size(), end)
		}
	}
	return nil
}

// Symbol is the address of a function. The error wraps ErrNotALibrary.
func (l *Library) Symbol(name string) (unsafe.Pointer, error) {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	if symbol := C.dlsym(l.handle, text); symbol != nil {
		return symbol, nil
	}
	return nil, fmt.Errorf("%w: %s has no function %s", ErrNotALibrary, l.name, name)
}
