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

// watch prepares a session that looks on at another. The caller holds mu.
func (n *Node) watch(s *session, m signaling.Start, claims token.Claims) error {
	watched := n.sessions[m.Watch]
	if watched == nil || watched.ending || watched.watches != nil {
		return signaling.Errorf(signaling.CodeTimedOut, "The game that this link shows is over.").WithHint("Ask the player for a new link.")
	}
	if !claims.AllowsWatching(m.Watch) || !claims.AllowsApp(watched.app.Name) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow watching %s.", watched.app.Title)
	}
	if err := seated(watched.claims, claims, n.watchers(watched.session)); err != nil {
		return err
	}
	s.watches, s.app, s.size, s.bitrate, s.token = watched.session, watched.app, watched.size, watched.bitrate, signaling.TokenID(claims.ID)
	s.offered = m.Offer
	return nil
}
