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
	"slices"
	"unsafe"

	"nearlight/internal/media"
)

var _ media.Surface = (*Picture)(nil)

// Picture is an image in a GPU's memory, the Surface of a media.Frame.
//
// Whoever made it owns it. An encoder that is given one may prepare it once (register it with the hardware) and keep it
// prepared; Close undoes that first. So Close is called while no encoder that was given the picture is in Encode, and
// the picture outlives no context. What is drawn into it has to be complete, or on CUDA's default stream, when it is
// given to an encoder, and stays as it is until Encode returns.
type Picture struct {
	context *Context
	c       *C.nl_cuda_picture // nil once closed
	kind    Kind
	format  Format
	size    media.Size
	closers []*func()
	failed  *C.char // the call that failed last, kept here so that copies do not allocate it
}

// NewPicture allocates a picture of a frame's coded size as rows (Linear) or as an Array.
func (c *Context) NewPicture(kind Kind, format Format, coded media.Size) (*Picture, error) {
	if kind != Linear && kind != Array {
		return nil, fmt.Errorf("a %v cannot be allocated, only imported", kind)
	}
	return c.picture(kind, format, coded, func(picture *C.nl_cuda_picture, failed **C.char) C.CUresult {
		return C.nl_cuda_create(c.c, picture, failed)
	})
}

// ImportTexture makes a picture of a GL texture of four bytes a pixel. The GL context that has the texture must be current on
// the calling thread, here, in each use of the picture and in Close; GL work on the texture is waited for in each use.
func (c *Context) ImportTexture(texture, target uint32, coded media.Size) (*Picture, error) {
	return c.picture(Texture, RGBA, coded, func(picture *C.nl_cuda_picture, failed **C.char) C.CUresult {
		return C.nl_cuda_import(c.c, picture, C.uint(texture), C.uint(target), failed)
	})
}

// ImportImage makes a picture of an EGL image (EGLImageKHR) of one plane, four bytes a pixel in the order of format: an Array or
// Linear, as the driver says. The image outlives the picture. Nothing waits for whoever draws into the image or reads it: what
// was drawn is complete before each use, and Wait of what it was copied to has returned before it is drawn into again. Where the driver shares
// no images the error wraps ErrNoImages.
func (c *Context) ImportImage(image unsafe.Pointer, format Format, coded media.Size) (*Picture, error) {
	if format == NV12 {
		return nil, fmt.Errorf("%w: an EGL image in %v", media.ErrFrame, format)
	}
	if c.c != nil && (c.c.cuda.egl_register == nil || c.c.cuda.egl_frame == nil) {
		return nil, fmt.Errorf("%w: it has no cuGraphicsEGLRegisterImage", ErrNoImages)
	}
	var flaw *C.char
	p, err := c.picture(Array, format, coded, func(picture *C.nl_cuda_picture, failed **C.char) C.CUresult {
		return C.nl_cuda_import_image(c.c, picture, image, &flaw, failed)
	})
	var refused *Error
	switch {
	case errors.As(err, &refused) && refused.Code == codeNotSupported:
		return nil, fmt.Errorf("%w: %w", ErrNoImages, err)
	case err != nil:
		return nil, err
	case flaw != nil:
		C.free(unsafe.Pointer(p.c))
		c.open.Add(-1)
		return nil, fmt.Errorf("%w: CUDA sees an EGL image that is %s, not %v in %v", media.ErrFrame, C.GoString(flaw), coded, format)
	}
	p.kind = Kind(p.c.kind)
	return p, nil
}

func (c *Context) picture(kind Kind, format Format, coded media.Size, fill func(*C.nl_cuda_picture, **C.char) C.CUresult) (*Picture, error) {
	if c.c == nil {
		return nil, ErrClosed
	}
	if format < NV12 || format > RGBA {
		return nil, fmt.Errorf("%w: %v", media.ErrFrame, format)
	}
	if coded != coded.Even() {
		return nil, fmt.Errorf("%w: %v has an odd side", media.ErrSize, coded)
	}
	if err := coded.Check(); err != nil {
		return nil, err
	}
	p := &Picture{context: c, kind: kind, format: format, size: coded}
	p.c = (*C.nl_cuda_picture)(C.calloc(1, C.sizeof_nl_cuda_picture))
	*p.c = C.nl_cuda_picture{kind: C.int(kind), format: C.int(format), width: C.int(coded.Width), height: C.int(coded.Height)}
	var failed *C.char
	if err := outcome(&c.c.cuda, fill(p.c, &failed), failed); err != nil {
		C.free(unsafe.Pointer(p.c))
		return nil, fmt.Errorf("%v in %v %v: %w", coded, format, kind, err)
	}
	c.open.Add(1)
	return p, nil
}

