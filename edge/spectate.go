package edge

import (
	"context"
	"errors"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// errWatchedOver ends a session that looks on at one that has ended.
var errWatchedOver = errors.New("the session that is watched has ended")

// lookOn connects a spectator to the session it watches, once there is something to see, until ctx ends.
func (s *session) lookOn(ctx context.Context) error {
	select {
	case <-s.watches.air:
	case <-ctx.Done():
		return ctx.Err()
	}
	ready := make(chan *live, 1)
	ready <- s.watches.onAir.live
	return s.converse(ctx, s.watches.onAir.offered, ready)
}

// watch begins a session that looks on at another. The caller holds mu.
func (n *Node) watch(m signaling.Start) error {
	claims, err := n.config.Verifier.Verify(m.Token, token.Player)
	if err != nil {
		return err
	}
	watched := n.sessions[m.Watch]
	if watched == nil || watched.ending || watched.watches != nil {
		return signaling.Errorf(signaling.CodeTimedOut, "The game that this link shows is over.").WithHint("Ask the player for a new link.")
	}
	if !claims.AllowsWatching(m.Watch) || !claims.AllowsApp(watched.app.Name) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow watching %s.", watched.app.Title)
	}
	s := newSession(n, m.Session)
	s.watches, s.app, s.size, s.offered = watched.session, watched.app, watched.size, m.Offer
	r := n.begin(s)
	context.AfterFunc(watched.ctx, func() { r.stop(errWatchedOver) })
	return nil
}
