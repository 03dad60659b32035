package binding

import (
	"errors"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

// Player is the player's side, for players in Go: checkers and tests. The page has its own, in web/player/src/binding.
type Player struct {
	key    identity.Signer
	claims token.Claims
	now    func() time.Time

	lease  *signaling.Lease // that signaling has told of; nil: it has not
	edge   identity.Binding // what is to be signed by the edge; its Player and prints are of the newest offer and answer
	proven bool             // the edge has signed it

	expected identity.Address // whose offers alone are taken; zero: anybody's
	offered  bool             // the newest offer is of the edge that was expected
}

// NewPlayer returns the side of a player who holds the token and the session's key. What the token trusts is read from it without its
// signature being checked: the player has it from the studio, and not from signaling.
func NewPlayer(raw string, key identity.Signer, now func() time.Time) (*Player, error) {
	claims, err := token.Unverified(raw)
	if err != nil {
		return nil, err
	}
	return &Player{key: key, claims: claims, now: now}, nil
}

// Expect has offers refused that one edge has not signed, whatever the token demands and without a word of it to the edge. It is for who has to know at whom it looks, and is not to
// be told from other players: the signature is of the edge's certificate, so that nobody is between the two, and says nothing of the player.
func (p *Player) Expect(edge identity.Address) { p.expected = edge }

// Wanted reports whether the token demands signatures. Where it does not, neither is the answer signed nor Bound awaited.
func (p *Player) Wanted() bool { return p.claims.Bound() }

// Proven reports whether the connection was shown to be with an edge that the token trusts, and with the one that is expected. Nothing of it counts before.
func (p *Player) Proven() bool {
	return (p.proven || !p.Wanted()) && (p.offered || p.expected.IsZero())
}

// Edge is whose key has signed the connection, or the offer where the edge was expected; zero where none has.
func (p *Player) Edge() identity.Address {
	switch {
	case p.proven:
		return p.edge.Edge
	case p.offered && !p.Wanted():
		return p.expected
	}
	return identity.Address{}
}

// Matched takes note of the lease that signaling tells of, if it does: what is offered next has to come from the edge that has signed it.
func (p *Player) Matched(m signaling.Matched) { p.lease = m.Lease }

// leased fails unless the lease that was told of, if one was, is the edge's, and this session's.
func (p *Player) leased(edge identity.Address, epoch uint64, session signaling.SessionID) error {
	l := p.lease
	if l == nil {
		return nil
	}
	holder := ""
	if !p.claims.Holder.IsZero() {
		holder = p.claims.Holder.String()
	}
	if l.Session != session || uint64(l.Epoch) != epoch || l.Token != signaling.TokenID(p.claims.ID) || l.Player != holder {
		return unproven(nil, "The machine's lease is another session's.")
	}
	if err := lease.Verify(*l, edge); err != nil {
		return unproven(err, "The machine has not signed the lease that is said to be its.")
	}
	return nil
}

// Offered takes an offer. When it fails, it must not be answered.
func (p *Player) Offered(session signaling.SessionID, m signaling.Offer) error {
	if p.offered = false; !p.expected.IsZero() {
		if err := p.isExpected(session, m); err != nil {
			return err
		}
		p.offered = true
	}
	if !p.Wanted() {
		return nil
	}
	if m.Edge == nil {
		return unproven(nil, "The machine does not say who it is.")
	}
	edge, err := identity.ParseAddress(m.Edge.Address)
	if err != nil {
		return unproven(err, "The machine does not say who it is.")
	}
	var endorsed *identity.Endorsed
	if m.Edge.Endorsement != "" {
		parsed, err := identity.ParseEndorsed(m.Edge.Endorsement)
		if err != nil {
			return unproven(err, "The machine shows a strange endorsement.")
		}
		endorsed = &parsed
	}
	if err := p.claims.Trusts(edge, endorsed, p.now()); err != nil {
		return unproven(err, "The machine %s is none that this link trusts.", edge)
	}
	if err := p.leased(edge, m.Edge.Epoch, session); err != nil {
		return err
	}
	print, err := Print(m.SDP)
	if err != nil {
		return unproven(err, "The machine does not say by which certificate it is known.")
	}
	next := identity.Binding{Session: string(session), Epoch: m.Edge.Epoch, Edge: edge, Player: p.key.Address(), EdgePrint: print}
	if m.Restart && p.proven && (next.Edge != p.edge.Edge || next.EdgePrint != p.edge.EdgePrint || next.Session != p.edge.Session) {
		return unproven(nil, "Another machine wants to take the connection over.")
	}
	p.proven = p.proven && m.Restart
	p.edge = next
	return nil
}

// isExpected fails unless an offer is signed by the edge that is expected.
func (p *Player) isExpected(session signaling.SessionID, m signaling.Offer) error {
	if m.Edge == nil || m.Edge.Signature == "" {
		return unproven(nil, "The machine does not sign what it offers.")
	}
	if m.Edge.Address != p.expected.String() {
		return unproven(nil, "The machine %s is not the one that was expected.", m.Edge.Address)
	}
	if err := p.leased(p.expected, m.Edge.Epoch, session); err != nil {
		return err
	}
	print, err := Print(m.SDP)
	if err != nil {
		return unproven(err, "The machine does not say by which certificate it is known.")
	}
	signature, err := identity.ParseSignature(m.Edge.Signature)
	if err == nil {
		err = identity.Verify(identity.Binding{Session: string(session), Epoch: m.Edge.Epoch, Edge: p.expected, EdgePrint: print}.Digest(), signature, p.expected)
	}
	if err != nil {
		return unproven(err, "What the machine signed is another offer than the one that came.")
	}
	return nil
}

// Answer signs the connection that the player's answer makes; nil where that is not wanted.
func (p *Player) Answer(sdp string) (*signaling.PlayerKey, error) {
	if !p.Wanted() {
		return nil, nil
	}
	var err error
	if p.edge.PlayerPrint, err = Print(sdp); err != nil {
		return nil, err
	}
	signature, err := p.key.Sign(p.edge.Digest())
	if err != nil {
		return nil, err
	}
	return &signaling.PlayerKey{Address: p.key.Address().String(), Signature: signature.String()}, nil
}

// Bound checks the edge's signature.
func (p *Player) Bound(m signaling.Bound) error {
	if !p.Wanted() {
		return nil
	}
	signature, err := identity.ParseSignature(m.Signature)
	if err == nil && p.edge.PlayerPrint == (identity.Fingerprint{}) {
		err = errors.New("binding: nothing was answered")
	}
	if err == nil {
		err = identity.Verify(p.edge.Digest(), signature, p.edge.Edge)
	}
	if err != nil {
		p.proven = false
		return unproven(err, "What the machine signed is another connection than yours to it.")
	}
	p.proven = true
	return nil
}
