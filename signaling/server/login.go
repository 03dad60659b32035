package server

import (
	"crypto/rand"
	"strings"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// EdgeAccess says which edges may register. The zero value lets in every edge that has a token, with a key or without.
type EdgeAccess struct {
	// Keys reports whether the edge of an address may register without a token; nil lets none. It is asked at each login.
	Keys func(identity.Address) bool
	// KeyRequired keeps edges out that have a token and no key.
	KeyRequired bool
}

// admitted is an edge that may register.
type admitted struct {
	signaling.Register
	owner string // whose the registration is: only the same owner takes it up again
}

// What owners are called. An address and a token's id are never taken for one another.
const (
	keyOwner   = "key:"
	tokenOwner = "jti:"
)

// edgeID is the id of an owner's edge, the same at every node: its address, where it has shown its key, else one made of its token and of
// what only the edge knows. It is empty for an edge that has neither.
func edgeID(owner, instance string) signaling.EdgeID {
	if address, ok := strings.CutPrefix(owner, keyOwner); ok {
		return signaling.EdgeID(address)
	}
	if instance == "" {
		return ""
	}
	return signaling.EdgeOf(owner, instance)
}

// admitEdge hears out who wants to register, from its first message on. Without an error the connection goes on; with one it is over,
// and its end is arranged.
func (s *Server) admitEdge(c *conn) (admitted, bool) {
	m, err := c.first()
	if err != nil {
		return admitted{}, false
	}
	var address identity.Address
	if login, ok := m.(signaling.Login); ok {
		var reason *signaling.Error
		if address, m, reason = s.challenge(c, login); m == nil {
			if reason != nil {
				c.end(reason)
			}
			return admitted{}, false
		}
	}
	register, ok := m.(signaling.Register)
	if !ok {
		c.end(signaling.Errorf(signaling.CodeBadMessage, "An edge's first message is login or register, not %s.", signaling.Kind(m)))
		return admitted{}, false
	}
	owner, reason := s.owner(register, address)
	if reason != nil {
		c.log.Info("edge is refused", "key", address, "reason", reason)
		c.end(reason)
		return admitted{}, false
	}
	if !address.IsZero() {
		register.Edge = signaling.EdgeID(address.String())
	}
	return admitted{register, owner}, true
}

// challenge has an edge prove the key that it says to have, and returns the registration that proves it. Without a message the
// connection is over, for the reason if there is one.
func (s *Server) challenge(c *conn, login signaling.Login) (identity.Address, signaling.Message, *signaling.Error) {
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
	return address, register, nil
}

// owner decides whether an edge may register, by what it has shown: a key, a token, or both.
func (s *Server) owner(m signaling.Register, address identity.Address) (string, *signaling.Error) {
	if m.Proof != nil && address.IsZero() {
		return "", signaling.Errorf(signaling.CodeBadMessage, "A proof came without a challenge.")
	}
	access := s.config.EdgeAccess
	if address.IsZero() && access.KeyRequired {
		return "", signaling.Errorf(signaling.CodeBadKey, "Machines need a key here.").WithHint("Start the edge with a wallet; `nearlight wallet new` makes one.")
	}
	if m.Token == "" {
		if access.Keys == nil || !access.Keys(address) {
			return "", signaling.Errorf(signaling.CodeBadKey, "The address %s may not register here without a token.", address).
				WithHint("Give the address to the operator of this server, or ask for a token.")
		}
		return keyOwner + address.String(), nil
	}
	claims, err := s.config.Verifier.Verify(m.Token, token.Edge)
	if err != nil {
		s.log.Info("token is refused", "error", err)
		return "", signaling.AsError(err)
	}
	if !claims.Holder.IsZero() && claims.Holder != address {
		return "", signaling.Errorf(signaling.CodeBadToken, "This token is good for the key %s only.", claims.Holder)
	}
	if address.IsZero() {
		return tokenOwner + claims.ID, nil
	}
	return keyOwner + address.String(), nil
}
