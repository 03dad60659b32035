package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// The kinds of PEM block that keys are kept in: PKCS#8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280).
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// NewKey makes a key from the system's random source.
func NewKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("token: make a key: %w", err)
	}
	return key, nil
}

// KeyID is the key's JWK thumbprint (RFC 7638, for Ed25519 as RFC 8037 appendix A.3 has it).
func KeyID(key ed25519.PublicKey) string {
	encoding := base64.RawURLEncoding
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + encoding.EncodeToString(key) + `"}`))
	return encoding.EncodeToString(sum[:])
}

// ParseKey reads an Ed25519 private key from PEM; `openssl genpkey -algorithm ed25519` writes one.
func ParseKey(text []byte) (ed25519.PrivateKey, error) {
	der, err := block(text, privateBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("token: read a private key: %w", err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("token: the private key is a %T, want Ed25519: openssl genpkey -algorithm ed25519", parsed)
	}
	return key, nil
}

// ParsePublicKey reads an Ed25519 public key from PEM; `openssl pkey -pubout` writes one.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	der, err := block(text, publicBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("token: read a public key: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("token: the public key is a %T, want Ed25519", parsed)
	}
	return key, nil
}

// MarshalKey writes a private key as PEM.
func MarshalKey(key ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("token: write a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

// MarshalPublicKey writes a public key as PEM.
func MarshalPublicKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("token: write a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), nil
}

// block returns the contents of the first PEM block, which must be of the kind.
func block(text []byte, kind string) ([]byte, error) {
	found, _ := pem.Decode(text)
	if found == nil {
		return nil, errors.New("token: no PEM block in the key file")
	}
	if found.Type != kind {
		return nil, fmt.Errorf("token: the key file holds a %q block, want %q", found.Type, kind)
	}
	return found.Bytes, nil
}
