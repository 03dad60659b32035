//go:build linux && cgo

package gles

/*
#include "gl.h"
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// Image is a picture of another process, which keeps changing: whoever draws it says when it may be read. It belongs to its
// renderer's thread, and is closed before the renderer.
type Image struct {
	renderer *Renderer
	c        C.nl_image
}

// CUDA is CUDA's number of the GPU that the context is on, -1 where it has none or was not asked for by an Adapter.
func (c *Context) CUDA() int { return int(C.nl_egl_cuda(c.egl)) }

// Modifiers are the layouts in which pictures of a format (DRM's fourcc) can be imported, NoModifier alone where the driver does not
// tell. The error wraps ErrImport where no DMA-BUF can be.
func (c *Context) Modifiers(format uint32) ([]uint64, error) {
	var list [mostModifiers]C.uint64_t
	count := int(C.nl_egl_modifiers(c.egl, C.uint32_t(format), &list[0], mostModifiers))
	switch count {
	case -2:
		return nil, fmt.Errorf("%w: EGL has no EGL_EXT_image_dma_buf_import", ErrImport)
	case -1:
		return []uint64{NoModifier}, nil
	case 0:
		return nil, fmt.Errorf("%w: EGL takes no layout of the format %#x", ErrImport, format)
	}
	modifiers := make([]uint64, count)
	for i := range modifiers {
		modifiers[i] = uint64(list[i])
	}
	return modifiers, nil
}

// Import makes an image of a DMA-BUF, whose descriptors stay the caller's. The error wraps ErrImport.
func (r *Renderer) Import(b Buffer) (*Image, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	known, err := r.context.Modifiers(b.Format)
	if err != nil {
		return nil, err
	}
	if err := b.checkLayout(known); err != nil {
		return nil, err
	}
	description := C.nl_dmabuf{
		width: C.int32_t(b.Size.Width), height: C.int32_t(b.Size.Height), format: C.uint32_t(b.Format), modifier: C.uint64_t(b.Modifier),
		planes: C.int32_t(len(b.Planes)),
	}
	for i, plane := range b.Planes {
		description.descriptors[i] = C.int32_t(plane.Descriptor)
		description.offsets[i], description.strides[i] = C.int32_t(plane.Offset), C.int32_t(plane.Stride)
	}
	var code C.int
	image := C.nl_egl_import(r.context.egl, &description, &code)
	if image == nil {
		return nil, fmt.Errorf("%w: %v: eglCreateImage: EGL error %#x", ErrImport, b, int(code))
	}
	i := &Image{renderer: r, c: C.nl_image{width: description.width, height: description.height, image: image}}
	if code := C.nl_image_open(r.gl, r.context.egl, &i.c); code != 0 {
		i.Close()
		return nil, fmt.Errorf("%w: %v: OpenGL code %#x", ErrImport, b, int(code))
	}
	return i, nil
}

// Handle is the image as EGL knows it (EGLImage), for CUDA; good until Close.
func (i *Image) Handle() unsafe.Pointer { return i.c.image }

// Fill makes the whole image one colour, and returns once it is, or ErrStalled when that takes longer than patience.
func (i *Image) Fill(red, green, blue byte, patience time.Duration) error {
	part := func(octet byte) C.float { return C.float(octet) / 255 }
	code := C.nl_image_fill(i.renderer.gl, &i.c, part(red), part(green), part(blue), C.uint64_t(patience))
	return outcome("filling a DMA-BUF", code, patience)
}

// Copy copies an image into the target that was drawn longest ago, and returns it: with the last row first where it is stored
// upside down. A ring that is larger than the image repeats its last row and column. As with Draw, Wait waits.
func (g *Ring) Copy(i *Image, upsideDown bool) (target int) {
	target = g.next
	g.next = (g.next + 1) % RingTargets
	turned := C.int(0)
	if upsideDown {
		turned = 1
	}
	C.nl_ring_copy(g.renderer.gl, &g.c, C.int(target), &i.c, turned)
	return target
}

// Close forgets the image; it may be called more than once.
func (i *Image) Close() {
	if i.c.image == nil {
		return
	}
	C.nl_image_close(i.renderer.gl, &i.c)
	C.nl_egl_forget(i.renderer.context.egl, i.c.image)
	i.c.image = nil
}
