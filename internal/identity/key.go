package identity

import (
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"
)

// Digest is what is signed of a statement.
type Digest [32]byte

// Signature is r, s and v.
type Signature [65]byte

// SecretLength is the length of a private key in octets.
const SecretLength = 32

// ErrSignature reports a signature that nobody made, or that was made of something else.
var ErrSignature = errors.New("identity: the signature is wrong")

// firstV is what v begins from.
const firstV = 27

// Signer signs in the name of an address. A key in memory is one; whatever keeps its key elsewhere may be another.
type Signer interface {
	Address() Address
	Sign(Digest) (Signature, error)
}

// Key is a private key in memory.
type Key struct {
	secret  *ecdsa.PrivateKey
	address Address
}

var _ Signer = (*Key)(nil)

// NewKey makes a key from the system's random source.
func NewKey() (*Key, error) {
	secret, err := crypto.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("identity: make a key: %w", err)
	}
	return keyOf(secret), nil
}

// KeyFromSecret returns the key whose private half is given, SecretLength octets, big-endian, from 1 to the curve's order.
func KeyFromSecret(secret []byte) (*Key, error) {
	parsed, err := crypto.ToECDSA(secret)
	if err != nil {
		return nil, errors.New("identity: not a private key: want 32 octets that are a number below the order of secp256k1, and not 0")
	}
	return keyOf(parsed), nil
}

func keyOf(secret *ecdsa.PrivateKey) *Key {
	return &Key{secret: secret, address: Address(crypto.PubkeyToAddress(secret.PublicKey))}
}

// Address implements Signer.
func (k *Key) Address() Address { return k.address }

// Secret returns the private half, for who writes it to a file.
func (k *Key) Secret() []byte { return crypto.FromECDSA(k.secret) }

// String names the key without what it is good for, so that no log shows that.
func (k *Key) String() string { return "key of " + k.address.String() }

// GoString is String: %#v shows no secret either.
func (k *Key) GoString() string { return k.String() }

// Sign implements Signer. The same digest gives the same signature (RFC 6979).
func (k *Key) Sign(d Digest) (Signature, error) {
	made, err := crypto.Sign(d[:], k.secret)
	if err != nil {
		return Signature{}, fmt.Errorf("identity: sign: %w", err)
	}
	s := Signature(made)
	s[64] += firstV
	return s, nil
}

// Recover returns who signed the digest. It fails with ErrSignature on signatures of other forms than Sign's, and otherwise names some
// address: only its equality with an expected one says anything.
func Recover(d Digest, s Signature) (Address, error) {
	public, err := recoverPublic(d, s)
	if err != nil {
		return Address{}, err
	}
	return Address(crypto.PubkeyToAddress(*public)), nil
}

func recoverPublic(d Digest, s Signature) (*ecdsa.PublicKey, error) {
	if !s.wellFormed() {
		return nil, ErrSignature
	}
	s[64] -= firstV
	public, err := crypto.SigToPub(d[:], s[:])
	if err != nil {
		return nil, ErrSignature
	}
	return public, nil
}

// wellFormed reports whether r, s and v are in the ranges that Sign keeps to.
func (s Signature) wellFormed() bool {
	return s[64] >= firstV && s[64] <= firstV+1 && validValues(s)
}

// Verify fails with ErrSignature unless the address's key signed the digest.
func Verify(d Digest, s Signature, by Address) error {
	signer, err := Recover(d, s)
	if err != nil {
		return err
	}
	if signer != by || by.IsZero() {
		return ErrSignature
	}
	return nil
}

// String is the signature in hexadecimal digits, as ParseSignature reads it.
func (s Signature) String() string { return "0x" + hex.EncodeToString(s[:]) }

// ParseSignature reads 0x and 130 lower-case hexadecimal digits.
func ParseSignature(text string) (Signature, error) {
	var s Signature
	if err := parseHex(s[:], text); err != nil {
		return Signature{}, fmt.Errorf("identity: a signature: %w", err)
	}
	return s, nil
}

// parseHex fills to from 0x and lower-case digits, so that of each value there is one form.
func parseHex(to []byte, text string) error {
	digits, found := strings.CutPrefix(text, "0x")
	if !found || len(digits) != 2*len(to) || strings.ToLower(digits) != digits {
		return fmt.Errorf("want 0x and %d lower-case hexadecimal digits", 2*len(to))
	}
	if _, err := hex.Decode(to, []byte(digits)); err != nil {
		return fmt.Errorf("want 0x and %d lower-case hexadecimal digits", 2*len(to))
	}
	return nil
}
