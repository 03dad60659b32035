package beacon

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Sizes of compressed points in octets (ZCash's form, draft-irtf-cfrg-pairing-friendly-curves-11 appendix C).
const (
	SignatureSize = bls12381.SizeOfG1AffineCompressed
	keySize       = bls12381.SizeOfG2AffineCompressed
)

// ErrSignature reports a round that is not of the chain.
var ErrSignature = errors.New("beacon: the signature is not the chain's")

// domain keeps these signatures apart from others of the same key (draft-irtf-cfrg-bls-signature-05 section 4.2.1, with the groups changed over).
var domain = []byte("BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_")

// publicKey is a point of G2 but the zero.
type publicKey struct {
	octets [keySize]byte
	point  bls12381.G2Affine
}

func newPublicKey(octets [keySize]byte) (publicKey, error) {
	k := publicKey{octets: octets}
	// SetBytes takes one form of a point alone, and only points of the group.
	if _, err := k.point.SetBytes(octets[:]); err != nil {
		return publicKey{}, fmt.Errorf("the public key is no point of G2: %w", err)
	}
	if k.point.IsInfinity() { // for which the zero signs everything
		return publicKey{}, errors.New("the public key is zero")
	}
	return k, nil
}

// verify fails with ErrSignature unless the key signed the message: e(signature, generator) = e(H(message), key).
func (k *publicKey) verify(message []byte, signature [SignatureSize]byte) error {
	var s bls12381.G1Affine
	if _, err := s.SetBytes(signature[:]); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	h, err := bls12381.HashToG1(message, domain)
	if err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	_, _, _, generator := bls12381.Generators()
	h.Neg(&h)
	same, err := bls12381.PairingCheck([]bls12381.G1Affine{s, h}, []bls12381.G2Affine{generator, k.point})
	if err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	if !same {
		return ErrSignature
	}
	return nil
}

// secretKey signs. Its arithmetic takes a time that depends on it, which is of no matter to who runs a chain for himself.
type secretKey struct{ scalar *big.Int }

// newSecretKey is KeyGen of draft-irtf-cfrg-bls-signature-05 section 2.3, with no key_info.
func newSecretKey(seed []byte) (secretKey, error) {
	const length = 48 // ceil(1.5 * ceil(log2(r)) / 8)
	salt := []byte("BLS-SIG-KEYGEN-SALT-")
	for {
		hashed := sha256.Sum256(salt)
		salt = hashed[:]
		extracted, err := hkdf.Extract(sha256.New, append(seed[:len(seed):len(seed)], 0), salt)
		if err != nil {
			return secretKey{}, fmt.Errorf("beacon: %w", err)
		}
		expanded, err := hkdf.Expand(sha256.New, extracted, string(binary.BigEndian.AppendUint16(nil, length)), length)
		if err != nil {
			return secretKey{}, fmt.Errorf("beacon: %w", err)
		}
		if scalar := new(big.Int).Mod(new(big.Int).SetBytes(expanded), fr.Modulus()); scalar.Sign() != 0 {
			return secretKey{scalar}, nil
		}
	}
}

func (k secretKey) public() publicKey {
	var p publicKey
	p.point.ScalarMultiplicationBase(k.scalar)
	p.octets = p.point.Bytes()
	return p
}

// sign makes the message's only signature.
func (k secretKey) sign(message []byte) ([SignatureSize]byte, error) {
	h, err := bls12381.HashToG1(message, domain)
	if err != nil {
		return [SignatureSize]byte{}, fmt.Errorf("beacon: %w", err)
	}
	return h.ScalarMultiplication(&h, k.scalar).Bytes(), nil
}
