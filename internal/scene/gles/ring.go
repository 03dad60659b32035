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

	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// Ring is RingTargets textures of one size that are drawn to by turns, so that one can be read while the next is drawn. It
// belongs to its renderer's thread, and is closed before the renderer.
//
// A target is drawn (Draw), waited for (Wait), and read by whoever knows textures (Texture), or brought to memory: Fetch
// starts that, Pixels ends it. Rows go from the top, four octets a pixel: blue, green, red, 255.
type Ring struct {
	renderer *Renderer
	c        C.nl_ring
	size     media.Size
	next     int
}

// RingTargets is how many pictures a Ring holds.
const RingTargets = C.NL_RING

// NewRing makes targets for pictures of a size. Only for off-screen contexts.
func (r *Renderer) NewRing(size media.Size) (*Ring, error) {
	if err := size.Check(); err != nil {
		return nil, err
	}
	if !r.target.Offscreen {
		return nil, fmt.Errorf("a ring of %v: the context draws to a window, only off-screen ones have rings", size)
	}
	g := &Ring{renderer: r, size: size, c: C.nl_ring{width: C.int32_t(size.Width), height: C.int32_t(size.Height)}}
	if code := C.nl_ring_open(r.gl, &g.c); code != 0 {
		C.nl_ring_close(r.gl, &g.c)
		return nil, fmt.Errorf("a ring of %v: OpenGL code %#x; its %d MiB may be more than the GPU has left", size, int(code),
			(RingTargets+1)*4*size.Width*size.Height>>20)
	}
	return g, nil
}

// Size is the size of the ring's pictures.
func (g *Ring) Size() media.Size { return g.size }

// Draw draws a picture into the target that was drawn longest ago, and returns it. It does not wait: Wait does.
func (g *Ring) Draw(p *scene.Picture) (target int, err error) {
	target = g.next
	g.next = (g.next + 1) % RingTargets
	C.nl_ring_bind(g.renderer.gl, &g.c, C.int(target))
	if err := g.renderer.draw(p); err != nil {
		return target, err
	}
	C.nl_ring_fence(g.renderer.gl, &g.c, C.int(target))
	return target, nil
}

// Wait returns once a target's picture is complete, or ErrStalled when that takes longer than patience.
func (g *Ring) Wait(target int, patience time.Duration) error {
	return outcome("drawing", C.nl_ring_wait(g.renderer.gl, &g.c, C.int(target), C.uint64_t(patience)), patience)
}

func outcome(what string, code C.int, patience time.Duration) error {
	switch code {
	case C.NL_WAIT_DONE:
		return nil
	case C.NL_WAIT_LATE:
		return fmt.Errorf("%w: %s is not done after %v", ErrStalled, what, patience)
	}
	return fmt.Errorf("%w: %s cannot be waited for; the context was lost, or nothing was begun", ErrStalled, what)
}

// Texture is a target's name in OpenGL, of the kind GL_TEXTURE_2D and the format GL_RGBA8.
func (g *Ring) Texture(target int) uint32 { return uint32(g.c.targets[target].texture) }

// Fetch starts to copy a target's picture to memory, in the driver's own time. It ends what Pixels gave for that target before.
func (g *Ring) Fetch(target int) { C.nl_ring_fetch(g.renderer.gl, &g.c, C.int(target)) }

// Pixels waits for what Fetch started and lends the memory, without a further copy, until Release or the target's next Fetch.
func (g *Ring) Pixels(target int, patience time.Duration) ([]byte, error) {
	code := C.nl_ring_map(g.renderer.gl, &g.c, C.int(target), C.uint64_t(patience))
	if err := outcome("reading a picture back", code, patience); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(g.c.targets[target].pixels), 4*g.size.Width*g.size.Height), nil
}

// Release takes back what Pixels lent.
func (g *Ring) Release(target int) { C.nl_ring_unmap(g.renderer.gl, &g.c, C.int(target)) }

// Close frees the targets; it may be called more than once.
func (g *Ring) Close() { C.nl_ring_close(g.renderer.gl, &g.c) }
