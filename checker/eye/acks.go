package eye

import (
	"context"
	"sync"
	"time"

	"nearlight/streamer/control"
)

// displayTick is how often a page can say anything about pictures: as often as its display shows one.
const displayTick = time.Second / 60

// acks is the acknowledgement that is to be sent with the display's next tick: that of the newest picture, as a page has no other.
type acks struct {
	mu     sync.Mutex
	newest control.Ack
	waits  bool
}

// put takes the newest.
func (a *acks) put(ack control.Ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.newest, a.waits = ack, true
}

// take returns what waits, once.
func (a *acks) take() (control.Ack, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	waited := a.waits
	a.waits = false
	return a.newest, waited
}

// tell tells the edge about pictures when a page would, until ctx ends.
func (l *looking) tell(ctx context.Context) {
	ticker := time.NewTicker(displayTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if ack, waits := l.acks.take(); waits {
			if err := l.viewer.Send(&ack); err != nil {
				l.visit.Log.Debug("acknowledge a picture", "error", err)
			}
		}
	}
}
