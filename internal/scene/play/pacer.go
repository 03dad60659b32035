package play

import (
	"time"

	"nearlight/internal/media"
)

// Pacer says when the next picture is due: on a fixed grid, so that no error adds up.
type Pacer struct {
	period time.Duration
	due    media.Instant
}

// NewPacer begins a grid of so many pictures a second at now.
func NewPacer(rate int, now media.Instant) Pacer {
	return Pacer{time.Second / time.Duration(rate), now}
}

// Period is the time between two pictures.
func (p *Pacer) Period() time.Duration { return p.period }

// Next moves on to the first point of the grid after now, skipping those that were missed, and returns it.
func (p *Pacer) Next(now media.Instant) media.Instant {
	p.due = p.due.Add(p.period)
	if late := now.Sub(p.due); late >= 0 {
		p.due = p.due.Add((late/p.period + 1) * p.period)
	}
	return p.due
}
