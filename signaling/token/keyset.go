package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Keys finds the key that a token's header names. Its answer may change while tokens are verified: that is how keys are changed.
type Keys interface {
	Key(id string) (Key, bool)
}

// KeySet is an unchanging set of keys.
type KeySet struct {
	keys []Key
	byID map[string]Key
}

var _ Keys = KeySet{}

// The bounds of a key set.
const (
	MaxKeySet = 64 << 10 // octets of its text
	maxKeys   = 32
	maxKeyID  = 128
)

// NewKeySet returns the set of the keys, whose ids must differ.
func NewKeySet(keys ...Key) (KeySet, error) {
	s := KeySet{keys: keys, byID: make(map[string]Key, len(keys))}
	for _, key := range keys {
		if key.public == nil || key.ID == "" || len(key.ID) > maxKeyID {
			return KeySet{}, fmt.Errorf("token: a key whose id has %d octets, want 1 to %d", len(key.ID), maxKeyID)
		}
		if _, twice := s.byID[key.ID]; twice {
			return KeySet{}, fmt.Errorf("token: two keys are called %q", key.ID)
		}
		s.byID[key.ID] = key
	}
	return s, nil
}

// Of are the keys of a studio: each that is found is marked as its.
func Of(studio string, keys Keys) Keys { return studioKeys{keys, studio} }

type studioKeys struct {
	keys   Keys
	studio string
}

// Key implements Keys.
func (s studioKeys) Key(id string) (Key, bool) {
	key, found := s.keys.Key(id)
	key.Studio = s.studio
	return key, found
}

// Key implements Keys.
func (s KeySet) Key(id string) (Key, bool) {
	key, ok := s.byID[id]
	return key, ok
}

// Keys returns the keys, in the set's order.
func (s KeySet) Keys() []Key { return slices.Clone(s.keys) }

// IDs returns the ids of the keys, in the set's order.
func (s KeySet) IDs() []string {
	ids := make([]string, len(s.keys))
	for i, key := range s.keys {
		ids[i] = key.ID
	}
	return ids
}

// Len is how many keys there are.
func (s KeySet) Len() int { return len(s.keys) }

// jwk is a JSON Web Key (RFC 7517, RFC 8037).
type jwk struct {
	Type      string    `json:"kty"`
	Curve     string    `json:"crv"`
	X         string    `json:"x"`
	Y         string    `json:"y,omitempty"`
	ID        string    `json:"kid,omitempty"`
	Use       string    `json:"use,omitempty"`
	Algorithm Algorithm `json:"alg,omitempty"`
	Private   string    `json:"d,omitempty"`
}

// MarshalJSON writes the set as a JWK Set (RFC 7517 section 5), for a file or for a studio's server.
func (s KeySet) MarshalJSON() ([]byte, error) {
	list := make([]jwk, len(s.keys))
	for i, key := range s.keys {
		list[i] = key.jwk
		list[i].ID, list[i].Use, list[i].Algorithm = key.ID, "sig", key.Algorithm
	}
	return json.Marshal(map[string][]jwk{"keys": list})
}

// ParseKeys reads public keys from text: a JWK Set, or a key in PEM. Keys of other kinds than ours, or for other uses than signing, are
// passed over, since sets may hold them (RFC 7517 section 5); a set without any of ours is an error, as is one that shows a private key.
func ParseKeys(text []byte) (KeySet, error) {
	if len(text) > MaxKeySet {
		return KeySet{}, fmt.Errorf("token: a key set of %d octets, the limit is %d", len(text), MaxKeySet)
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		key, err := ParsePublicKey(text)
		if err != nil {
			return KeySet{}, err
		}
		return NewKeySet(key)
	}
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := strictObject(text); err != nil {
		return KeySet{}, fmt.Errorf("token: a key set: %w", err)
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return KeySet{}, fmt.Errorf("token: a key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return KeySet{}, fmt.Errorf("token: a key set of %d keys, the limit is %d", len(set.Keys), maxKeys)
	}
	var keys []Key
	for i, entry := range set.Keys {
		key, err := entry.key()
		switch {
		case errors.Is(err, errForeign):
		case err != nil:
			return KeySet{}, fmt.Errorf("token: a key set, key %d: %w", i, err)
		default:
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return KeySet{}, errors.New("token: the key set holds no Ed25519 and no P-256 key for signing")
	}
	return NewKeySet(keys...)
}

// errForeign reports a key that is not for us.
var errForeign = errors.New("of another kind")

func (k jwk) key() (Key, error) {
	if k.Private != "" {
		return Key{}, errors.New("it is private: whoever has read it can sign; make another, and give out its public half only")
	}
	if k.Use != "" && k.Use != "sig" {
		return Key{}, errForeign
	}
	public, err := k.public()
	if err != nil {
		return Key{}, err
	}
	key, err := PublicKey(public)
	if err != nil {
		return Key{}, err
	}
	if k.Algorithm != "" && k.Algorithm != key.Algorithm && !(key.Algorithm == EdDSA && k.Algorithm == "Ed25519") { // RFC 9864's name
		return Key{}, fmt.Errorf("a %s key for %.16q", key.Algorithm, k.Algorithm)
	}
	if k.ID != "" {
		key.ID = k.ID
	}
	return key, nil
}

func (k jwk) public() (crypto.PublicKey, error) {
	decode := func(text string, length int) ([]byte, error) {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != length {
			return nil, fmt.Errorf("a coordinate that is not %d octets in base64url", length)
		}
		return raw, nil
	}
	switch {
	case k.Type == "OKP" && k.Curve == "Ed25519":
		x, err := decode(k.X, ed25519.PublicKeySize)
		return ed25519.PublicKey(x), err
	case k.Type == "EC" && k.Curve == "P-256":
		x, err := decode(k.X, 32)
		if err != nil {
			return nil, err
		}
		y, err := decode(k.Y, 32)
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil {
			return nil, errors.New("no point of the curve")
		}
		return key, nil
	}
	return nil, errForeign
}
