//go:build cgo

package cuda

/*
#include "shim.h"
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"
)

const soname = "libcuda.so.1"

// start opens libcuda from folder, or where that is empty from where the system's loader looks, and initializes it, which
// takes time in the first call of a process only. The error wraps ErrNoLibrary, ErrNotALibrary or ErrNoDevice.
func start(folder string, table *C.nl_cuda) (version, devices int, err error) {
	library, err := OpenLibrary(folder, soname)
	if err != nil {
		return 0, 0, err
	}
	if missing := C.nl_cuda_open(library.handle, table); missing != nil {
		return 0, 0, fmt.Errorf("%w: %s has no function %s", ErrNotALibrary, library.name, C.GoString(missing))
	}
	var v, n C.int
	var failed *C.char
	err = outcome(table, C.nl_cuda_start(table, &v, &n, &failed), failed)
	return int(v), int(n), err
}

// outcome makes a CUresult an error, nil for success.
func outcome(table *C.nl_cuda, code C.CUresult, failed *C.char) error {
	if code == C.CUDA_SUCCESS {
		return nil
	}
	return &Error{Call: C.GoString(failed), Code: int(code), Name: C.GoString(C.nl_cuda_error_name(table, code))}
}

// Devices lists the GPUs. The error is as Retain's.
func Devices(folder string) ([]Device, error) {
	var table C.nl_cuda
	_, count, err := start(folder, &table)
	if err != nil {
		return nil, err
	}
	devices := make([]Device, count)
	for ordinal := range devices {
		if devices[ordinal], err = describe(&table, ordinal); err != nil {
			return nil, err
		}
	}
	return devices, nil
}

func describe(table *C.nl_cuda, ordinal int) (Device, error) {
	d := Device{Ordinal: ordinal}
	var name [C.NL_TEXT]C.char
	var memory C.size_t
	var failed *C.char
	code := C.nl_cuda_describe(table, C.int(ordinal), &name[0], (*C.uchar)(&d.UUID[0]), &memory, &failed)
	d.Name, d.Memory = C.GoString(&name[0]), int64(memory)
	return d, outcome(table, code, failed)
}

// Context is a share in a device's primary context.
type Context struct {
	c       *C.nl_cuda_context // nil once closed
	device  Device
	version int
	open    atomic.Int32 // pictures, streams and memory that are not closed yet
}

// Retain takes a share in the context of a device, with libcuda from folder, or where that is empty from where the system's
// loader looks. The error wraps ErrNoLibrary, ErrNotALibrary, ErrNoDevice or ErrDeviceLost where one of them is the reason.
func Retain(folder string, device int) (*Context, error) {
	c := &Context{c: (*C.nl_cuda_context)(C.calloc(1, C.sizeof_nl_cuda_context))}
	if err := c.take(folder, device); err != nil {
		C.free(unsafe.Pointer(c.c))
		return nil, err
	}
	return c, nil
}

func (c *Context) take(folder string, device int) (err error) {
	table, count := &c.c.cuda, 0
	if c.version, count, err = start(folder, table); err != nil {
		return err
	}
	if device < 0 || device >= count {
		return fmt.Errorf("%w: device %d of %d", ErrNoDevice, device, count)
	}
	if c.device, err = describe(table, device); err != nil {
		return err
	}
	var failed *C.char
	return outcome(table, C.nl_cuda_retain(c.c, C.int(device), &failed), failed)
}

// Device is the context's GPU.
func (c *Context) Device() Device { return c.device }

// Version is the CUDA version that the driver supports: 1000 times its major and 10 times its minor number.
func (c *Context) Version() int { return c.version }

// Pointer is the context as the nl_cuda_context of cuda.h, for another driver's C code. It is good until Close.
func (c *Context) Pointer() unsafe.Pointer { return unsafe.Pointer(c.c) }

// Memory is how much of the GPU's memory is free, in bytes, and how much there is.
func (c *Context) Memory() (free, total int64, err error) {
	if c.c == nil {
		return 0, 0, ErrClosed
	}
	var f, t C.size_t
	var failed *C.char
	code := C.nl_cuda_memory(c.c, &f, &t, &failed)
	return int64(f), int64(t), outcome(&c.c.cuda, code, failed)
}

// Do binds the context to f's thread while f runs.
func (c *Context) Do(f func() error) error {
	if c.c == nil {
		return ErrClosed
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	failed := C.CString("cuCtxPushCurrent")
	defer C.free(unsafe.Pointer(failed))
	if err := outcome(&c.c.cuda, C.nl_cuda_push(c.c), failed); err != nil {
		return err
	}
	defer C.nl_cuda_pop(c.c)
	return f()
}

// Close gives the share back; pictures, streams and memory of the context are closed before, else the error wraps ErrInUse and
// nothing has changed. It may be called more than once.
func (c *Context) Close() error {
	if c.c == nil {
		return nil
	}
	if n := c.open.Load(); n > 0 {
		return fmt.Errorf("%w: %d pictures, streams or blocks of memory on GPU %d (%s)", ErrInUse, n, c.device.Ordinal, c.device.Name)
	}
	var failed *C.char
	err := outcome(&c.c.cuda, C.nl_cuda_release(c.c, &failed), failed)
	C.free(unsafe.Pointer(c.c))
	c.c = nil
	return err
}

// Stream is a queue of work on the GPU, which runs beside others.
type Stream struct {
	context *Context
	handle  C.CUstream
}

// NewStream makes a stream.
func (c *Context) NewStream() (*Stream, error) {
	if c.c == nil {
		return nil, ErrClosed
	}
	s := &Stream{context: c}
	var failed *C.char
	if err := outcome(&c.c.cuda, C.nl_cuda_stream(c.c, &s.handle, &failed), failed); err != nil {
		return nil, err
	}
	c.open.Add(1)
	return s, nil
}

// Wait returns when all that was put on the stream is done. It blocks a thread.
func (s *Stream) Wait() error {
	if s.handle == nil {
		return ErrClosed
	}
	var failed *C.char
	return outcome(&s.context.c.cuda, C.nl_cuda_synchronize(s.context.c, s.handle, &failed), failed)
}

// Close waits for the stream and frees it; it may be called more than once.
func (s *Stream) Close() error {
	if s.handle == nil {
		return nil
	}
	waited := s.Wait()
	var failed *C.char
	err := outcome(&s.context.c.cuda, C.nl_cuda_stream_close(s.context.c, s.handle, &failed), failed)
	s.handle = nil
	s.context.open.Add(-1)
	return errors.Join(waited, err)
}

// PinnedMemory is host memory that the GPU reads and writes by itself, and therefore faster.
type PinnedMemory struct {
	Data    []byte
	context *Context
}

// NewPinnedMemory allocates so many bytes.
func (c *Context) NewPinnedMemory(bytes int) (*PinnedMemory, error) {
	if c.c == nil {
		return nil, ErrClosed
	}
	var memory unsafe.Pointer
	var failed *C.char
	if err := outcome(&c.c.cuda, C.nl_cuda_pin(c.c, &memory, C.size_t(bytes), &failed), failed); err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &PinnedMemory{Data: unsafe.Slice((*byte)(memory), bytes), context: c}, nil
}

// Close frees the memory; it may be called more than once.
func (m *PinnedMemory) Close() error {
	if m.Data == nil {
		return nil
	}
	var failed *C.char
	code := C.nl_cuda_unpin(m.context.c, unsafe.Pointer(&m.Data[0]), &failed)
	m.Data = nil
	m.context.open.Add(-1)
	return outcome(&m.context.c.cuda, code, failed)
}
