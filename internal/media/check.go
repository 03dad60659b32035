package media

import (
	"errors"
	"fmt"
)

// ErrFrame reports a frame whose planes do not hold the picture that its sizes promise.
var ErrFrame = errors.New("malformed frame")

// Check returns an error that wraps ErrFrame unless the sizes agree and every plane holds its rows in 4:2:0. Code that hands
// the planes to C calls it first: what passes can be read without leaving the planes. A picture on a GPU does not pass.
func (f *Frame) Check() error { return f.CheckIn(Chroma420) }

// CheckIn is Check for code that reads planes of another kind.
func (f *Frame) CheckIn(chroma Chroma) error {
	if err := f.CheckSizes(); err != nil {
		return err
	}
	if f.Surface != nil {
		return fmt.Errorf("%w: the picture lies in %s, which only an encoder on that GPU can read: copy it to host memory first", ErrFrame, f.Surface.Place())
	}
	if f.Chroma != chroma {
		return fmt.Errorf("%w: planes in %v, and %v is wanted", ErrFrame, f.Chroma, chroma)
	}
	colour := chroma.Of(f.Coded)
	if !f.Y.holds(f.Coded) || !f.U.holds(colour) || !f.V.holds(colour) {
		return fmt.Errorf("%w: a plane is too small for %v", ErrFrame, f.Coded)
	}
	return nil
}

// CheckSizes is the part of Check that holds for a picture on a GPU as well.
func (f *Frame) CheckSizes() error {
	if f.Visible.Width < 1 || f.Visible.Height < 1 || f.Coded != f.Visible.Even() {
		return fmt.Errorf("%w: visible %v, coded %v", ErrFrame, f.Visible, f.Coded)
	}
	return nil
}

func (p *Plane) holds(size Size) bool {
	return p.Stride >= size.Width && len(p.Data) >= p.Stride*(size.Height-1)+size.Width
}
