package edge

import (
	"errors"

	"nearlight/signaling"
)

// conclude tells why a session ends. Its slot counts as free from here on.
func (n *Node) conclude(s *session, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.endUse(s) // first: who ends the session in its books has the whole of it then
	if !errors.Is(err, errStopped) {
		n.send(ending(s, err))
	}
	n.vacate(n.sessions[s.id])
}

// vacate says that another session can begin. The caller holds mu.
func (n *Node) vacate(r *running) {
	if !r.ending {
		r.ending = true
		n.metrics.degraded.Set(float64(n.hardships()))
		n.release(r.session)
		n.sendStatus(nil)
	}
}

// ended frees the slot of a session of which nothing is left.
func (n *Node) ended(s *session, err error) {
	s.logger.Info("session ended", "reason", err)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.release(s)
	delete(n.sessions, s.id)
	if s.slot >= 0 {
		n.slots[s.slot] = false
		close(n.freed)
		n.freed = make(chan struct{})
	}
	n.metrics.sessions.Dec()
	n.warm.wake()
}

// ending is what a player is told of the end of its session.
func ending(s *session, err error) signaling.Ended {
	var byApp *appEnded
	var explained *signaling.Error
	message := signaling.Ended{Session: s.id}
	switch {
	case errors.Is(err, errWatchedOver):
		message.Reason = signaling.Errorf(signaling.CodeLeft, "The game that you watched is over.")
	case errors.Is(err, errDisplayEnded):
		s.logger.Error("session failed", "error", err)
		message.Reason = signaling.Errorf(signaling.CodeInternal, "The display that the game is drawn on has failed.")
	case errors.As(err, &byApp):
		message.Reason, message.Output = signaling.Errorf(byApp.code, "%s.", byApp.text), byApp.output
	case errors.As(err, &explained):
		message.Reason = explained
	case errors.Is(err, errNotConnected):
		message.Reason = signaling.Errorf(signaling.CodeTimedOut, "No connection to the machine came about.").
			WithHint("A firewall may keep video out of this network; try another one, then play again.")
	case errors.Is(err, errPlayerLost):
		message.Reason = signaling.Errorf(signaling.CodeTimedOut, "The connection was lost for more than %v.", hold)
	default:
		s.logger.Error("session failed", "error", err)
		message.Reason = signaling.AsError(err)
	}
	return message
}
