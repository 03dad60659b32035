package server

import (
	"crypto/rand"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// EdgeAccess says which edges may register. The zero value lets in every edge that has a token.
type EdgeAccess struct {
	// Keys reports whether the edge of an address may register without a token; nil lets none. It is asked at each login.
	Keys func(identity.Address) bool
}

// admitted is an edge that may register.
type admitted struct {
	signaling.Register
	id signaling.EdgeID // its address, the same at every node
}

// admitEdge hears out who wants to register, from its first message on. Without an error the connection goes on; with one it is over,
// and its end is arranged.
func (s *Server) admitEdge(c *conn) (admitted, bool) {
	m, err := c.first()
	if err != nil {
		return admitted{}, false
	}
	switch m := m.(type) {
	case signaling.Login:
		address, register, reason := s.challenge(c, m)
		if reason == nil && register != nil {
			reason = s.mayRegister(*register, address)
		}
		if reason != nil {
			c.log.Info("edge is refused", "key", m.Address, "reason", reason)
			c.end(reason)
		}
		if reason != nil || register == nil {
			return admitted{}, false
		}
		return admitted{*register, signaling.EdgeID(address.String())}, true
	case signaling.Register:
		c.end(signaling.Errorf(signaling.CodeBadKey, "A machine shows its key before it registers.").WithHint("Bring the edge's program up to date; it has a key of its own then."))
	default:
		c.end(signaling.Errorf(signaling.CodeBadMessage, "An edge's first message is login, not %s.", signaling.Kind(m)))
	}
	return admitted{}, false
}

// challenge has an edge prove the key that it says to have, and returns the registration that proves it. Without a registration the
// connection is over, for the reason if there is one.
func (s *Server) challenge(c *conn, login signaling.Login) (identity.Address, *signaling.Register, *signaling.Error) {
	none := identity.Address{}
	address, err := identity.ParseAddress(login.Address)
	if err != nil {
		return none, nil, signaling.Errorf(signaling.CodeBadKey, "%v.", err)
	}
	var nonce identity.Nonce
	if _, err := rand.Read(nonce[:]); err != nil {
		c.log.Error("no nonce can be made", "error", err)
		return none, nil, signaling.NewError(signaling.CodeInternal)
	}
	c.send(signaling.Challenge{Nonce: nonce.String()})
	m, err := c.first()
	if err != nil {
		return none, nil, nil // it has been told
	}
	register, ok := m.(signaling.Register)
	if !ok || register.Proof == nil {
		return none, nil, signaling.Errorf(signaling.CodeBadMessage, "A challenge is answered by register with a proof, not by %s.", signaling.Kind(m))
	}
	statement := identity.Login{
		Role: identity.Edge, Host: c.host, Nonce: nonce,
		IssuedAt: time.Unix(register.Proof.IssuedAt, 0), ExpiresAt: time.Unix(register.Proof.ExpiresAt, 0),
	}
	signature, err := identity.ParseSignature(register.Proof.Signature)
	if err == nil {
		err = identity.Verify(statement.Digest(), signature, address)
	}
	if err != nil {
		return none, nil, signaling.Errorf(signaling.CodeBadKey, "The signature is not %s's of this challenge at %s.", address, signaling.Cut(c.host, maxShown))
	}
	if err := statement.Current(s.config.Now()); err != nil {
		return none, nil, signaling.Errorf(signaling.CodeBadKey, "The login does not hold now: %v.", err).WithHint("Set the machine's clock.")
	}
	return address, &register, nil
}

// mayRegister refuses an edge that has shown its key and has no token, unless the operator has let its key in, or a token that is good for another.
func (s *Server) mayRegister(m signaling.Register, address identity.Address) *signaling.Error {
	if m.Token == "" {
		if known := s.config.EdgeAccess.Keys; known == nil || !known(address) {
			return signaling.Errorf(signaling.CodeBadKey, "The address %s may not register here without a token.", address).
				WithHint("Give the address to the operator of this server, or ask for a token.")
		}
		return nil
	}
	claims, err := s.verify(m.Token, token.Edge)
	if err != nil {
		s.log.Info("token is refused", "error", err)
		return signaling.AsError(err)
	}
	if !claims.Holder.IsZero() && claims.Holder != address {
		return signaling.Errorf(signaling.CodeBadToken, "This token is good for the key %s only.", claims.Holder)
	}
	return nil
}
