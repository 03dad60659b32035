package lease

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"nearlight/signaling"
)

// Signer signs an edge's leases with the edge's key.
type Signer interface {
	Key() string // names the key, as Verify takes it
	Sign(digest [32]byte) (signature []byte, err error)
}

// Verifier checks signatures.
type Verifier interface {
	Verify(key string, digest [32]byte, signature []byte) error
}

// ErrSignature reports a lease that its key has not signed.
var ErrSignature = errors.New("lease: the signature is not the key's")

// domain keeps a signature of a lease from being one of anything else.
const domain = "nearlight lease 1"

// Digest is what is signed: SHA-256 over the domain and each field in order, numbers as 8 octets, texts behind their length.
func Digest(l signaling.Lease) [32]byte {
	data := make([]byte, 0, 256)
	text := func(s string) {
		data = binary.BigEndian.AppendUint32(data, uint32(len(s)))
		data = append(data, s...)
	}
	text(domain)
	text(string(l.Edge))
	data = binary.BigEndian.AppendUint64(data, uint64(l.Slot))
	data = binary.BigEndian.AppendUint64(data, uint64(l.Epoch))
	text(string(l.Session))
	text(l.Token)
	data = binary.BigEndian.AppendUint64(data, uint64(l.Issued))
	data = binary.BigEndian.AppendUint64(data, uint64(l.Expires))
	text(l.Key)
	return sha256.Sum256(data)
}

// Sign returns l with the signer's key and signature.
func Sign(l signaling.Lease, by Signer) (signaling.Lease, error) {
	l.Key = by.Key()
	signature, err := by.Sign(Digest(l))
	if err != nil {
		return signaling.Lease{}, fmt.Errorf("lease: sign: %w", err)
	}
	l.Signature = base64.StdEncoding.EncodeToString(signature)
	return l, nil
}

// Verify checks that l is signed by the key that it names, which the caller knows to be its edge's.
func Verify(l signaling.Lease, by Verifier) error {
	signature, err := base64.StdEncoding.Strict().DecodeString(l.Signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return by.Verify(l.Key, Digest(l), signature)
}

// Ed25519Signer signs with an Ed25519 key, which its base64 names.
type Ed25519Signer struct{ private ed25519.PrivateKey }

var _ Signer = Ed25519Signer{}

// NewEd25519Signer makes a signer.
func NewEd25519Signer(key ed25519.PrivateKey) (Ed25519Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return Ed25519Signer{}, fmt.Errorf("lease: a private key of %d octets, want %d", len(key), ed25519.PrivateKeySize)
	}
	return Ed25519Signer{private: key}, nil
}

// Key implements Signer.
func (s Ed25519Signer) Key() string {
	return "ed25519:" + base64.StdEncoding.EncodeToString(s.private.Public().(ed25519.PublicKey))
}

// Sign implements Signer.
func (s Ed25519Signer) Sign(digest [32]byte) ([]byte, error) {
	return ed25519.Sign(s.private, digest[:]), nil
}

// Ed25519Verifier checks what Ed25519Signer signs.
type Ed25519Verifier struct{}

var _ Verifier = Ed25519Verifier{}

// Verify implements Verifier.
func (Ed25519Verifier) Verify(key string, digest [32]byte, signature []byte) error {
	const prefix = "ed25519:"
	if len(key) < len(prefix) || key[:len(prefix)] != prefix {
		return fmt.Errorf("%w: %q names no Ed25519 key", ErrSignature, signaling.Cut(key, 16))
	}
	public, err := base64.StdEncoding.Strict().DecodeString(key[len(prefix):])
	if err != nil || len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: %q names no Ed25519 key", ErrSignature, signaling.Cut(key, 16))
	}
	if !ed25519.Verify(public, digest[:], signature) {
		return ErrSignature
	}
	return nil
}
