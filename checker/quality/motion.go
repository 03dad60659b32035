package quality

import (
	"nearlight/internal/media"
)

const (
	// movedStep is by how many luma steps a sample has to differ to have moved: more than encoders change a picture that they code again, better each
	// time, and than noise that somebody might add.
	movedStep = 24
	// StillBelow is the share of samples that move below which a picture shows nothing new: 1 in 500, some 230 of those that are looked at in 1280x720.
	// From frame to frame our scene in flight has four times as many at the least; a picture that is coded again has next to none, but for a few
	// that begin coarsely at 2 Mbit/s.
	StillBelow = 1.0 / 500
)

// Motion tells frames that show something new from those that do not, whatever is said of them. It keeps a copy of one line in eight. A Motion
// has one user at a time.
type Motion struct {
	// LeaveOut is the top left corner that is not looked at, where the marker is: an edge may draw that anew over a picture that stands still.
	LeaveOut media.Size

	size    media.Size
	kept    []byte // of the last picture that was new
	content uint64
}

// Change is what a picture shows.
type Change struct {
	// Moved is the share of samples that differ from the last picture that was new; 1 where there is none of this size.
	Moved float64
	// Content numbers the pictures that were new, from 1: it stays the same while nothing moves (latency.Frame.Content). A picture is held against the one that was new, not against
	// the one before it, so that what moves slowly is seen to move.
	Content uint64
}

// Still reports whether the picture shows nothing new.
func (c Change) Still() bool { return c.Moved < StillBelow }

// Watch looks at the next picture. It allocates when the size changes. The error wraps media.ErrFrame.
func (m *Motion) Watch(f *media.Frame) (Change, error) {
	if err := f.CheckIn(f.Chroma); err != nil {
		return Change{}, err
	}
	size := f.Visible
	if size != m.size {
		m.size = size
		m.kept = make([]byte, size.Width*((size.Height+sampledEvery-1)/sampledEvery))
		m.keep(f)
		return Change{Moved: 1, Content: m.content}, nil
	}
	moved, looked, rest := 0, 0, m.kept
	for y := 0; y < size.Height; y += sampledEvery {
		from := 0
		if y < m.LeaveOut.Height {
			from = min(m.LeaveOut.Width, size.Width)
		}
		moved += differing(row(&f.Y, y, size.Width)[from:], rest[from:size.Width])
		looked += size.Width - from
		rest = rest[size.Width:]
	}
	change := Change{Moved: float64(moved) / float64(max(looked, 1))}
	if !change.Still() {
		m.keep(f)
	}
	change.Content = m.content
	return change, nil
}

func (m *Motion) keep(f *media.Frame) {
	m.content++
	rest := m.kept
	for y := 0; y < m.size.Height; y += sampledEvery {
		rest = rest[copy(rest, row(&f.Y, y, m.size.Width)):]
	}
}

// differing counts the samples that differ by movedStep or more.
func differing(a, b []byte) (n int) {
	b = b[:len(a)]
	for i, value := range a {
		if uint32(int32(value)-int32(b[i])+movedStep-1) > 2*(movedStep-1) {
			n++
		}
	}
	return n
}
