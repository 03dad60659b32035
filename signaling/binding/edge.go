package binding

import (
	"fmt"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Edge is the edge's side.
type Edge struct {
	key      identity.Signer
	endorsed *identity.Endorsed
	session  signaling.SessionID
	epoch    uint64
	claims   token.Claims

	print  identity.Fingerprint // of the description that was offered last
	player identity.Address     // whose the session is; zero before it is known
}

// NewEdge returns the side of an edge, with its key, and what a root has signed of it, nil for nothing. It fails, with a *signaling.Error in the
// chain, when the token of the session does not trust the edge. epoch is the session's lease's.
func NewEdge(key identity.Signer, endorsed *identity.Endorsed, session signaling.SessionID, epoch uint64, claims token.Claims, now time.Time) (*Edge, error) {
	e := &Edge{key: key, endorsed: endorsed, session: session, epoch: epoch, claims: claims, player: claims.Holder}
	if !claims.Bound() {
		return e, nil
	}
	if err := claims.Trusts(key.Address(), endorsed, now); err != nil {
		return nil, fmt.Errorf("binding: %w (%w)", signaling.Errorf(signaling.CodeUnproven, "This link is for other machines than %s.", key.Address()), err)
	}
	return e, nil
}

// Offer adds to an offer what the player needs to check the edge.
func (e *Edge) Offer(m *signaling.Offer) error {
	var err error
	if e.print, err = Print(m.SDP); err != nil {
		return err
	}
	m.Edge = &signaling.EdgeKey{Address: e.key.Address().String(), Epoch: e.epoch}
	if e.endorsed != nil {
		text, err := e.endorsed.MarshalText()
		if err != nil {
			return err
		}
		m.Edge.Endorsement = string(text)
	}
	// To everybody: who wants to know whose certificate this is does not have to show that it does.
	signature, err := e.key.Sign(identity.Binding{Session: string(e.session), Epoch: e.epoch, Edge: e.key.Address(), EdgePrint: e.print}.Digest())
	if err != nil {
		return fmt.Errorf("binding: sign: %w", err)
	}
	m.Edge.Signature = signature.String()
	return nil
}

// Answer checks the player's signature of the connection, and returns the edge's own; nil where neither is wanted. When it fails, the
// answer must not be used.
func (e *Edge) Answer(m signaling.Answer) (*signaling.Bound, error) {
	if m.Player == nil {
		if e.claims.Bound() || !e.player.IsZero() {
			return nil, unproven(nil, "Your browser did not sign the connection, which this link demands.")
		}
		return nil, nil
	}
	player, err := identity.ParseAddress(m.Player.Address)
	if err != nil {
		return nil, unproven(err, "Your browser signed the connection with a key that is none.")
	}
	signature, err := identity.ParseSignature(m.Player.Signature)
	if err != nil {
		return nil, unproven(err, "Your browser signed the connection with a signature that is none.")
	}
	print, err := Print(m.SDP)
	if err != nil {
		return nil, unproven(err, "Your browser's answer does not say by which certificate it is known.")
	}
	if player == e.key.Address() {
		return nil, unproven(nil, "Your browser signed the connection with the machine's own key.")
	}
	if !e.player.IsZero() && player != e.player {
		return nil, unproven(nil, "This game is another key's than your browser's.")
	}
	statement := identity.Binding{
		Session: string(e.session), Epoch: e.epoch, Edge: e.key.Address(), Player: player, EdgePrint: e.print, PlayerPrint: print,
	}.Digest()
	if err := identity.Verify(statement, signature, player); err != nil {
		return nil, unproven(err, "What your browser signed is another connection than the one to this machine.")
	}
	own, err := e.key.Sign(statement)
	if err != nil {
		return nil, fmt.Errorf("binding: sign: %w", err)
	}
	e.player = player
	return &signaling.Bound{Session: e.session, Signature: own.String()}, nil
}

// Player is the address of the session's key; zero where no player has shown one.
func (e *Edge) Player() identity.Address { return e.player }
