package vrf

import (
	"bytes"

	"filippo.io/edwards25519"
)

// Claim is that a proof is one of a key and an input.
type Claim struct {
	Key   PublicKey
	Input []byte
	Proof Proof
}

// Verified is what Verify returns of a claim.
type Verified struct {
	Output Output
	Err    error
}

// mostKeys bounds what a Verifier keeps: 2 KiB a key.
const mostKeys = 1 << 14

// Verifier verifies many proofs, each as Verify does and with the same result, in some half of the time: it keeps a table of each key that it has met,
// and writes the points of all claims with one inversion.
type Verifier struct {
	keys map[PublicKey]comb // nil of a key that is none
}

// NewVerifier has met no keys yet.
func NewVerifier() *Verifier { return &Verifier{keys: make(map[PublicKey]comb)} }

// Verify verifies claims; some thousand of them at once are as quick as more.
func (v *Verifier) Verify(claims []Claim) []Verified {
	const each = 4 // points that are written of a claim: H, U, V, and Gamma times the cofactor
	found := make([]Verified, len(claims))
	points := make([]projective, 0, each*len(claims))
	for i := range claims {
		var of [each]projective
		if of, found[i].Err = v.points(&claims[i]); found[i].Err == nil {
			points = append(points, of[:]...)
		}
	}
	written := encode(points)
	for i := range claims {
		if found[i].Err != nil {
			continue
		}
		of := written[:each]
		written = written[each:]
		key, proof := &claims[i].Key, &claims[i].Proof
		if again := hashPoints(key[:], of[0][:], proof[:32], of[1][:], of[2][:]); !bytes.Equal(again, proof[32:32+challengeSize]) {
			found[i].Err = ErrProof
			continue
		}
		found[i].Output = output(of[3][:])
	}
	return found
}

// points are H, U and V of RFC 9381 section 5.3, and Gamma times the cofactor.
func (v *Verifier) points(claim *Claim) (of [4]projective, err error) {
	table := v.key(claim.Key)
	if table == nil {
		return of, ErrPublicKey
	}
	decoded, ok := point(claim.Proof[:32])
	if !ok {
		return of, ErrProof
	}
	c, s := claim.Proof[32:32+challengeSize], claim.Proof[32+challengeSize:]
	if _, err := edwards25519.NewScalar().SetCanonicalBytes(s); err != nil {
		return of, ErrProof
	}
	gamma, h := extendedOf(decoded), extendedOf(hashToPoint(claim.Key, claim.Input))
	const cofactor = 3 // doublings
	return [4]projective{h.projective, table.baseLess(s, c), less(s, &h, c, &gamma), gamma.doubled(cofactor).projective}, nil
}

// key is a key's comb, nil of one that is none.
func (v *Verifier) key(key PublicKey) comb {
	table, met := v.keys[key]
	if met {
		return table
	}
	if y, ok := point(key[:]); ok && !smallOrder(y) {
		table = newComb(extendedOf(y), challengeSize*8/spacing)
	}
	if len(v.keys) >= mostKeys {
		clear(v.keys)
	}
	v.keys[key] = table
	return table
}
