package tracing

import (
	"log/slog"
	"sync"
	"time"
)

// seldom logs a failure that may come again and again, at most once in a while.
type seldom struct {
	log   *slog.Logger
	every time.Duration

	mu     sync.Mutex
	last   time.Time
	silent int // failures that were not logged since
}

func (s *seldom) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() && now.Sub(s.last) < s.every {
		s.silent++
		return
	}
	s.log.Warn("spans are not sent", "error", err, "not_logged", s.silent)
	s.last, s.silent = now, 0
}
