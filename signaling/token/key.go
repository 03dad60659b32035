package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// The kinds of PEM block that keys are kept in: PKCS#8 (RFC 5958) and SubjectPublicKeyInfo (RFC 5280).
const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// Algorithm is how a token is signed, as its header names it (RFC 7518, RFC 8037).
type Algorithm string

// The algorithms. Each key is good for one of them.
const (
	EdDSA Algorithm = "EdDSA" // Ed25519
	ES256 Algorithm = "ES256" // ECDSA on P-256 with SHA-256
)

func (a Algorithm) method() jwt.SigningMethod {
	if a == ES256 {
		return jwt.SigningMethodES256
	}
	return jwt.SigningMethodEdDSA
}

// ErrKey reports a key of a kind that signs no tokens.
var ErrKey = errors.New("token: want an Ed25519 or a P-256 key: openssl genpkey -algorithm ed25519")

// Key is a public key that checks tokens, under the id by which their headers name it.
type Key struct {
	ID        string
	Algorithm Algorithm
	Studio    string // whose key it is, as whoever has the key set calls it; "" for nobody in particular
	public    crypto.PublicKey
	jwk       jwk
}

// NewKey makes a private key from the system's random source.
func NewKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("token: make a key: %w", err)
	}
	return key, nil
}

// NewES256Key is NewKey for the other algorithm, which hardware keeps keys of more often.
func NewES256Key() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("token: make a key: %w", err)
	}
	return key, nil
}

// PublicKey returns a public key, ed25519.PublicKey or *ecdsa.PublicKey on P-256, under its thumbprint (RFC 7638).
func PublicKey(public crypto.PublicKey) (Key, error) {
	encode := base64.RawURLEncoding.EncodeToString
	var key Key
	var canonical string
	switch of := public.(type) {
	case ed25519.PublicKey:
		if len(of) != ed25519.PublicKeySize {
			return Key{}, fmt.Errorf("token: a public key of %d octets, want %d", len(of), ed25519.PublicKeySize)
		}
		key = Key{Algorithm: EdDSA, public: of, jwk: jwk{Type: "OKP", Curve: "Ed25519", X: encode(of)}}
		canonical = `{"crv":"Ed25519","kty":"OKP","x":"` + key.jwk.X + `"}`
	case *ecdsa.PublicKey:
		if of.Curve != elliptic.P256() {
			return Key{}, ErrKey
		}
		point, err := of.Bytes() // 4, x, y
		if err != nil {
			return Key{}, fmt.Errorf("token: %w", err)
		}
		key = Key{Algorithm: ES256, public: of, jwk: jwk{Type: "EC", Curve: "P-256", X: encode(point[1:33]), Y: encode(point[33:])}}
		canonical = `{"crv":"P-256","kty":"EC","x":"` + key.jwk.X + `","y":"` + key.jwk.Y + `"}`
	default:
		return Key{}, ErrKey
	}
	sum := sha256.Sum256([]byte(canonical))
	key.ID = encode(sum[:])
	return key, nil
}

// ParseKey reads a private key from PEM; `openssl genpkey -algorithm ed25519` writes one, and `openssl genpkey -algorithm EC -pkeyopt
// ec_paramgen_curve:P-256` another.
func ParseKey(text []byte) (crypto.Signer, error) {
	der, err := block(text, privateBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("token: read a private key: %w", err)
	}
	switch key := parsed.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return key, nil
		}
	}
	return nil, ErrKey
}

// ParsePublicKey reads a public key from PEM; `openssl pkey -pubout` writes one.
func ParsePublicKey(text []byte) (Key, error) {
	der, err := block(text, publicBlock)
	if err != nil {
		return Key{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Key{}, fmt.Errorf("token: read a public key: %w", err)
	}
	return PublicKey(parsed)
}

// MarshalKey writes a private key as PEM.
func MarshalKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("token: write a private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}), nil
}

// MarshalPublicKey writes a public key as PEM.
func MarshalPublicKey(key Key) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key.public)
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
