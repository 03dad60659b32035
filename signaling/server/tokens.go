package server

import (
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// trust is what a player's token says of edges (token.Claims).
type trust struct {
	edges []identity.Address
	root  identity.Address
}

// spentTokens are those that were good for one session, which has been matched, until they have expired. The registry's mutex guards
// them. Edges keep their own, since they do not believe signaling; this is for tokens that several edges would take.
type spentTokens map[string]time.Time // the TokenID, to when it is forgotten

// clockSlack is how much longer than its expiry says a token may be taken: more than its verifier's leeway.
const clockSlack = time.Minute

// maxSpent bounds how many are remembered, some MiB. When there are more, players wait until the oldest have expired.
const maxSpent = 1 << 16

// spend notes that a session begins by a token, or refuses the second one.
func (s spentTokens) spend(claims token.Claims, now time.Time) *signaling.Error {
	if !claims.Once {
		return nil
	}
	own := signaling.TokenID(claims.ID)
	if _, spent := s[own]; spent {
		return signaling.NewError(signaling.CodeSpentToken)
	}
	if len(s) >= maxSpent {
		for id, until := range s {
			if now.After(until) {
				delete(s, id)
			}
		}
	}
	if len(s) >= maxSpent {
		return signaling.NewError(signaling.CodeFull)
	}
	s[own] = claims.Expires.Add(clockSlack)
	return nil
}
