//go:build linux && cgo

package gpubuffer

import (
	"errors"
	"fmt"
	"image"

	"nearlight/edge/capture/wayland"
	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
	"nearlight/internal/yuv"
)

// texture2D is OpenGL's GL_TEXTURE_2D.
const texture2D = 0x0de1

// shared is the way on which CUDA reads the EGL image.
type shared struct {
	picture, copied *cuda.Picture
}

func openShared(b *Buffer, format wayland.Format) (way, error) {
	order := cuda.BGRA
	if format.RedFirst() {
		order = cuda.RGBA
	}
	size := b.memory.Size
	picture, err := b.device.gpu.ImportImage(b.image.Handle(), order, size)
	if err != nil {
		return nil, err
	}
	copied, err := b.device.gpu.NewPicture(cuda.Linear, order, size)
	if err != nil {
		return nil, errors.Join(err, picture.Close())
	}
	return &shared{picture, copied}, nil
}

func (*shared) name() Way { return Shared }

func (s *shared) bring(to *media.Frame, _ image.Rectangle, _ bool) error {
	if err := s.copied.CopyFrom(s.picture); err != nil {
		return err
	}
	if err := s.copied.Wait(); err != nil { // the compositor draws into the image again
		return err
	}
	to.Surface = s.copied
	return nil
}

func (s *shared) close() error { return errors.Join(s.copied.Close(), s.picture.Close()) }

// textured is the way on which OpenGL copies the image into textures that CUDA knows.
type textured struct {
	image    *gles.Image
	ring     *gles.Ring
	textures [gles.RingTargets]*cuda.Picture
	copied   *cuda.Picture
}

func openTextured(b *Buffer) (_ way, err error) {
	coded := b.memory.Size.Even() // what is coded; a frame on the GPU has no margin to repeat a row in
	t := &textured{image: b.image}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.ring, err = b.device.renderer.NewRing(coded); err != nil {
		return nil, err
	}
	for i := range t.textures {
		if t.textures[i], err = b.device.gpu.ImportTexture(t.ring.Texture(i), texture2D, coded); err != nil {
			return nil, fmt.Errorf("share a texture of OpenGL with CUDA: %w", err)
		}
	}
	if t.copied, err = b.device.gpu.NewPicture(cuda.Linear, cuda.RGBA, coded); err != nil {
		return nil, err
	}
	return t, nil
}

func (*textured) name() Way { return Textured }

func (t *textured) bring(to *media.Frame, _ image.Rectangle, upsideDown bool) error {
	target := t.ring.Copy(t.image, upsideDown)
	if err := t.ring.Wait(target, patience); err != nil {
		return err
	}
	if err := t.copied.CopyFrom(t.textures[target]); err != nil {
		return err
	}
	to.Surface = t.copied
	return nil
}

func (t *textured) close() error {
	var errs []error
	for _, picture := range append(t.textures[:], t.copied) {
		if picture != nil {
			errs = append(errs, picture.Close())
		}
	}
	if t.ring != nil {
		t.ring.Close()
	}
	return errors.Join(errs...)
}

// readBack is the way without CUDA.
type readBack struct {
	image  *gles.Image
	ring   *gles.Ring
	stride int
}

func openReadBack(b *Buffer) (way, error) {
	ring, err := b.device.renderer.NewRing(b.memory.Size)
	if err != nil {
		return nil, err
	}
	return &readBack{b.image, ring, 4 * b.memory.Size.Width}, nil
}

func (*readBack) name() Way { return ReadBack }

func (r *readBack) bring(to *media.Frame, part image.Rectangle, upsideDown bool) error {
	target := r.ring.Copy(r.image, upsideDown)
	r.ring.Fetch(target) // before waiting: the driver goes on from one to the other by itself
	if err := r.ring.Wait(target, patience); err != nil {
		return err
	}
	pixels, err := r.ring.Pixels(target, patience)
	if err != nil {
		return err
	}
	defer r.ring.Release(target)
	return yuv.FromPixels(to, yuv.Pixels{Data: pixels, Stride: r.stride, RedFirst: true}, part)
}

func (r *readBack) close() error {
	r.ring.Close()
	return nil
}
