package identity

import (
	"errors"
	"fmt"
	"time"
)

// Role says as what somebody logs in.
type Role string

// The roles of those who log in with a key.
const (
	Edge    Role = "edge"
	Checker Role = "checker"
)

// Skew is how much the clocks of signer and verifier may differ.
const Skew = 10 * time.Second

// LoginLife is how long a login may be good: it is answered within a round trip.
const LoginLife = time.Minute

// Why a statement does not hold now.
var (
	ErrExpired = errors.New("identity: it has expired")
	ErrNotYet  = errors.New("identity: it was made in the future")
	ErrTooLong = errors.New("identity: it would be good for too long")
)

// Nonce is what makes a login fresh: whoever is to believe it has chosen it at random, and takes it once.
type Nonce [32]byte

// ParseNonce reads 0x and 64 lower-case hexadecimal digits, as String writes them.
func ParseNonce(text string) (Nonce, error) {
	var n Nonce
	if err := parseHex(n[:], text); err != nil {
		return Nonce{}, fmt.Errorf("identity: a nonce: %w", err)
	}
	return n, nil
}

func (n Nonce) String() string { return fmt.Sprintf("0x%x", n[:]) }

// Login is what an edge or a checker signs to be let in: the nonce that it was given, for the host that it has dialed, which is why a
// login at one host is worth nothing at another.
type Login struct {
	Role      Role
	Host      string // HOST or HOST:PORT as dialed, in lower case
	Nonce     Nonce
	IssuedAt  time.Time // whole seconds, here and below
	ExpiresAt time.Time
}

const loginType = "Login(string role,string host,bytes32 nonce,uint64 issuedAt,uint64 expiresAt)"

// Digest is what is signed.
func (l Login) Digest() Digest {
	return digestOf(loginType, text(string(l.Role)), text(l.Host), word(l.Nonce), instant(l.IssuedAt), instant(l.ExpiresAt))
}

// Current fails with ErrExpired, ErrNotYet or ErrTooLong unless the login is good at the given time.
func (l Login) Current(now time.Time) error {
	switch {
	case l.IssuedAt.After(now.Add(Skew)):
		return fmt.Errorf("%w: its clock is %v ahead of ours, the limit is %v", ErrNotYet, l.IssuedAt.Sub(now).Round(time.Second), Skew)
	case !now.Before(l.ExpiresAt.Add(Skew)):
		return fmt.Errorf("%w: its clock is behind ours, or it took %v to arrive", ErrExpired, now.Sub(l.IssuedAt).Round(time.Second))
	case l.ExpiresAt.Sub(l.IssuedAt) > LoginLife || l.ExpiresAt.Before(l.IssuedAt):
		return fmt.Errorf("%w: %v, the limit is %v", ErrTooLong, l.ExpiresAt.Sub(l.IssuedAt), LoginLife)
	}
	return nil
}

// Fingerprint is the SHA-256 hash of a certificate, by which DTLS knows its peer (RFC 8122).
type Fingerprint [32]byte

// Binding ties a connection to the keys of both its ends: each signs it, and believes the other by it. Both fingerprints are in it, so
// that somebody who ends DTLS in the middle would need a signature that the honest end does not give.
//
// Without a player, and so without its fingerprint, it is what an edge says of each of its offers: the certificate is its own. It says nothing of who is at the other end.
type Binding struct {
	Session string
	Epoch   uint64 // the lease's fencing epoch at its edge; 0 where there is none
	Edge    Address
	Player  Address // of the session's key
	// EdgePrint and PlayerPrint are of the certificates that each end has of its own and sees of the other.
	EdgePrint, PlayerPrint Fingerprint
}

const bindingType = "Binding(string session,uint64 epoch,address edge,address player,bytes32 edgeFingerprint,bytes32 playerFingerprint)"

// Digest is what both sign.
func (b Binding) Digest() Digest {
	return digestOf(bindingType, text(b.Session), number(b.Epoch), address(b.Edge), address(b.Player), word(b.EdgePrint), word(b.PlayerPrint))
}

// Endorsement is what a studio's root key signs of an edge that it trusts.
type Endorsement struct {
	Edge      Address
	ExpiresAt time.Time
}

const endorsementType = "Endorsement(address edge,uint64 expiresAt)"

// Digest is what the root signs.
func (e Endorsement) Digest() Digest {
	return digestOf(endorsementType, address(e.Edge), instant(e.ExpiresAt))
}

// Current fails with ErrExpired unless the endorsement is good at the given time.
func (e Endorsement) Current(now time.Time) error {
	if !now.Before(e.ExpiresAt.Add(Skew)) {
		return ErrExpired
	}
	return nil
}

// Lease is what an edge signs when it gives one of its slots away: two leases of one edge, slot and epoch that differ are proof that
// the edge gave it away twice.
type Lease struct {
	Edge      Address
	Slot      uint32
	Epoch     uint64
	Session   string
	Player    Address // that the player's token is bound to (RFC 7800); zero for none
	Token     string  // what names the player's token: signaling.TokenID of its jti
	ExpiresAt time.Time
}

const leaseType = "Lease(address edge,uint32 slot,uint64 epoch,string session,address player,string token,uint64 expiresAt)"

// Digest is what the edge signs.
func (l Lease) Digest() Digest {
	return digestOf(leaseType, address(l.Edge), number(uint64(l.Slot)), number(l.Epoch), text(l.Session), address(l.Player), text(l.Token), instant(l.ExpiresAt))
}
