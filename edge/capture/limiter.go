package capture

import (
	"sync/atomic"
	"time"

	"nearlight/internal/media"
)

// Limiter caps the frame rate of a source: a virtual schedule (the generic cell rate algorithm of ITU-T I.371) that lets a
// frame come up to half an interval early, as long as the average holds.
//
// Each early frame uses up credit and each late one restores it, so a source of the capped rate keeps its own phase
// and jitter. Its clock and ours differ, though, and "60 Hz" is 59.94 to 60.1 in practice: with an exact interval such a source
// would slide into the cap and then wait up to a frame for ever. Hence the slack.
//
// Its zero value caps nothing. SetFrameRate may be called from anywhere, the rest by one goroutine at a time.
type Limiter struct {
	interval atomic.Int64  // time.Duration
	due      media.Instant // when the next frame is due on the virtual schedule
}

// limiterSlack is how much faster than the cap a source may be, as a fraction: 1/50.
const limiterSlack = 50

// SetFrameRate sets the cap, in frames per second; one below 1 counts as 1.
func (l *Limiter) SetFrameRate(framesPerSecond int) {
	interval := time.Second / time.Duration(max(framesPerSecond, 1))
	l.interval.Store(int64(interval - interval/limiterSlack))
}

// Earliest is the first instant at which a frame may be grabbed.
func (l *Limiter) Earliest() media.Instant { return l.due.Add(time.Duration(-l.interval.Load() / 2)) }

// Took records that a frame was grabbed.
func (l *Limiter) Took(at media.Instant) {
	l.due = max(l.due, at).Add(time.Duration(l.interval.Load()))
}
