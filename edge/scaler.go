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
	if s.frame == nil || s.frame.Visible != size {
		s.frame = media.NewFrame(size)
	}
	if err := yuv.Scale(s.frame, f); err != nil {
		return nil, err
	}
	s.frame.Input, s.frame.Still, s.frame.Times = f.Input, f.Still, f.Times
	return s.frame, nil
}
