package arena

import (
	"time"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene"
)

// Claim is what a picture says of itself.
type Claim struct {
	Nonce Nonce
	Index uint16        // the nonce's number since the task began, from 1; 0: none was typed yet
	Since time.Duration // since the nonce was taken, in whole microseconds
}

// Said is all that a picture says: the marker, and the claim in a second block of the marker's form to its right, in which the instant
// is the time since the nonce was taken, the input the nonce, and the counter the nonce's number.
type Said struct {
	Marker marker.Stamp
	Claim  Claim
}

// Blocks is the corner of a picture that the two blocks cover.
var Blocks = media.Size{Width: 2 * marker.Width, Height: marker.Height}

func (c Claim) stamp() marker.Stamp {
	return marker.Stamp{Micros: uint64(c.Since / time.Microsecond), Input: uint32(c.Nonce), Counter: c.Index}
}

func (s Said) mark(p *scene.Picture) {
	p.Mark(s.Marker)
	p.MarkBeside(s.Claim.stamp())
}

// Read reads both blocks of a picture's luma. The error is marker.ErrAbsent or marker.ErrChecksum.
func Read(luma media.Plane, size media.Size) (Said, error) {
	if !Blocks.Fits(size) || len(luma.Data) < marker.Width {
		return Said{}, marker.ErrAbsent
	}
	stamp, err := marker.Decode(luma, size)
	if err != nil {
		return Said{}, err
	}
	beside := media.Plane{Data: luma.Data[marker.Width:], Stride: luma.Stride}
	claim, err := marker.Decode(beside, media.Size{Width: size.Width - marker.Width, Height: size.Height})
	if err != nil {
		return Said{}, err
	}
	since := min(time.Duration(claim.Micros)*time.Microsecond, MaxSince)
	return Said{stamp, Claim{Nonce(claim.Input), claim.Counter, since}}, nil
}

// Draw paints both blocks into a frame, which is no smaller than Blocks.
func (s Said) Draw(f *media.Frame) {
	marker.DrawI420(f, s.Marker)
	chroma := f.Chroma.Of(media.Size{Width: marker.Width, Height: marker.Height}).Width
	beside := *f
	beside.Y.Data, beside.U.Data, beside.V.Data = f.Y.Data[marker.Width:], f.U.Data[chroma:], f.V.Data[chroma:]
	marker.DrawI420(&beside, s.Claim.stamp())
}
