package edge

import (
	"fmt"
	"time"

	"nearlight/internal/media"
	"nearlight/signaling"
)

// When a session counts as one that its machine does not keep up with, so that signaling may move its player: the governor has come down to half
// of the frames that were asked for, or to smaller pictures, and has to stay there. That covers whatever makes the work of a frame take long: a
// processor that others use, an encoder on the GPU that failed and has one on the processor in its place, a GPU that is too hot. Where
// nothing of that is seen, as with a faster preset or three quarters of the frames, a player is better off where its game is.
const (
	degradedAfter = 10 * time.Second
	wellAfter     = 30 * time.Second // far longer, so that it is not said and taken back in turns
)

// hampered reports whether the machine holds so little that the player had better be elsewhere.
func (g *governor) hampered() bool {
	now := g.now()
	return now.scale < wholeSize || 2*now.rate <= g.steps[0].rate
}

// hardship is what a machine holds of a session that it does not keep up with.
type hardship struct {
	size        media.Size
	rate, asked int // frames per second
}

// reason tells a player.
func (h hardship) reason() *signaling.Error {
	return signaling.Errorf(signaling.CodeDegraded, "The machine that ran your game did not keep up any more: it made no more than %d frames per second of %v, %d were wanted.",
		h.rate, h.size, h.asked)
}

func (h hardship) String() string {
	return fmt.Sprintf("%v at %d of %d frames per second", h.size, h.rate, h.asked)
}

// strain judges whether a session's machine keeps up. It is pure: times are handed to it. One goroutine uses it.
type strain struct {
	degraded bool
	since    time.Time // when it began to look otherwise; zero: it does not
}

// judge takes how it looks now, and reports whether the verdict changes.
func (s *strain) judge(now time.Time, hampered bool) (changed bool) {
	if hampered == s.degraded {
		s.since = time.Time{}
		return false
	}
	if s.since.IsZero() {
		s.since = now
	}
	patience := degradedAfter
	if s.degraded {
		patience = wellAfter
	}
	if now.Sub(s.since) < patience {
		return false
	}
	s.degraded, s.since = hampered, time.Time{}
	return true
}

// endure tells signaling that the machine does not keep up with a session, or does again: nil.
func (n *Node) endure(s *session, h *hardship) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.sessions[s.id]
	if r == nil || r.ending {
		return
	}
	r.hardship = h
	n.metrics.degraded.Set(float64(n.hardships()))
	if h != nil {
		s.logger.Warn("the machine does not keep up with the session", "holds", h)
	} else {
		s.logger.Info("the machine keeps up with the session again")
	}
	n.sendStatus(nil) // first, so that nobody is sent here in its place
	n.sendHardship(r)
}

// hardships is how many sessions the machine does not keep up with. The caller holds mu.
func (n *Node) hardships() int {
	count := 0
	for _, r := range n.sessions {
		if r.hardship != nil && !r.ending {
			count++
		}
	}
	return count
}

// sendHardship tells signaling of a session's. The caller holds mu.
func (n *Node) sendHardship(r *running) {
	m := signaling.Degraded{Session: r.id}
	if r.hardship != nil {
		m.Reason = r.hardship.reason()
	}
	n.send(m)
}

// tellHardships tells signaling that knows nothing of them, for it is another node or was restarted.
func (n *Node) tellHardships() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.sessions {
		if r.hardship != nil && !r.ending {
			n.sendHardship(r)
		}
	}
}
