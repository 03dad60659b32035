// Package redraw draws the pictures of a challenge again, as a checker does who has no more than Mesa's software rasterizer: what should
// this picture have shown?
//
// A Painter has one user at a time, on any thread.
package redraw

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

// Painter draws the pictures of one task.
type Painter struct {
	task     arena.Task
	size     media.Size
	context  *gles.Context
	renderer *gles.Renderer
	studio   *scene.Studio
	pixels   []byte

	nonce  arena.Nonce
	script *arena.Script // of nonce; nil before the first picture
}

// Open readies a painter. The error wraps gles.ErrUnavailable where this machine cannot draw.
func Open(task arena.Task, size media.Size) (_ *Painter, err error) {
	if err := size.Check(); err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p := &Painter{task: task, size: size, studio: arena.NewStudio(), pixels: make([]byte, 4*size.Width*size.Height)}
	if p.context, err = gles.OpenOffscreen(); err != nil {
		return nil, err
	}
	if p.renderer, err = gles.NewRenderer(p.context); err != nil {
		p.context.Close()
		return nil, err
	}
	if err := errors.Join(p.renderer.Resize(size), p.context.Leave()); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Driver is the name of what draws.
func (p *Painter) Driver() string { return p.renderer.Target().Driver }

// Paint draws what is seen so long after a nonce was taken, without blocks, into a frame of the painter's size.
func (p *Painter) Paint(nonce arena.Nonce, since time.Duration, into *media.Frame) (err error) {
	if into.Visible != p.size {
		return fmt.Errorf("redraw: a frame of %v for pictures of %v", into.Visible, p.size)
	}
	if p.script == nil || nonce != p.nonce {
		p.nonce, p.script = nonce, p.task.Script(nonce)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := p.context.Enter(); err != nil {
		return err
	}
	err = p.renderer.Draw(p.studio.ComposeTableau(p.script.At(since), p.size))
	if err == nil {
		err = p.renderer.Read(p.pixels)
	}
	if err := errors.Join(err, p.context.Leave()); err != nil {
		return err
	}
	return yuv.FromBGRX(into, p.pixels, 4*p.size.Width)
}

// Close frees everything. It may be called once.
func (p *Painter) Close() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if p.context.Enter() == nil { // else the GPU is gone, and all of it with it
		p.renderer.Close()
	}
	p.context.Close()
}
