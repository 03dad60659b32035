package edge

import (
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// scaler makes smaller pictures of a screen whose encoder cannot keep up with the whole of it. One goroutine uses it.
type scaler struct{ frame *media.Frame }

// fit returns f in the given size: f itself where it has that size, else a frame of the scaler's, valid until the next call.
func (s *scaler) fit(f *media.Frame, size media.Size) (*media.Frame, error) {
	if f.Visible == size {
		return f, nil
	}
	if s.frame == nil || s.frame.Visible != size || s.frame.Chroma != f.Chroma {
		s.frame = media.NewFrameIn(f.Chroma, size)
	}
	if err := yuv.Scale(s.frame, f); err != nil {
		return nil, err
	}
	s.frame.Input, s.frame.Still, s.frame.Times = f.Input, f.Still, f.Times
	return s.frame, nil
}

// subsampler makes 4:2:0 of pictures in 4:4:4, for an encoder that has only that. One goroutine uses it.
type subsampler struct{ frame *media.Frame }

// fit returns f in the chroma wanted: f itself where it has that, or lies on a GPU, else a frame of the subsampler's, valid until
// the next call.
func (s *subsampler) fit(f *media.Frame, wanted media.Chroma) (*media.Frame, error) {
	if f.Surface != nil || f.Chroma == wanted {
		return f, nil
	}
	if s.frame == nil || s.frame.Visible != f.Visible {
		s.frame = media.NewFrame(f.Visible)
	}
	if err := yuv.Subsample(s.frame, f); err != nil {
		return nil, err
	}
	s.frame.Input, s.frame.Still, s.frame.Times = f.Input, f.Still, f.Times
	return s.frame, nil
}
