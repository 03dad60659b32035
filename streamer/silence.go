package streamer

import (
	"sync/atomic"
	"time"
)

// unheardAfter is how long a player may be silent. Browsers ping four times a second, once a second on a hidden page, and report
// on packets besides. With the heartbeat at which it is looked for, silence is noticed within 2.5 s.
const unheardAfter = 2 * time.Second

// silence notices that nothing comes from a player any more. Times are since the connection was made.
type silence struct {
	heard atomic.Int64 // time.Duration; 0 before the first sign of life
	told  int64        // heard, when its end was told of; the looking goroutine's
}

// hear takes note of a sign of life. It may be called from anywhere.
func (s *silence) hear(at time.Duration) { s.heard.Store(int64(max(at, 1))) }

// begun reports, once for each time, that there is silence now.
func (s *silence) begun(now time.Duration) bool {
	heard := s.heard.Load()
	if heard == 0 || heard == s.told || now-time.Duration(heard) < unheardAfter {
		return false
	}
	s.told = heard
	return true
}

// Silence is for how long nothing has come from the player; 0 before anything has.
func (p *Peer) Silence() time.Duration {
	heard := p.silence.heard.Load()
	if heard == 0 {
		return 0
	}
	return time.Since(p.born) - time.Duration(heard)
}

// hear takes note of a sign of life of the player's.
func (p *Peer) hear() { p.silence.hear(time.Since(p.born)) }

// listen looks for silence.
func (p *Peer) listen() {
	if !p.silence.begun(time.Since(p.born)) {
		return
	}
	select {
	case p.unheard <- struct{}{}:
	default: // nobody has looked since the last time
	}
}
