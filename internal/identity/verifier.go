package identity

import (
	"crypto/rand"
	"runtime"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/secp256k1"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fp"
	"github.com/consensys/gnark-crypto/ecc/secp256k1/fr"
	"github.com/ethereum/go-ethereum/crypto"
)

// Claim is that an address's key has signed a digest.
type Claim struct {
	Digest    Digest
	Signature Signature
	By        Address
}

// mostKeys bounds what a Verifier keeps: 100 octets a key.
const mostKeys = 1 << 16

// Verifier verifies many claims at once, in a fraction of the time that each by itself takes. It keeps the keys that it has met, and has one owner.
//
// A signature r, s, v of z by the key Q holds where (z/s)G + (r/s)Q = R, the point that r and v name. A sum of these equations, each times a number
// of 128 bits that is drawn after all of them are known, holds with a probability of 2^-128 at the most unless each of them does: the curve's order is a
// prime, so that it has no point by which an equation could be off and be made up for by another (Bellare, Garay and Rabin, "Fast Batch Verification
// for Modular Exponentiation and Digital Signatures", 1998).
type Verifier struct {
	keys map[Address]secp256k1.G1Affine
}

// NewVerifier has met no keys yet.
func NewVerifier() *Verifier { return &Verifier{keys: make(map[Address]secp256k1.G1Affine)} }

// Verify reports whether all claims hold, each as Verify has it. Where one does not, it says not which.
func (v *Verifier) Verify(claims []Claim) bool {
	if len(v.keys)+len(claims) > mostKeys {
		clear(v.keys)
	}
	var together equations
	for i := range claims {
		c := &claims[i]
		if _, met := v.keys[c.By]; met {
			together.claims = append(together.claims, c)
			continue
		}
		// The first of a key has the key recovered, and holds where that is the address's.
		key, by, err := recoverKey(c.Digest, c.Signature)
		if err != nil || by != c.By || by.IsZero() {
			return false
		}
		v.keys[by] = key
	}
	return together.hold(v.keys)
}

// recoverKey is Recover, with the key.
func recoverKey(d Digest, s Signature) (key secp256k1.G1Affine, by Address, err error) {
	public, err := recoverPublic(d, s)
	if err != nil {
		return key, by, err
	}
	octets := crypto.FromECDSAPub(public) // 4, and both coordinates (SEC 1 section 2.3.3)
	key.X.SetBytes(octets[1:33])
	key.Y.SetBytes(octets[33:])
	return key, Address(crypto.PubkeyToAddress(*public)), nil
}

// equations are those of claims whose keys are known.
type equations struct {
	claims []*Claim
}

const coefficientSize = 16 // octets

func (e *equations) hold(keys map[Address]secp256k1.G1Affine) bool {
	n := len(e.claims)
	if n == 0 {
		return true
	}
	_, generator := secp256k1.Generators()
	points, scalars := make([]secp256k1.G1Affine, 1, 2*n+1), make([]fr.Element, 1, 2*n+1)
	points[0] = generator
	of := make(map[Address]int, n) // where a key is among the points
	inverses := make([]fr.Element, n)
	for i, c := range e.claims {
		if err := inverses[i].SetBytesCanonical(c.Signature[32:64]); err != nil {
			return false
		}
		if _, is := of[c.By]; !is {
			of[c.By] = len(points)
			points, scalars = append(points, keys[c.By]), append(scalars, fr.Element{})
		}
	}
	inverses = fr.BatchInvert(inverses) // 0 of 0, which is refused below
	coefficients := make([]byte, coefficientSize*n)
	_, _ = rand.Read(coefficients) // never fails
	for i, c := range e.claims {
		if !c.Signature.wellFormed() {
			return false
		}
		point, is := c.Signature.point()
		if !is {
			return false
		}
		var coefficient, over, z, r fr.Element
		coefficient.SetBytes(coefficients[coefficientSize*i : coefficientSize*(i+1)])
		over.Mul(&coefficient, &inverses[i])
		z.SetBytes(c.Digest[:])
		r.SetBytes(c.Signature[:32])
		scalars[0].Add(&scalars[0], z.Mul(&z, &over))
		key := &scalars[of[c.By]]
		key.Add(key, r.Mul(&r, &over))
		points, scalars = append(points, point), append(scalars, *coefficient.Neg(&coefficient))
	}
	var sum secp256k1.G1Affine
	if _, err := sum.MultiExp(points, scalars, ecc.MultiExpConfig{NbTasks: runtime.GOMAXPROCS(0)}); err != nil {
		return false
	}
	return sum.IsInfinity()
}

// point is R, which a signature names by r, its abscissa, and v, the parity of its ordinate. A point whose abscissa is not below the order, which
// v of 29 and 30 would name, no signature has here.
func (s Signature) point() (p secp256k1.G1Affine, is bool) {
	if err := p.X.SetBytesCanonical(s[:32]); err != nil {
		return p, false
	}
	var square fp.Element
	square.Square(&p.X)
	square.Mul(&square, &p.X)
	square.Add(&square, new(fp.Element).SetUint64(7)) // y² = x³ + 7 (SEC 2 section 2.4.1)
	if p.Y.Sqrt(&square) == nil {
		return p, false
	}
	if p.Y.Bits()[0]&1 != uint64(s[64]-firstV) {
		p.Y.Neg(&p.Y)
	}
	return p, true
}
