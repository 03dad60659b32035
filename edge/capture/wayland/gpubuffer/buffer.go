//go:build linux && cgo

package gpubuffer

import (
	"errors"
	"fmt"
	"image"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture/wayland"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
)

var _ wayland.DeviceBuffer = (*Buffer)(nil)

// Buffer is a picture in a GPU's memory that a compositor copies to.
type Buffer struct {
	device  *Device
	memory  *memory // nil once closed
	image   *gles.Image
	way     way // nil where open failed
	waiting []unix.PollFd
}

// way brings a buffer's pictures to an encoder. OpenGL is current around its calls.
type way interface {
	bring(to *media.Frame, part image.Rectangle, upsideDown bool) error
	name() Way
	close() error
}

// open imports the memory and chooses the way.
func (b *Buffer) open(format wayland.Format) (err error) {
	for _, plane := range b.memory.Planes {
		b.waiting = append(b.waiting, unix.PollFd{Fd: int32(plane.Descriptor), Events: unix.POLLIN})
	}
	if b.image, err = b.device.renderer.Import(b.memory.Buffer); err != nil {
		return err
	}
	if b.device.gpu == nil {
		b.way, err = openReadBack(b)
		return err
	}
	size := b.memory.Size
	if b.device.shares && size == size.Even() {
		if b.way, err = openShared(b, format); err == nil {
			return nil
		}
		if errors.Is(err, cuda.ErrDeviceLost) {
			return err
		}
		b.device.shares = false
		b.device.config.Logger.Info("CUDA does not read the compositor's pictures where they lie; OpenGL copies them first", "reason", err)
	}
	b.way, err = openTextured(b)
	return err
}

// Way is how pictures get from the buffer to an encoder.
func (b *Buffer) Way() Way { return b.way.name() }

// Planes implements wayland.DeviceBuffer.
func (b *Buffer) Planes() []wayland.DevicePlane {
	planes := make([]wayland.DevicePlane, len(b.memory.Planes))
	for i, plane := range b.memory.Planes {
		planes[i] = wayland.DevicePlane(plane)
	}
	return planes
}

// Modifier implements wayland.DeviceBuffer.
func (b *Buffer) Modifier() uint64 { return b.memory.Modifier }

// Convert implements wayland.DeviceBuffer: with CUDA it hands over a Surface, else planes.
func (b *Buffer) Convert(to *media.Frame, part image.Rectangle, upsideDown bool) error {
	if err := b.await(); err != nil {
		return err
	}
	if err := b.device.enter(); err != nil {
		return err
	}
	return b.device.leave(b.bring(to, part, upsideDown))
}

func (b *Buffer) bring(to *media.Frame, part image.Rectangle, upsideDown bool) error {
	if upsideDown && b.way.name() == Shared {
		if err := b.turn(); err != nil {
			return err
		}
	}
	return b.way.bring(to, part, upsideDown)
}

// turn goes over to the way by which pictures can be turned.
func (b *Buffer) turn() error {
	turning, err := openTextured(b)
	if err != nil {
		return err
	}
	was := b.way
	b.way = turning
	b.device.config.Logger.Info("the compositor's pictures are upside down; OpenGL turns them", "way", turning.name().String())
	return was.close()
}

// await returns once the compositor's GPU has drawn what it was told to.
func (b *Buffer) await() error {
	end := media.Now().Add(patience)
	for i := range b.waiting {
		fence := &b.waiting[i]
		for fence.Revents = 0; fence.Revents == 0; {
			left := end.Sub(media.Now())
			if left < 0 {
				return fmt.Errorf("%w: the compositor's copy is not done after %v", gles.ErrStalled, patience)
			}
			if _, err := unix.Poll(b.waiting[i:i+1], int((left+time.Millisecond-1)/time.Millisecond)); err != nil && !errors.Is(err, unix.EINTR) {
				return os.NewSyscallError("poll a DMA-BUF", err)
			}
		}
		if fence.Revents&unix.POLLIN == 0 {
			return fmt.Errorf("%w: a DMA-BUF that cannot be waited for (poll says %#x)", gles.ErrStalled, fence.Revents)
		}
	}
	return nil
}

// Close implements wayland.DeviceBuffer; it may be called more than once.
func (b *Buffer) Close() error {
	if b.memory == nil {
		return nil
	}
	err := b.device.within(func() (err error) {
		if b.way != nil {
			err = b.way.close()
		}
		if b.image != nil {
			b.image.Close()
		}
		return err
	})
	err = errors.Join(err, b.memory.close())
	b.memory = nil
	return err
}
