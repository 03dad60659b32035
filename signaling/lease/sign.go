package lease

import (
	"errors"
	"fmt"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// The reasons not to believe a lease.
var (
	// ErrSignature reports a lease that its edge has not signed, or that does not read as one.
	ErrSignature = errors.New("lease: it is not signed by its edge")
	// ErrNoProof reports two leases that an honest edge may have signed.
	ErrNoProof = errors.New("lease: nothing was given away twice")
)

// Sign signs a lease by an edge's key. Its Edge becomes the key's address.
func Sign(by identity.Signer, l signaling.Lease) (signaling.Lease, error) {
	l.Edge = signaling.EdgeID(by.Address().String())
	s, err := statement(l)
	if err != nil {
		return signaling.Lease{}, fmt.Errorf("lease: sign: %w", err)
	}
	signature, err := by.Sign(s.Digest())
	if err != nil {
		return signaling.Lease{}, fmt.Errorf("lease: sign: %w", err)
	}
	l.Signature = signature.String()
	return l, nil
}

// Verify fails with ErrSignature unless l is a lease of the edge with this address, signed by its key. Whoever calls it knows the address from
// elsewhere than the lease. It takes about a tenth of a millisecond.
func Verify(l signaling.Lease, of identity.Address) error {
	s, err := statement(l)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if s.Edge != of {
		return fmt.Errorf("%w: it is %s's, not %s's", ErrSignature, s.Edge, of)
	}
	signature, err := identity.ParseSignature(l.Signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if err := identity.Verify(s.Digest(), signature, of); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// Doubled shows that an edge gave one epoch of a slot away twice, to whoever has the two leases and nothing else: it returns the edge's
// address. It fails with ErrSignature where one of them is not signed by the edge that it names, and with ErrNoProof where they are of different
// edges, slots or epochs, or say the same. An honest edge signs an epoch once, whatever it is asked, also after a crash.
func Doubled(a, b signaling.Lease) (identity.Address, error) {
	one, err := statement(a)
	if err != nil {
		return identity.Address{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	for _, l := range []signaling.Lease{a, b} {
		of, err := identity.ParseAddress(string(l.Edge))
		if err == nil {
			err = Verify(l, of)
		}
		if err != nil {
			return identity.Address{}, err
		}
	}
	two, err := statement(b)
	if err != nil {
		return identity.Address{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if one.Edge != two.Edge || one.Slot != two.Slot || one.Epoch != two.Epoch || one == two {
		return identity.Address{}, ErrNoProof
	}
	return one.Edge, nil
}

// statement is what is signed of a lease.
func statement(l signaling.Lease) (identity.Lease, error) {
	edge, err := identity.ParseAddress(string(l.Edge))
	if err != nil {
		return identity.Lease{}, err
	}
	var player identity.Address
	if l.Player != "" {
		if player, err = identity.ParseAddress(l.Player); err != nil {
			return identity.Lease{}, err
		}
		if player.IsZero() {
			return identity.Lease{}, errors.New("the player's address is that of nobody")
		}
	}
	if l.Slot < 0 || l.Slot >= maxSlot {
		return identity.Lease{}, fmt.Errorf("slot %d", l.Slot)
	}
	return identity.Lease{
		Edge: edge, Slot: uint32(l.Slot), Epoch: uint64(l.Epoch), Session: string(l.Session), Player: player, Token: l.Token,
		ExpiresAt: time.Unix(l.ExpiresAt, 0),
	}, nil
}

// maxSlot bounds a slot's number: what the statement holds.
const maxSlot = 1 << 31
