//go:build linux && cgo

package gles

/*
#include "gl.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// Meshes that no picture showed for this long leave the driver's memory; it is looked after as often.
const keepPictures = 600

// The C side's view of the vertex formats.
var (
	_ [20]byte = [unsafe.Sizeof(scene.Vertex{})]byte{}
	_ [16]byte = [unsafe.Sizeof(scene.Blend{})]byte{}
)

// Target says what the renderer draws to.
func (r *Renderer) Target() Target { return r.target }

// Resize sets the size of the following pictures.
func (r *Renderer) Resize(size media.Size) error {
	if err := size.Check(); err != nil {
		return err
	}
	if status := C.nl_gl_resize(r.gl, C.int(size.Width), C.int(size.Height)); status != 0 {
		return fmt.Errorf("framebuffer of %v is incomplete: status %#x", size, int(status))
	}
	r.size = size
	return nil
}

// Draw draws a picture of the size set last. It returns before the pixels are there: Read or Context.Swap waits.
func (r *Renderer) Draw(p *scene.Picture) error {
	C.nl_gl_bind(r.gl)
	return r.draw(p)
}

// draw draws to what is bound.
func (r *Renderer) draw(p *scene.Picture) error {
	r.drawn++
	r.solids = r.solids[:0]
	for i := range p.Solids {
		s := &p.Solids[i]
		if len(s.Mesh.Indices) == 0 {
			continue
		}
		m := r.resident(s.Mesh)
		m.used = r.drawn
		r.solids = append(r.solids, C.nl_solid{array: m.mesh.array, count: m.mesh.count, model: floats(&s.Model)})
	}
	r.light, r.view = lightOf(p), floats(&p.View)
	C.nl_gl_begin(r.gl, C.float(p.Backdrop.R), C.float(p.Backdrop.G), C.float(p.Backdrop.B))
	r.smooth(&p.Dome, &p.SkyView, false)
	r.smooth(&p.Sky, &p.SkyView, true)
	if len(r.solids) > 0 {
		C.nl_gl_solids(r.gl, &r.view[0], &r.light, &r.solids[0], C.int(len(r.solids)))
	}
	r.smooth(&p.Glows, &p.View, true)
	r.smooth(&p.Overlay, &p.FlatView, true)
	if r.drawn%keepPictures == 0 {
		r.evict()
	}
	if code := C.nl_gl_error(r.gl); code != 0 {
		return fmt.Errorf("drawing: OpenGL error %#x", int(code))
	}
	return nil
}

func (r *Renderer) smooth(c *scene.Canvas, view *scene.Mat4, blended bool) {
	if len(c.Indices) == 0 {
		return
	}
	var flag C.int
	if blended {
		flag = 1
	}
	r.flat = floats(view)
	C.nl_gl_smooth(r.gl, &r.flat[0], flag,
		unsafe.Pointer(&c.Vertices[0]), C.int(len(c.Vertices)*int(unsafe.Sizeof(c.Vertices[0]))),
		unsafe.Pointer(&c.Indices[0]), C.int(len(c.Indices)))
}

// resident brings a mesh into the driver's memory.
func (r *Renderer) resident(mesh *scene.Mesh) *resident {
	if m := r.meshes[mesh]; m != nil {
		return m
	}
	m := &resident{}
	C.nl_gl_mesh_make(r.gl,
		unsafe.Pointer(&mesh.Vertices[0]), C.int(len(mesh.Vertices)*int(unsafe.Sizeof(mesh.Vertices[0]))),
		unsafe.Pointer(&mesh.Indices[0]), C.int(len(mesh.Indices)), &m.mesh)
	r.meshes[mesh] = m
	return m
}

func (r *Renderer) evict() {
	for mesh, m := range r.meshes {
		if m.used+keepPictures < r.drawn {
			C.nl_gl_mesh_free(r.gl, &m.mesh)
			delete(r.meshes, mesh)
		}
	}
}

// Read waits for the picture and copies it: rows from the top without gaps, four octets a pixel, blue, green, red and
// 255. Only for off-screen contexts. pixels must hold 4 * width * height octets.
func (r *Renderer) Read(pixels []byte) error {
	if want := 4 * r.size.Width * r.size.Height; len(pixels) < want || !r.target.Offscreen {
		return fmt.Errorf("reading a picture of %v: %d octets to write to, off screen: %v", r.size, len(pixels), r.target.Offscreen)
	}
	C.nl_gl_read(r.gl, unsafe.Pointer(&pixels[0]))
	if code := C.nl_gl_error(r.gl); code != 0 {
		return fmt.Errorf("glReadPixels: OpenGL error %#x", int(code))
	}
	return nil
}

// Close frees everything in the driver's memory.
func (r *Renderer) Close() {
	for _, m := range r.meshes {
		C.nl_gl_mesh_free(r.gl, &m.mesh)
	}
	clear(r.meshes)
	C.nl_gl_close(r.gl)
	r.gl = nil
}

func lightOf(p *scene.Picture) C.nl_light {
	l := &p.Light
	rgb := func(c scene.RGB) [3]C.float { return [3]C.float{C.float(c.R), C.float(c.G), C.float(c.B)} }
	return C.nl_light{
		sun:      [3]C.float{C.float(l.Sun.X), C.float(l.Sun.Y), C.float(l.Sun.Z)},
		sunlight: rgb(l.Sunlight), skylight: rgb(l.Skylight), bounce: rgb(l.Bounce), zenith: rgb(l.Zenith),
		warm: rgb(l.Warm), far_horizon: rgb(l.Far), glow: rgb(l.Glow),
		haze: C.float(l.Haze), time: C.float(p.Time), falloff: scene.SkyFalloff,
	}
}

func floats(m *scene.Mat4) (f [16]C.float) {
	for i, v := range m {
		f[i] = C.float(v)
	}
	return f
}
