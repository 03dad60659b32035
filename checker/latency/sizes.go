package latency

import (
	"time"

	"nearlight/internal/media"
)

// sizes is how large the pictures are.
type sizes struct {
	promised media.Size
	least    media.Size
	most     media.Size
	changes  uint64
	smaller  time.Duration // with pictures below the promised size
}

func (s *sizes) begin(size media.Size) { s.least, s.most = size, size }

// passed is for the time in which a picture was shown, until the next one.
func (s *sizes) passed(shown, next media.Size, d time.Duration) {
	if shown.Width < s.promised.Width || shown.Height < s.promised.Height {
		s.smaller += d
	}
	if next == shown {
		return
	}
	s.changes++
	if area(next) < area(s.least) {
		s.least = next
	}
	if area(next) > area(s.most) {
		s.most = next
	}
}

func area(s media.Size) int { return s.Width * s.Height }
