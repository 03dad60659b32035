package eye

import (
	"errors"

	"nearlight/signaling"
	"nearlight/signaling/client"
)

// hear takes what signaling says.
func (l *looking) hear(m signaling.Message) {
	switch m := m.(type) {
	case signaling.Queued: // nobody has asked for it
		l.end(taken(signaling.NewError(signaling.CodeFull)))
		return
	case signaling.Moved: // likewise
		l.end(unserved(m.Reason))
		return
	case signaling.Matched, signaling.Offer:
		if err := l.advance(m); err != nil {
			l.end(err)
			return
		}
	case signaling.Ended:
		l.note(func() { l.stage = over })
	case signaling.Checked:
		select {
		case l.checked <- struct{}{}:
		default:
		}
	}
	err := l.meet.Hear(m)
	switch m.(type) {
	case signaling.Offer, signaling.Bound:
		if errors.Is(err, client.ErrBacklog) {
			l.end(trouble(err))
		} else if err != nil {
			l.end(unserved(err))
		}
	default:
		if err != nil { // a candidate, or a server for them: one way fewer
			l.visit.Log.Debug("what signaling says", "error", err)
		}
	}
}

// advance notes how far the session is. A connection that stands is not given up for another one.
func (l *looking) advance(m signaling.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m := m.(type) {
	case signaling.Matched:
		if l.stage >= offered {
			return trouble(errLost)
		}
		if !l.visit.Edge.IsZero() && string(m.Edge.ID) != l.visit.Edge.String() {
			return trouble(errElse)
		}
		l.session, l.stage = m.Session, matched
	case signaling.Offer:
		if l.stage >= offered && !m.Restart {
			return unserved(errAgain)
		}
		l.stage = max(l.stage, offered)
	}
	return nil
}
