package edge

import (
	"time"

	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/signaling/binding"
	"nearlight/signaling/token"
)

// terms are what an edge says of itself that tokens may limit.
type terms struct {
	regions []string // that it lies in
	price   uint64   // for a second, in the payment token's smallest unit; 0 is nothing
}

// admit refuses a token whose limits the edge does not meet. Signaling should not have sent its player here.
func (t terms) admit(claims token.Claims) error {
	if !claims.AllowsRegion(t.regions) {
		return signaling.NewError(signaling.CodeWrongRegion)
	}
	if !claims.AllowsPrice(t.price) {
		return signaling.NewError(signaling.CodeTooDear)
	}
	return nil
}

// ceiling is the bitrate that a session's stream may take.
func ceiling(own media.Bitrate, claims token.Claims) media.Bitrate {
	if claims.Bitrate == 0 {
		return own
	}
	return min(own, media.Bitrate(claims.Bitrate))
}

// seated refuses one more who looks on at a session when all its seats are taken: the player's is one, and so is that of each who looks on.
func seated(played, watching token.Claims, watchers int) error {
	for _, seats := range []int{played.Seats, watching.Seats} {
		if seats != 0 && 1+watchers >= seats {
			return signaling.Errorf(signaling.CodeFull, "All %d seats of this game are taken.", seats).WithHint("Try again when one is free.")
		}
	}
	return nil
}

// spentTokens are those that were good for one session here, until they are good for none anyway. The node's mutex guards them.
type spentTokens map[string]time.Time // jti to the time from which it is refused as expired

// clockSlack is how much longer than its expiry says a token may be taken: more than its verifier's leeway.
const clockSlack = time.Minute

// spend notes that a session begins by a token, or refuses the second one.
func (s spentTokens) spend(claims token.Claims, now time.Time) error {
	if !claims.Once {
		return nil
	}
	if _, spent := s[claims.ID]; spent {
		return signaling.NewError(signaling.CodeSpentToken)
	}
	for id, until := range s { // as many as began in a token's life: one a slot and some seconds at the most
		if now.After(until) {
			delete(s, id)
		}
	}
	s[claims.ID] = claims.Expires.Add(clockSlack)
	return nil
}

// entitle gives a session the token that it is by, and both ends' signatures of its connection, if they are wanted.
func (n *Node) entitle(s *session, claims token.Claims) (err error) {
	if s.offered != "" && claims.Bound() {
		return signaling.Errorf(signaling.CodeUnproven, "This link demands that both ends sign their connection, for which WHEP has no place.").
			WithHint("Look on with the page, or ask for a link that does not demand it.")
	}
	s.claims = claims
	s.bond, err = binding.NewEdge(n.config.Identity, n.config.Endorsed, s.id, s.epoch, claims, time.Now())
	return err
}

// mayResume refuses somebody else's token, or one that is over, for a session that is to go on.
func (n *Node) mayResume(s *session, raw string) error {
	claims, err := n.config.Verifier.Verify(raw, token.Player)
	if err != nil {
		return err
	}
	if claims.ID != s.claims.ID {
		return signaling.Errorf(signaling.CodeBadToken, "This link did not begin this game.")
	}
	return nil
}

// watchers is how many look on at a session. The caller holds mu.
func (n *Node) watchers(of *session) int {
	count := 0
	for _, r := range n.sessions {
		if r.watches == of && !r.ending {
			count++
		}
	}
	return count
}
