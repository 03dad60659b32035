package scene

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/scene"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

// texture2D is OpenGL's GL_TEXTURE_2D.
const texture2D = 0x0de1

// patience is how long the GPU may take for one picture before it counts as lost. The first one compiles shaders.
const patience = 5 * time.Second

// canvas draws pictures and brings them to where an encoder reads them. One goroutine at a time uses it, on any thread:
// enter and leave stand around everything else.
type canvas struct {
	gpu      *cuda.Context // nil to read back
	context  *gles.Context
	renderer *gles.Renderer

	size     media.Size
	ring     *gles.Ring                      // nil before the first resize
	textures [gles.RingTargets]*cuda.Picture // the ring's, registered with CUDA
	copies   [gles.RingTargets]*cuda.Picture // what encoders read
	chroma   media.Chroma                    // of planes
	planes   *media.Frame                    // what was read back
}

func openCanvas(gpu *cuda.Context, chroma media.Chroma, open func(gles.Adapter) (*gles.Context, error)) (*canvas, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var adapter gles.Adapter
	if gpu != nil {
		adapter = gles.Adapter{NVIDIA: true, Ordinal: gpu.Device().Ordinal}
	}
	context, err := open(adapter)
	if err != nil {
		return nil, err
	}
	renderer, err := gles.NewRenderer(context)
	if err == nil {
		err = context.Leave()
	}
	if err != nil {
		context.Close()
		return nil, err
	}
	return &canvas{gpu: gpu, chroma: chroma, context: context, renderer: renderer}, nil
}

// enter makes OpenGL current on this goroutine's thread, until leave.
func (c *canvas) enter() error {
	runtime.LockOSThread()
	if err := c.context.Enter(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	return nil
}

func (c *canvas) leave() error {
	defer runtime.UnlockOSThread()
	return c.context.Leave()
}

// resize makes everything for pictures of another size.
func (c *canvas) resize(size media.Size) error {
	if err := c.drop(); err != nil {
		return err
	}
	c.size = size
	drawn := size
	if c.gpu != nil {
		drawn = size.Even() // what is coded; a frame on the GPU has no margin to repeat a row in
	}
	ring, err := c.renderer.NewRing(drawn)
	if err != nil {
		return err
	}
	c.ring = ring
	if c.gpu == nil {
		c.planes = media.NewFrameIn(c.chroma, size)
		return nil
	}
	for i := range gles.RingTargets {
		if c.textures[i], err = c.gpu.ImportTexture(ring.Texture(i), texture2D, drawn); err != nil {
			return fmt.Errorf("share a texture of OpenGL with CUDA: %w", err)
		}
		if c.copies[i], err = c.gpu.NewPicture(cuda.Linear, cuda.BGRA, drawn); err != nil {
			return err
		}
	}
	return nil
}

// drawnSize is the size that pictures are composed for.
func (c *canvas) drawnSize() media.Size { return c.ring.Size() }

// draw draws a picture and hands it over in frame, whose times it sets.
func (c *canvas) draw(p *scene.Picture, frame *media.Frame) error {
	target, err := c.ring.Draw(p)
	if err != nil {
		return err
	}
	if c.gpu == nil {
		c.ring.Fetch(target) // before waiting: the driver goes on from one to the other by itself
	}
	if err := c.ring.Wait(target, patience); err != nil {
		return err
	}
	drawn := media.Now()
	frame.Times = media.StageTimes{Damaged: drawn, GrabBegun: drawn}
	if c.gpu != nil {
		return c.handOver(target, frame)
	}
	return c.readBack(target, frame)
}

// handOver leaves a picture on the GPU.
func (c *canvas) handOver(target int, frame *media.Frame) error {
	if err := c.copies[target].CopyFrom(c.textures[target]); err != nil {
		return err
	}
	frame.Visible, frame.Coded = c.size, c.size.Even()
	frame.Surface = c.copies[target]
	frame.Times.Grabbed = media.Now()
	frame.Times.Converted = frame.Times.Grabbed
	return nil
}

// readBack brings a picture to memory, as I420.
func (c *canvas) readBack(target int, frame *media.Frame) error {
	pixels, err := c.ring.Pixels(target, patience)
	if err != nil {
		return err
	}
	defer c.ring.Release(target)
	frame.Times.Grabbed = media.Now()
	if err := yuv.FromBGRX(c.planes, pixels, 4*c.size.Width); err != nil {
		return err
	}
	frame.Visible, frame.Coded, frame.Chroma = c.planes.Visible, c.planes.Coded, c.planes.Chroma
	frame.Y, frame.U, frame.V = c.planes.Y, c.planes.U, c.planes.V
	frame.Times.Converted = media.Now()
	return nil
}

// drop frees what belongs to a size.
func (c *canvas) drop() error {
	var errs []error
	for i := range gles.RingTargets {
		for _, picture := range []*cuda.Picture{c.copies[i], c.textures[i]} {
			if picture != nil {
				errs = append(errs, picture.Close())
			}
		}
		c.copies[i], c.textures[i] = nil, nil
	}
	if c.ring != nil {
		c.ring.Close()
	}
	c.ring, c.planes = nil, nil
	return errors.Join(errs...)
}

// close frees everything. Nobody has entered.
func (c *canvas) close() error {
	entered := c.enter()
	if entered == nil {
		defer runtime.UnlockOSThread()
	}
	err := errors.Join(entered, c.drop())
	c.renderer.Close()
	c.context.Close() // it leaves by itself
	return err
}
