// Package gles draws scene pictures with OpenGL ES 3. It answers one question: how does a scene.Picture become pixels,
// on a GPU or on Mesa's llvmpipe, in a window or off screen?
//
// A Context is an EGL context; a Renderer draws with the one that is current. Both belong to the operating system thread
// on which the Context was opened: lock it (runtime.LockOSThread), use them from there only, and close the Renderer
// before the Context. libEGL is opened at run time, so a program that contains this package starts without it.
//
// In a build without cgo everything exists and Open returns ErrUnavailable.
package gles

import "errors"

// ErrUnavailable reports that this build or this machine cannot draw: there is no cgo, no libEGL, or no driver with
// OpenGL ES 3. The wrapping error says which, and what to install.
var ErrUnavailable = errors.New("OpenGL ES is not available")

// Target is what a context draws to, and with what.
type Target struct {
	// Offscreen contexts draw to memory and are read by Renderer.Read; the others to a window, shown by Context.Swap.
	Offscreen bool
	// Driver is the renderer's name, as the driver gives it.
	Driver string
	// Software reports that pixels are computed by the CPU.
	Software bool
}
