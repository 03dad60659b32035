//go:build linux && cgo

package gpubuffer

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"

	"nearlight/edge/capture/wayland"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
)

var _ wayland.Device = (*Device)(nil)

// Device makes buffers on one GPU.
type Device struct {
	config    Config
	allocator *allocator
	context   *gles.Context
	renderer  *gles.Renderer
	gpu       *cuda.Context // nil to read back
	shares    bool          // CUDA reads EGL images, as far as is known
	told      Way           // of which it was said that pictures take it
	closed    bool
}

// Open opens a GPU for allocating, for OpenGL, and where it is NVIDIA's for CUDA. The error wraps ErrUnavailable.
func Open(config Config) (_ *Device, err error) {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	d := &Device{config: config, shares: true, told: -1}
	if d.allocator, err = openAllocator(config.Node); err != nil {
		return nil, err
	}
	if err := d.openGL(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), d.allocator.close())
	}
	if ordinal := d.context.CUDA(); ordinal >= 0 && !config.InHost {
		if d.gpu, err = cuda.Retain(config.Libraries, ordinal); err != nil {
			config.Logger.Warn("the compositor's pictures leave the GPU: it is NVIDIA's, without CUDA", "node", config.Node, "reason", err)
		}
	}
	return d, nil
}

func (d *Device) openGL() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	context, err := gles.OpenOn(gles.Adapter{RenderNode: d.config.Node})
	if err != nil {
		return err
	}
	renderer, err := gles.NewRenderer(context)
	if err == nil {
		err = context.Leave()
	}
	if err != nil {
		context.Close()
		return err
	}
	d.context, d.renderer = context, renderer
	return nil
}

// within runs f with OpenGL current on its thread.
func (d *Device) within(f func() error) error {
	if err := d.enter(); err != nil {
		return err
	}
	return d.leave(f())
}

// enter makes OpenGL current on this goroutine's thread, until leave.
func (d *Device) enter() error {
	runtime.LockOSThread()
	if err := d.context.Enter(); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	return nil
}

// leave returns what went wrong before, or else in leaving.
func (d *Device) leave(before error) error {
	defer runtime.UnlockOSThread()
	if left := d.context.Leave(); before == nil {
		return left
	}
	return before
}

// CUDA is the card as CUDA knows it, nil where pictures do not stay on it. It is the device's own.
func (d *Device) CUDA() *cuda.Context { return d.gpu }

// Driver is the name of the GPU's OpenGL.
func (d *Device) Driver() string { return d.renderer.Target().Driver }

// Allocate implements wayland.Device; what it makes is a *Buffer.
func (d *Device) Allocate(format wayland.Format, size media.Size, modifiers []uint64) (wayland.DeviceBuffer, error) {
	b, err := d.allocate(format, size, modifiers)
	if err != nil {
		return nil, err // not a nil *Buffer
	}
	return b, nil
}

func (d *Device) allocate(format wayland.Format, size media.Size, modifiers []uint64) (*Buffer, error) {
	if err := size.Check(); err != nil {
		return nil, err
	}
	known, err := d.context.Modifiers(uint32(format))
	if err != nil {
		return nil, err
	}
	layouts, err := common(modifiers, known)
	if err != nil {
		return nil, err
	}
	made, err := d.allocator.allocate(uint32(format), size, layouts)
	if err != nil {
		return nil, err
	}
	b := &Buffer{device: d, memory: made}
	if err := d.within(func() error { return b.open(format) }); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if way := b.Way(); way != d.told {
		d.told = way
		d.config.Logger.Info("the compositor's pictures lie on the GPU", "node", d.config.Node, "layout", fmt.Sprintf("%#x", made.Modifier), "way", way.String())
	}
	return b, nil
}

// common are the layouts that both the compositor and OpenGL take. None of them is left to the driver to choose: where it
// does not tell its layouts, or the compositor tells none or takes the driver's own.
func common(compositor, opengl []uint64) ([]uint64, error) {
	var both []uint64
	for _, layout := range compositor {
		if layout != gles.NoModifier && slices.Contains(opengl, layout) {
			both = append(both, layout)
		}
	}
	if len(both) > 0 || len(compositor) == 0 || slices.Contains(compositor, gles.NoModifier) || slices.Contains(opengl, gles.NoModifier) {
		return both, nil
	}
	return nil, fmt.Errorf("the compositor and this GPU's OpenGL have no layout in common: %#x and %#x; they may be on different GPUs", compositor, opengl)
}

// Close frees the device; its buffers were closed before. It may be called more than once.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.within(func() error {
		d.renderer.Close()
		return nil
	})
	d.context.Close()
	if d.gpu != nil {
		err = errors.Join(err, d.gpu.Close())
	}
	return errors.Join(err, d.allocator.close())
}
