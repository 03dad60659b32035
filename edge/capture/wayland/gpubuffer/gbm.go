//go:build linux && cgo

package gpubuffer

/*
#cgo CFLAGS: -O2 -Wall
#cgo LDFLAGS: -ldl
#include "gbm.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
)

// allocator makes buffers on one GPU.
type allocator struct {
	node *os.File
	c    *C.nl_gbm
}

// openAllocator opens GBM on a render node. The error wraps ErrUnavailable.
func openAllocator(node string) (*allocator, error) {
	file, err := os.OpenFile(node, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; let this user open it (usermod -aG render USER)", ErrUnavailable, err)
	}
	var text [C.NL_GBM_TEXT]C.char
	c := C.nl_gbm_open(C.int(file.Fd()), &text[0])
	if c == nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %s", ErrUnavailable, node, C.GoString(&text[0])), file.Close())
	}
	return &allocator{file, c}, nil
}

func (a *allocator) close() error {
	C.nl_gbm_close(a.c)
	return a.node.Close()
}

// memory is a buffer in the GPU's memory.
type memory struct {
	gles.Buffer
	allocator *allocator
	c         C.nl_gbm_buffer
}

// allocate makes a buffer in one of the layouts, or with none of them in whichever the driver likes.
func (a *allocator) allocate(format uint32, size media.Size, modifiers []uint64) (*memory, error) {
	list := make([]C.uint64_t, len(modifiers)+1) // never empty, to have an address
	for i, modifier := range modifiers {
		list[i] = C.uint64_t(modifier)
	}
	m := &memory{allocator: a, Buffer: gles.Buffer{Size: size, Format: format, Modifier: gles.NoModifier}}
	if code := C.nl_gbm_allocate(a.c, C.uint32_t(size.Width), C.uint32_t(size.Height), C.uint32_t(format), &list[0], C.unsigned(len(modifiers)), &m.c); code != 0 {
		return nil, fmt.Errorf("a buffer of %v on %s in one of %d layouts: %w", size, a.node.Name(), len(modifiers), syscall.Errno(code))
	}
	if len(modifiers) > 0 {
		m.Modifier = uint64(m.c.modifier)
	}
	said := int(m.c.planes)
	for i := range min(max(said, 0), C.NL_GBM_PLANES) {
		m.Planes = append(m.Planes, gles.Plane{Descriptor: int(m.c.descriptors[i]), Offset: int(m.c.offsets[i]), Stride: int(m.c.strides[i])})
	}
	if said != len(m.Planes) || said == 0 {
		return nil, errors.Join(fmt.Errorf("a buffer of %v on %s has %d planes; there are one to %d", size, a.node.Name(), said, C.NL_GBM_PLANES), m.close())
	}
	return m, nil
}

// close frees the buffer and its descriptors.
func (m *memory) close() error {
	var errs []error
	for _, plane := range m.Planes {
		errs = append(errs, os.NewSyscallError("close", unix.Close(plane.Descriptor)))
	}
	C.nl_gbm_free(m.allocator.c, &m.c)
	m.Planes = nil
	return errors.Join(errs...)
}
