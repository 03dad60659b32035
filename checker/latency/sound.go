package latency

import (
	"time"

	"nearlight/internal/media"
)

// soundPatience is by how much a piece of sound may be late before it is missed: about what a browser keeps in its buffer.
const soundPatience = 60 * time.Millisecond

// Sound is one piece of sound.
type Sound struct {
	Arrived media.Instant
	Length  time.Duration
	Lost    bool // nothing carried it
	Pause   bool // nothing is sent after it for a while, as the edge has said
}

// soundGaps is what could not be heard.
type soundGaps struct {
	began  bool
	before Sound

	heard  time.Duration
	gaps   uint64
	silent time.Duration
}

func (g *soundGaps) add(s Sound) {
	s.Length = max(s.Length, 0)
	late := s.Arrived.Sub(g.before.Arrived) - s.Length - soundPatience
	switch {
	case s.Lost:
		if !g.began || !g.before.Lost {
			g.gaps++
		}
		g.silent += s.Length
	case g.began && late > 0 && !g.before.Pause && !g.before.Lost:
		g.gaps++
		g.silent += late
		g.heard += s.Length
	default:
		g.heard += s.Length
	}
	g.before, g.began = s, true
}
