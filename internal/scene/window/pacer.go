package window

import (
	"time"

	"nearlight/internal/media"
)

// pacer says when the next picture is due: on a fixed grid, so that no error adds up.
type pacer struct {
	period time.Duration
	due    media.Instant
}

func newPacer(rate int, now media.Instant) pacer {
	return pacer{time.Second / time.Duration(rate), now}
}

// next moves on to the first point of the grid after now, skipping those that were missed, and returns it.
func (p *pacer) next(now media.Instant) media.Instant {
	p.due = p.due.Add(p.period)
	if late := now.Sub(p.due); late >= 0 {
		p.due = p.due.Add((late/p.period + 1) * p.period)
	}
	return p.due
}
