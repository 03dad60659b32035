// Package gles draws scene pictures with OpenGL ES 3. It answers one question: how does a scene.Picture become pixels,
// on a GPU or on Mesa's llvmpipe, in a window or off screen?
//
// A Context is an EGL context; a Renderer draws with the one that is current; a Ring is what an off-screen Renderer draws to
// by turns when pictures are read elsewhere: as textures, or from memory. An Image is a picture that another process has drawn, in a
// DMA-BUF; a Ring brings it to the same places. All belong to the operating system thread
// on which the Context was opened: lock it (runtime.LockOSThread), use them from there only, and close Rings and Images before the
// Renderer, that before the Context. Context.Leave and Enter move them to another thread. Work on the GPU is waited for by
// fences, and never for longer than a caller has patience. libEGL is opened at run time, so a program that contains this package starts without it.
//
// In a build without cgo everything exists and Open returns ErrUnavailable.
package gles

import (
	"errors"
	"fmt"
)

// ErrUnavailable reports that this build or this machine cannot draw: there is no cgo, no libEGL, or no driver with
// OpenGL ES 3. The wrapping error says which, and what to install.
var ErrUnavailable = errors.New("OpenGL ES is not available")

// ErrStalled reports a GPU that does not finish its work, or that lost the context: nothing more comes of it.
var ErrStalled = errors.New("the GPU does not finish")

// Adapter names a GPU to draw on off screen. The zero value is any, and without any Mesa's software rasterizer.
type Adapter struct {
	NVIDIA  bool // by CUDA's number ...
	Ordinal int
	// ... or by its file, for example /dev/dri/renderD128.
	RenderNode string
}

func (a Adapter) String() string {
	switch {
	case a.NVIDIA:
		return fmt.Sprintf("NVIDIA's GPU %d", a.Ordinal)
	case a.RenderNode != "":
		return "the GPU of " + a.RenderNode
	}
	return "any GPU"
}

// Target is what a context draws to, and with what.
type Target struct {
	// Offscreen contexts draw to memory and are read by Renderer.Read; the others to a window, shown by Context.Swap.
	Offscreen bool
	// Driver is the renderer's name, as the driver gives it.
	Driver string
	// Software reports that pixels are computed by the CPU.
	Software bool
}