// Place implements media.Surface.
func (p *Picture) Place() string {
	return fmt.Sprintf("%v of GPU %d (%s)", p.kind, p.context.device.Ordinal, p.context.device.Name)
}

// Context is where the picture lies.
func (p *Picture) Context() *Context { return p.context }

// Kind is what holds the pixels.
func (p *Picture) Kind() Kind { return p.kind }

// Format is how they lie.
func (p *Picture) Format() Format { return p.format }

// Size is the picture's coded size.
func (p *Picture) Size() media.Size { return p.size }

// Pointer is the picture as the nl_cuda_picture of cuda.h, for another driver's C code; nil once the picture is closed.
func (p *Picture) Pointer() unsafe.Pointer { return unsafe.Pointer(p.c) }

// BeforeClose has f called before the picture's memory goes; forget takes it back.
func (p *Picture) BeforeClose(f func()) (forget func()) {
	kept := &f
	p.closers = append(p.closers, kept)
	return func() { p.closers = slices.DeleteFunc(p.closers, func(each *func()) bool { return each == kept }) }
}

// Write copies the picture's rows from host memory: for NV12 luma, then chroma. Without a stream they are there when it
// returns. With one it returns at once, and data, which has to be PinnedMemory, is read until Stream.Wait.
func (p *Picture) Write(data []byte, stride int, on *Stream) error {
	return p.copy(data, stride, on, 1)
}

// Read copies the picture's rows to host memory, with or without a stream like Write.
func (p *Picture) Read(data []byte, stride int, on *Stream) error { return p.copy(data, stride, on, 0) }

func (p *Picture) copy(data []byte, stride int, on *Stream, write C.int) error {
	if p.c == nil {
		return ErrClosed
	}
	row, rows := p.format.rowBytes(p.size), p.format.rows(p.size)
	if stride < row || len(data) < stride*(rows-1)+row {
		return fmt.Errorf("%w: %d bytes in rows of %d do not hold %v in %v", media.ErrFrame, len(data), stride, p.size, p.format)
	}
	var stream C.CUstream
	if on != nil {
		stream = on.handle
	}
	code := C.nl_cuda_copy(p.context.c, p.c, unsafe.Pointer(&data[0]), C.size_t(stride), C.size_t(row), C.size_t(rows), write, stream, &p.failed)
	return outcome(&p.context.c.cuda, code, p.failed)
}

// CopyFrom copies another picture of the same context, bytes per row and rows into this one, which is Linear, on the GPU.
// The bytes stay as they are, whatever the formats call them. The copy is on CUDA's default stream: what is given to an
// encoder after it is complete. A texture is GL's again when it returns, and the picture another thread's to use.
func (p *Picture) CopyFrom(from *Picture) error {
	if p.c == nil || from.c == nil {
		return ErrClosed
	}
	row, rows := p.format.rowBytes(p.size), p.format.rows(p.size)
	if p.kind != Linear || p.context != from.context || row != from.format.rowBytes(from.size) || rows != from.format.rows(from.size) {
		return fmt.Errorf("%w: %v %v in %v cannot be copied to %v %v in %v", media.ErrFrame,
			from.size, from.format, from.Place(), p.size, p.format, p.Place())
	}
	code := C.nl_cuda_copy_picture(p.context.c, p.c, from.c, C.size_t(row), C.size_t(rows), &p.failed)
	return outcome(&p.context.c.cuda, code, p.failed)
}

// Wait returns when all that was put on the default stream is done, CopyFrom for one: what was copied from may be drawn over
// then. It blocks a thread.
func (p *Picture) Wait() error {
	if p.c == nil {
		return ErrClosed
	}
	code := C.nl_cuda_synchronize(p.context.c, nil, &p.failed)
	return outcome(&p.context.c.cuda, code, p.failed)
}

// Close has every encoder forget the picture and frees its memory (not a texture's or an image's, which is GL's or EGL's). It may be called more than once.
func (p *Picture) Close() error {
	if p.c == nil {
		return nil
	}
	for _, f := range slices.Clone(p.closers) {
		(*f)()
	}
	p.closers = nil
	var failed *C.char
	err := outcome(&p.context.c.cuda, C.nl_cuda_destroy(p.context.c, p.c, &failed), failed)
	C.free(unsafe.Pointer(p.c))
	p.c = nil
	p.context.open.Add(-1)
	return err
}
