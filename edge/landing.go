package edge

import (
	"fmt"
	"image"
	"log/slog"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// landing brings pictures that lie in a GPU's memory to the host's, for whoever cannot read them there: a software encoder, the
// scaler. They come through memory that the GPU writes to by itself, and are I420 or I444 then. One goroutine uses it.
type landing struct {
	logger *slog.Logger
	pinned *cuda.PinnedMemory // nil before the first picture
	frame  *media.Frame       // of the size that pinned is for
	told   string             // who it was said of that pictures leave the GPU for
}

// land gives f planes in place of its Surface; a frame without one is left alone. The planes are valid until the next call.
// who reads them is for the log, which says so once for each.
func (l *landing) land(f *media.Frame, chroma media.Chroma, who string) error {
	if f.Surface == nil {
		return nil
	}
	picture, ours := f.Surface.(*cuda.Picture)
	if !ours || picture.Format() == cuda.NV12 {
		return fmt.Errorf("%w: a picture in %s cannot be brought to host memory, only CUDA's of four bytes a pixel: use an encoder that reads it there",
			media.ErrFrame, f.Surface.Place())
	}
	if l.told != who {
		l.told = who
		l.logger.Info("pictures leave the GPU", "for", who, "from", f.Surface.Place())
	}
	if err := l.ready(f.Visible, chroma, picture); err != nil {
		return fmt.Errorf("read a picture back: %w", err)
	}
	began := media.Now()
	stride := 4 * picture.Size().Width
	if err := picture.Read(l.pinned.Data, stride, nil); err != nil {
		return fmt.Errorf("read a picture back: %w", err)
	}
	pixels := yuv.Pixels{Data: l.pinned.Data, Stride: stride, RedFirst: picture.Format() == cuda.RGBA}
	if err := yuv.FromPixels(l.frame, pixels, image.Rect(0, 0, f.Visible.Width, f.Visible.Height)); err != nil {
		return err
	}
	f.Surface = nil
	f.Y, f.U, f.V, f.Chroma = l.frame.Y, l.frame.U, l.frame.V, chroma
	f.Times.Converted = f.Times.Converted.Add(media.Now().Sub(began)) // the way down is part of converting
	return nil
}

// ready makes the memory for pictures of a size.
func (l *landing) ready(visible media.Size, chroma media.Chroma, picture *cuda.Picture) error {
	if l.frame != nil && l.frame.Visible == visible && l.frame.Chroma == chroma {
		return nil
	}
	if err := l.close(); err != nil {
		return err
	}
	pinned, err := picture.Context().NewPinnedMemory(4 * picture.Size().Width * picture.Size().Height)
	if err != nil {
		return err
	}
	l.pinned, l.frame = pinned, media.NewFrameIn(chroma, visible)
	return nil
}

// close frees the memory; it may be called more than once, and before the pictures' context is closed.
func (l *landing) close() (err error) {
	if l.pinned != nil {
		err = l.pinned.Close()
	}
	l.pinned, l.frame = nil, nil
	return err
}
