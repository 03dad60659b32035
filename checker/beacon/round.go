package beacon

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Round is one round of a chain. Only Chain.Verify says of which.
type Round struct {
	Number    uint64
	Signature [SignatureSize]byte
}

// told is what is told of a round.
type told struct {
	Round      uint64 `json:"round"`
	Randomness string `json:"randomness"`
	Signature  string `json:"signature"`
}

// ParseRound reads what /HASH/public/ROUND tells. The error wraps ErrForm. Nothing says yet that the chain has signed it.
func ParseRound(text []byte) (Round, error) {
	var t told
	if err := decode(text, &t); err != nil {
		return Round{}, err
	}
	r := Round{Number: t.Round}
	if r.Number == 0 || r.Number > MaxRound {
		return Round{}, fmt.Errorf("%w: round %d, there are 1 to %d", ErrForm, r.Number, uint64(MaxRound))
	}
	if err := digits(r.Signature[:], t.Signature); err != nil {
		return Round{}, fmt.Errorf("%w: the signature: %w", ErrForm, err)
	}
	var value [sha256.Size]byte
	if err := digits(value[:], t.Randomness); err != nil {
		return Round{}, fmt.Errorf("%w: the randomness: %w", ErrForm, err)
	}
	if value != r.Value() {
		return Round{}, fmt.Errorf("%w: the randomness is not the signature's hash", ErrForm)
	}
	return r, nil
}

// JSON is the round as ParseRound reads it.
func (r Round) JSON() []byte {
	value := r.Value()
	text, err := json.Marshal(told{Round: r.Number, Randomness: hex.EncodeToString(value[:]), Signature: hex.EncodeToString(r.Signature[:])})
	if err != nil {
		panic(err) // of a number and strings
	}
	return text
}

// Value is what is drawn by.
func (r Round) Value() [sha256.Size]byte { return sha256.Sum256(r.Signature[:]) }

// Verify fails with ErrSignature unless the round is the chain's. It takes about a millisecond.
func (c *Chain) Verify(r Round) error {
	if r.Number == 0 || r.Number > MaxRound {
		return fmt.Errorf("%w: there is no round %d", ErrSignature, r.Number)
	}
	return c.key.verify(message(r.Number), r.Signature)
}

// message is what is signed of a round.
func message(round uint64) []byte {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(nil, round))
	return digest[:]
}
