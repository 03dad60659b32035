// Package vrf answers, for the holder of a key, a hash that nobody else can compute and everybody can check: the verifiable random
// function ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381. Checkers are drawn by it: each learns by itself whether it is, and proves it later.
//
// # Concurrency
//
// Everything is a value or immutable, but a Verifier, which has one owner.
package vrf

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"errors"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// Sizes in octets.
const (
	SeedSize      = 32
	PublicKeySize = 32
	ProofSize     = 80 // Gamma, c and s: 32, 16 and 32 (RFC 9381 section 5.5)
	OutputSize    = sha512.Size
)

type (
	// PublicKey is a point, as RFC 8032 section 5.1.2 encodes it.
	PublicKey [PublicKeySize]byte
	// Proof shows that an Output is that of a key and an input. There is only one Output that it can show.
	Proof [ProofSize]byte
	// Output looks random to who does not have its Proof.
	Output [OutputSize]byte
)

// Errors of Verify.
var (
	ErrPublicKey = errors.New("vrf: the public key is no point of full order")
	ErrProof     = errors.New("vrf: the proof is not one of this key and input")
)

// suite is the octet of ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381 section 5.5).
const suite = 0x03

// What a hash is for: the octets that separate domains in RFC 9381 sections 5.4.1.1, 5.4.3 and 5.2.
const (
	encodeToCurve = 0x01
	challenge     = 0x02
	proofToHash   = 0x03
	back          = 0x00
)

// challengeSize is cLen of the suite.
const challengeSize = 16

// PrivateKey is a key that can prove. Its methods take the same time for every key and input of one length, but for the search of
// a point, whose time depends on the input and the public key alone.
type PrivateKey struct {
	scalar *edwards25519.Scalar
	nonce  [32]byte // the second half of the hashed seed
	public PublicKey
}

// NewPrivateKey makes the key of a seed, as RFC 8032 section 5.1.5 does: a seed of Ed25519 has the same public key here. Use a seed for one
// of the two only.
func NewPrivateKey(seed [SeedSize]byte) *PrivateKey {
	hashed := sha512.Sum512(seed[:])
	scalar, err := edwards25519.NewScalar().SetBytesWithClamping(hashed[:32])
	if err != nil {
		panic(err) // of its length alone
	}
	return &PrivateKey{scalar: scalar, nonce: [32]byte(hashed[32:]), public: PublicKey(new(edwards25519.Point).ScalarBaseMult(scalar).Bytes())}
}

