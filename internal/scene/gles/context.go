//go:build linux && cgo

package gles

/*
#cgo CFLAGS: -O2
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "gl.h"
*/
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// RasterThreads is how many threads llvmpipe fills triangles with, unless LP_NUM_THREADS says otherwise: one beside the
// caller's. Encoder, display and browser want the other core; see BenchmarkPicture.
const RasterThreads = 1

// Context is an EGL context that is current on its thread.
type Context struct {
	egl       *C.nl_egl
	offscreen bool
}

// OpenOffscreen opens a context without a window, on a GPU if there is one, else on Mesa's software rasterizer.
func OpenOffscreen() (*Context, error) { return OpenOn(Adapter{}) }

// OpenOn opens a context without a window on one GPU. The error wraps ErrUnavailable, also where EGL does not know that GPU.
func OpenOn(a Adapter) (*Context, error) { return open(nil, 0, 0, a) }

// OpenWindow opens a context that draws to a window of an xcb connection (xcb_connection_t *); visual is the window's.
func OpenWindow(connection unsafe.Pointer, window, visual uint32) (*Context, error) {
	return open(connection, window, visual, Adapter{})
}

func open(connection unsafe.Pointer, window, visual uint32, adapter Adapter) (*Context, error) {
	c := &Context{offscreen: connection == nil}
	wanted := (*C.nl_adapter)(C.calloc(1, C.sizeof_nl_adapter))
	defer C.free(unsafe.Pointer(wanted))
	wanted.cuda = -1
	if adapter.NVIDIA {
		wanted.cuda = C.int(adapter.Ordinal)
	} else if adapter.RenderNode != "" {
		wanted.render_node = C.CString(adapter.RenderNode)
		defer C.free(unsafe.Pointer(wanted.render_node))
	}
	var code C.int
	what := C.nl_egl_open(connection, C.uint32_t(window), C.uint32_t(visual), wanted, RasterThreads, &c.egl, &code)
	switch what {
	case C.NL_EGL_OK:
	case C.NL_EGL_NO_DEVICE:
		return nil, fmt.Errorf("%w: EGL does not know %s: install the GPU vendor's EGL library (NVIDIA's is libnvidia-egl), and in a container "+
			"let it have graphics beside compute (NVIDIA_DRIVER_CAPABILITIES=all)", ErrUnavailable, adapter)
	default:
		return nil, fmt.Errorf("%w: %s", ErrUnavailable, openFailure(what, code))
	}
	return c, nil
}

func openFailure(what, code C.int) string {
	const advice = "install libegl1 and libgl1-mesa-dri, or the GPU vendor's driver"
	switch what {
	case C.NL_EGL_NO_LIBRARY:
		return "libEGL.so.1 cannot be opened: " + advice
	case C.NL_EGL_NO_FUNCTION:
		return "libEGL.so.1 is older than EGL 1.5: " + advice
	}
	call := map[C.int]string{
		C.NL_EGL_NO_DISPLAY: "eglInitialize", C.NL_EGL_NO_CONFIG: "eglChooseConfig", C.NL_EGL_NO_CONTEXT: "eglCreateContext",
		C.NL_EGL_NO_SURFACE: "eglCreateWindowSurface", C.NL_EGL_NO_CURRENT: "eglMakeCurrent",
	}[what]
	return fmt.Sprintf("%s failed (EGL error %#x): %s", call, int(code), advice)
}

// Swap shows what was drawn to the window.
func (c *Context) Swap() error {
	if code := C.nl_egl_swap(c.egl); code != 0 {
		return fmt.Errorf("eglSwapBuffers: EGL error %#x", int(code))
	}
	return nil
}

// Enter makes the context current on the calling thread, after Leave or on another. Whoever calls it has locked the thread.
func (c *Context) Enter() error {
	if code := C.nl_egl_enter(c.egl); code != 0 {
		return fmt.Errorf("eglMakeCurrent: EGL error %#x", int(code))
	}
	return nil
}

// Leave lets another thread Enter.
func (c *Context) Leave() error {
	if code := C.nl_egl_leave(c.egl); code != 0 {
		return fmt.Errorf("eglMakeCurrent: EGL error %#x", int(code))
	}
	return nil
}

// Close frees the context. It is current on the calling thread, or on none.
func (c *Context) Close() {
	C.nl_egl_close(c.egl)
	c.egl = nil
}

const messageOctets = 1024

// NewRenderer compiles the shaders in a current context.
func NewRenderer(c *Context) (*Renderer, error) {
	message := (*C.char)(C.calloc(messageOctets, 1))
	defer C.free(unsafe.Pointer(message))
	offscreen := C.int(0)
	if c.offscreen {
		offscreen = 1
	}
	gl := C.nl_gl_open(c.egl, offscreen, message, messageOctets)
	if gl == nil {
		return nil, fmt.Errorf("%w: shaders: %s", ErrUnavailable, strings.TrimSpace(C.GoString(message)))
	}
	driver := C.GoString(C.nl_gl_driver(gl))
	return &Renderer{
		context: c,
		gl:      gl,
		target:  Target{c.offscreen, driver, isSoftware(driver)},
		meshes:  make(map[*scene.Mesh]*resident),
	}, nil
}

func isSoftware(driver string) bool {
	for _, name := range [...]string{"llvmpipe", "softpipe", "SwiftShader", "swrast"} {
		if strings.Contains(driver, name) {
			return true
		}
	}
	return false
}

// Renderer draws pictures.
type Renderer struct {
	context *Context
	gl      *C.nl_gl
	target  Target
	size    media.Size
	meshes  map[*scene.Mesh]*resident
	solids  []C.nl_solid
	drawn   uint64 // pictures so far

	// Arguments of calls into C, kept here so that they are not allocated for each picture.
	light      C.nl_light
	view, flat [16]C.float
}

// resident is a mesh in the driver's memory.
type resident struct {
	mesh C.nl_mesh
	used uint64 // the last picture that showed it
}
