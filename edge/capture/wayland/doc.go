// Package wayland is the screen of a Wayland compositor as a [capture.Source]: woken by damage through wlr-screencopy and
// converted to I420.
//
// # Vocabulary
//
// A shot is one request for a picture: the compositor says which buffers it takes (it offers), one is handed over, and the
// compositor copies its next picture into it that differs from the last one (copy_with_damage), whenever that comes. Then
// the buffer is ours again and the picture is read. A buffer lies in shared memory or, where a Device is given and the
// compositor offers it, in the memory of a GPU (linux-dmabuf). There its picture may stay: then a frame has a Surface and no planes,
// and no marker. Package gpubuffer makes such buffers; this one knows no GPU, and builds without cgo.
//
// What goes wrong with a GPU's memory, at first or later, is logged, and capture goes on in shared memory.
//
// # Which change makes a frame
//
// A shot is asked for when Next is called and the frame rate allows it, so that at most one is under way and none is
// ever older than the call. The compositor adds up what changes between two shots: nothing is lost, and an unchanged screen
// answers nothing. A frame's capture time is the one that the compositor gives its picture: it is older than the
// arrival by the time that the copy took, and still on CLOCK_MONOTONIC.
//
// # What the compositor must have
//
// zwlr_screencopy_manager_v1 version 3 and pixels of 8 bits a channel, as sway and cage have. The compositor's cursor is
// left out of the pictures.
//
// # Concurrency
//
// One goroutine at a time calls Next; everything else may be called from anywhere. The package starts no goroutine of
// its own; a context that ends wakes Next from the goroutine that [context.AfterFunc] makes.
package wayland