// Generate makes a new key, and returns its seed to be kept.
func Generate() (*PrivateKey, [SeedSize]byte) {
	var seed [SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails
	return NewPrivateKey(seed), seed
}

// Public is the key that others verify with.
func (k *PrivateKey) Public() PublicKey { return k.public }

// Prove evaluates the function (RFC 9381 section 5.1). The same input has the same proof each time.
func (k *PrivateKey) Prove(input []byte) (Proof, Output) {
	h := hashToPoint(k.public, input)
	hashed := h.Bytes()
	gamma := new(edwards25519.Point).ScalarMult(k.scalar, h)
	// RFC 9381 section 5.4.2.2: a nonce of key and input, as RFC 8032 makes them.
	seed := sha512.Sum512(append(k.nonce[:], hashed...))
	nonce, err := edwards25519.NewScalar().SetUniformBytes(seed[:])
	if err != nil {
		panic(err) // of its length alone
	}
	written := encodePoints(
		gamma, new(edwards25519.Point).ScalarBaseMult(nonce), new(edwards25519.Point).ScalarMult(nonce, h), new(edwards25519.Point).MultByCofactor(gamma))
	short := hashPoints(k.public[:], hashed, written[0][:], written[1][:], written[2][:])
	s := edwards25519.NewScalar().MultiplyAdd(shortScalar(short), k.scalar, nonce)

	var proof Proof
	copy(proof[:], written[0][:])
	copy(proof[32:], short)
	copy(proof[32+challengeSize:], s.Bytes())
	return proof, output(written[3][:])
}

// Verify returns the output that a proof shows (RFC 9381 section 5.3, with the key's validation).
func Verify(key PublicKey, input []byte, proof Proof) (Output, error) {
	y, ok := point(key[:])
	if !ok || smallOrder(y) {
		return Output{}, ErrPublicKey
	}
	gamma, ok := point(proof[:32])
	if !ok {
		return Output{}, ErrProof
	}
	c := shortScalar(proof[32 : 32+challengeSize])
	s, err := edwards25519.NewScalar().SetCanonicalBytes(proof[32+challengeSize:])
	if err != nil {
		return Output{}, ErrProof
	}
	h := hashToPoint(key, input)
	// The points are negated and not c: that is right for points off by one of small order as well, and c, half as long as other scalars, takes half of the additions.
	u := new(edwards25519.Point).VarTimeDoubleScalarBaseMult(c, new(edwards25519.Point).Negate(y), s)
	v := new(edwards25519.Point).VarTimeMultiScalarMult([]*edwards25519.Scalar{s, c}, []*edwards25519.Point{h, new(edwards25519.Point).Negate(gamma)})
	written := encodePoints(h, u, v, new(edwards25519.Point).MultByCofactor(gamma))
	if again := hashPoints(key[:], written[0][:], proof[:32], written[1][:], written[2][:]); !bytes.Equal(again, proof[32:32+challengeSize]) {
		return Output{}, ErrProof
	}
	return output(written[3][:]), nil
}

// hashToPoint is encode_to_curve by try and increment (RFC 9381 section 5.4.1.1): about two tries.
func hashToPoint(key PublicKey, input []byte) *edwards25519.Point {
	for counter := range 256 {
		hash := sha512.New()
		hash.Write([]byte{suite, encodeToCurve})
		hash.Write(key[:])
		hash.Write(input)
		hash.Write([]byte{byte(counter), back})
		p, ok := point(hash.Sum(nil)[:32])
		if !ok {
			continue
		}
		if p.MultByCofactor(p); p.Equal(edwards25519.NewIdentityPoint()) == 0 {
			return p
		}
	}
	panic("vrf: no point in 256 tries, which happens once in 2^256 inputs")
}

// hashPoints is challenge_generation (RFC 9381 section 5.4.3) for points in octets.
func hashPoints(points ...[]byte) []byte {
	hash := sha512.New()
	hash.Write([]byte{suite, challenge})
	for _, p := range points {
		hash.Write(p)
	}
	hash.Write([]byte{back})
	return hash.Sum(nil)[:challengeSize]
}

// output is proof_to_hash (RFC 9381 section 5.2) for Gamma times the cofactor, in octets.
func output(gamma []byte) Output {
	hash := sha512.New()
	hash.Write([]byte{suite, proofToHash})
	hash.Write(gamma)
	hash.Write([]byte{back})
	return Output(hash.Sum(nil))
}

// encodePoints writes points of the library's as their Bytes do, with one inversion for all of them.
func encodePoints(points ...*edwards25519.Point) [][32]byte {
	forms := make([]projective, len(points))
	for i, p := range points {
		forms[i] = extendedOf(p).projective
	}
	return encode(forms)
}

// encodeAffine writes a point as RFC 8032 section 5.1.2 does.
func encodeAffine(x, y *field.Element) [32]byte {
	octets := [32]byte(y.Bytes())
	octets[31] |= byte(x.IsNegative() << 7)
	return octets
}

// point decodes a point as RFC 8032 section 5.1.3 does, which refuses a second way to write one.
func point(encoded []byte) (*edwards25519.Point, bool) {
	p, err := new(edwards25519.Point).SetBytes(encoded)
	if err != nil {
		return nil, false
	}
	x, y, _, _ := p.ExtendedCoordinates() // of a point just decoded z is 1
	written := encodeAffine(x, y)
	return p, bytes.Equal(written[:], encoded)
}

// smallOrder reports whether a key would have the same output for every input (RFC 9381 section 5.4.5).
func smallOrder(p *edwards25519.Point) bool {
	return new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1
}

func shortScalar(octets []byte) *edwards25519.Scalar {
	var wide [32]byte
	copy(wide[:], octets)
	s, err := edwards25519.NewScalar().SetCanonicalBytes(wide[:])
	if err != nil {
		panic(err) // 16 octets are below the group's order
	}
	return s
}
