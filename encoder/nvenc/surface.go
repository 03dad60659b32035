//go:build cgo

package nvenc

/*
#include "shim.h"
*/
import "C"

import (
	"fmt"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

// surface is a picture on the GPU that the session knows.
type surface struct {
	c      *C.nl_surface
	forget func() // takes back what the picture would do before it is closed
}

// mostSurfaces bounds how many pictures a session knows: a source has two or three that it draws by turns.
const mostSurfaces = 16

func (e *Encoder) codeSurface(f *media.Frame, keyframe bool) error {
	known, err := e.surface(f)
	if err != nil {
		return err
	}
	if C.nl_nvenc_encode_surface(e.c, known.c, C.int64_t(e.history.Next()), flag(keyframe), &e.unit) < 0 {
		return e.failure()
	}
	return nil
}

// surface finds a frame's picture among those that are known, or makes it known.
func (e *Encoder) surface(f *media.Frame) (surface, error) {
	picture, ours := f.Surface.(*cuda.Picture)
	if !ours {
		return surface{}, fmt.Errorf("%s: %w: the picture lies in %s, which NVENC cannot read", e.name, media.ErrFrame, f.Surface.Place())
	}
	if known, is := e.surfaces[picture]; is {
		return known, nil
	}
	switch {
	case picture.Pointer() == nil:
		return surface{}, fmt.Errorf("%s: %w: the picture is closed", e.name, media.ErrFrame)
	case picture.Context().Device().UUID != e.context.Device().UUID:
		return surface{}, fmt.Errorf("%s: %w: the picture lies in %s, the encoder is on GPU %d: encode where it was drawn",
			e.name, media.ErrFrame, picture.Place(), e.context.Device().Ordinal)
	case !readsSurfaces(e.config.Sampling):
		return surface{}, fmt.Errorf("%s: %w: NVENC API %s takes pictures of 8 bits on the GPU for no stream with 10: copy it to host memory first",
			e.name, media.ErrFrame, API())
	case e.config.Sampling.Chroma == media.Chroma444 && picture.Format() == cuda.NV12:
		return surface{}, fmt.Errorf("%s: %w: a picture in NV12 is 4:2:0, and the stream is 4:4:4: draw it in four bytes a pixel", e.name, media.ErrFrame)
	case picture.Size() != f.Coded:
		return surface{}, fmt.Errorf("%s: %w: the picture is %v, the frame says %v", e.name, media.ErrFrame, picture.Size(), f.Coded)
	}
	if len(e.surfaces) >= mostSurfaces {
		e.forgetSurfaces()
	}
	known := surface{c: e.register(picture)}
	if known.c == nil {
		return surface{}, e.failure()
	}
	known.forget = picture.BeforeClose(func() { e.forgetSurface(picture) })
	e.surfaces[picture] = known
	return known, nil
}

func (e *Encoder) forgetSurface(picture *cuda.Picture) {
	C.nl_nvenc_unregister(e.c, e.surfaces[picture].c)
	delete(e.surfaces, picture)
}

func (e *Encoder) forgetSurfaces() {
	for picture, known := range e.surfaces {
		known.forget()
		e.forgetSurface(picture)
	}
}
