package signaling

import (
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// Epoch is a slot's fencing number: it grows with each lease of the slot, and what names an older one is about the past.
type Epoch uint64

// Proposal asks an edge for a lease: it is granted if the slot is free and its epoch is still the expected one.
type Proposal struct {
	Slot   int   `json:"slot"`
	Expect Epoch `json:"expect"`
	TTL    int64 `json:"ttl"` // milliseconds until the lease is over unless it is renewed
}

// Lease is the right to one slot of one edge for one session, as the edge has signed it: the statement Lease (internal/identity).
type Lease struct {
	Edge      EdgeID    `json:"edge"` // its address
	Slot      int       `json:"slot"`
	Epoch     Epoch     `json:"epoch"`
	Session   SessionID `json:"session"`
	Player    string    `json:"player,omitempty"` // the address that the player's token is bound to (RFC 7800); "" for none
	Token     string    `json:"token"`            // TokenID of the player's token
	ExpiresAt int64     `json:"expiresAt"`        // unless it is renewed: seconds since 1970, by the edge's clock; what counts is its monotonic one
	Signature string    `json:"signature"`        // 0x and 130 lower-case hexadecimal digits
}

// Running is a session that an edge runs, told to a signaling node that may not know of it.
type Running struct {
	Session SessionID `json:"session"`
	App     string    `json:"app"`
	Token   string    `json:"token"`           // TokenID of its player's token
	Watch   SessionID `json:"watch,omitempty"` // the session that it looks on at
	// Slot and Epoch are of its lease. A spectator's has none: both are 0.
	Slot  int   `json:"slot"`
	Epoch Epoch `json:"epoch"`
}

// TokenID names a player's token where the token itself has no business: 26 letters and digits, from its jti.
func TokenID(jti string) string {
	sum := sha256.Sum256([]byte("nearlight token " + jti))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26]
}

// The bounds of a lease's time.
const (
	MinLease = time.Second
	MaxLease = 10 * time.Minute
)

const maxEpoch = 1<<53 - 1 // what every reader of JSON takes

func (p *Proposal) check(c *checks) {
	c.between("slot", p.Slot, 0, maxSlots-1)
	c.epoch(p.Expect)
	if ttl := time.Duration(p.TTL); ttl < MinLease/time.Millisecond || ttl > MaxLease/time.Millisecond {
		c.fail("ttl is %d, want %d to %d", p.TTL, MinLease/time.Millisecond, MaxLease/time.Millisecond)
	}
}

func (l *Lease) check(c *checks) {
	c.address("edge", string(l.Edge))
	c.between("slot", l.Slot, 0, maxSlots-1)
	c.epoch(l.Epoch)
	c.id("session", string(l.Session))
	if l.Player != "" {
		c.address("player", l.Player)
	}
	c.id("token", l.Token)
	c.seconds("expiresAt", l.ExpiresAt)
	c.hex("signature", l.Signature, signatureDigits)
}

func (r *Running) check(c *checks) {
	c.id("session", string(r.Session))
	if r.App != "" {
		c.app(r.App)
	}
	c.id("token", r.Token)
	c.between("slot", r.Slot, 0, maxSlots-1)
	c.epoch(r.Epoch)
	switch {
	case r.Watch == "" && r.Epoch == 0: // that of a slot's first lease is 1
		c.fail("session %s runs without the epoch of a lease", r.Session)
	case r.Watch != "":
		c.id("watch", string(r.Watch))
		if r.Slot != 0 || r.Epoch != 0 {
			c.fail("session %s looks on, and has slot %d at epoch %d", r.Session, r.Slot, r.Epoch)
		}
	}
}

func (c *checks) epoch(e Epoch) {
	if e > maxEpoch {
		c.fail("epoch is %d, want %d at most", e, uint64(maxEpoch))
	}
}
