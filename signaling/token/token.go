// Package token signs and checks the tokens that say who may do what: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037) or with
// ECDSA on P-256 (ES256, RFC 7518), and nothing else. A studio's back end, or `nearlight up` for itself, issues them; signaling
// verifies them, and an edge verifies them again before it starts an app. It is what a back end in Go uses too.
//
// A token has the claims iss, aud, iat, exp, jti and role, and for players rights and what limits them (Claims). Its header names the key
// by an id, which is the key's thumbprint (RFC 7638) unless the key set says otherwise; the key, and not the header, says which algorithm is
// good. Keys are changed by having both in the set for as long as tokens of the older one live.
//
// Claims that are not known are passed over; one of ours that is out of bounds, appears twice or is misspelt refuses the token.
//
// Issuer, Verifier and KeySet are immutable after construction and safe for concurrent use.
package token

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nearlight/signaling"
)

// MaxLength is the longest token that is looked at, in octets, as the wire protocol has it.
const MaxLength = 4096

// leeway forgives clocks of issuer and verifier that differ a little.
const leeway = 10 * time.Second

// Scope ties tokens to one network: who issues them and whom they are for. Both are checked exactly.
type Scope struct {
	Issuer   string // "" means DefaultIssuer
	Audience string // "" means DefaultAudience
}

// The scope of a network that does not choose one.
const (
	DefaultIssuer   = "nearlight"
	DefaultAudience = "nearlight-signaling"
)

func (s Scope) withDefaults() Scope {
	if s.Issuer == "" {
		s.Issuer = DefaultIssuer
	}
	if s.Audience == "" {
		s.Audience = DefaultAudience
	}
	return s
}

// Issuer signs tokens with one key.
type Issuer struct {
	private crypto.Signer
	key     Key
	scope   Scope
	now     func() time.Time
}

// NewIssuer returns an issuer. The key is an ed25519.PrivateKey, or an *ecdsa.PrivateKey on P-256. now is usually time.Now.
func NewIssuer(private crypto.Signer, scope Scope, now func() time.Time) (*Issuer, error) {
	if ed, ok := private.(ed25519.PrivateKey); ok && len(ed) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("token: a private key of %d octets, want %d", len(ed), ed25519.PrivateKeySize)
	}
	key, err := PublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	return &Issuer{private: private, key: key, scope: scope.withDefaults(), now: now}, nil
}

// Issue signs a token. Its claims must have a role and an expiry in the future.
func (i *Issuer) Issue(claims Claims) (string, error) {
	now := i.now()
	if !claims.Expires.After(now) || !claims.Expires.After(claims.From) {
		return "", fmt.Errorf("token: issue: it would expire at %v, which is past, or before it is good", claims.Expires)
	}
	if claims.ID == "" {
		claims.ID = rand.Text()
	}
	if err := claims.check(); err != nil {
		return "", fmt.Errorf("token: issue: %w", err)
	}
	w := claims.wire()
	w.Issuer, w.Audience, w.IssuedAt = i.scope.Issuer, jwt.ClaimStrings{i.scope.Audience}, jwt.NewNumericDate(now)
	unsigned := jwt.NewWithClaims(i.key.Algorithm.method(), w)
	unsigned.Header["kid"] = i.key.ID
	signed, err := unsigned.SignedString(i.private)
	if err != nil {
		return "", fmt.Errorf("token: issue: %w", err)
	}
	if len(signed) > MaxLength {
		return "", fmt.Errorf("token: issue: %d octets, the limit is %d", len(signed), MaxLength)
	}
	return signed, nil
}

// Key returns the key by which the tokens can be verified.
func (i *Issuer) Key() Key { return i.key }

// Keys returns the set of that key alone.
func (i *Issuer) Keys() KeySet {
	return KeySet{keys: []Key{i.key}, byID: map[string]Key{i.key.ID: i.key}}
}

// Verifier checks tokens.
type Verifier struct {
	keys   Keys
	parser *jwt.Parser
}

// NewVerifier returns a verifier that takes the tokens of the scope signed by any of the keys. now is usually time.Now.
func NewVerifier(keys Keys, scope Scope, now func() time.Time) *Verifier {
	scope = scope.withDefaults()
	return &Verifier{
		keys: keys,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{string(EdDSA), string(ES256)}), jwt.WithStrictDecoding(),
			jwt.WithIssuer(scope.Issuer), jwt.WithAudience(scope.Audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(now),
		),
	}
}

// Verify returns what a token says if it is good and for the role. Its errors wrap a *signaling.Error of CodeExpiredToken
// or CodeBadToken, in the player's words, and say the precise reason for the log.
func (v *Verifier) Verify(raw string, role Role) (Claims, error) {
	if len(raw) > MaxLength {
		return Claims{}, bad(fmt.Errorf("%d octets, the limit is %d", len(raw), MaxLength))
	}
	if err := unambiguous(raw); err != nil {
		return Claims{}, bad(err)
	}
	var said wire
	var by Key
	_, err := v.parser.ParseWithClaims(raw, &said, func(unverified *jwt.Token) (any, error) {
		var err error
		by, err = v.key(unverified)
		return by.public, err
	})
	switch {
	case err == nil:
	case expiredOnly(err):
		return Claims{}, fmt.Errorf("token: %w (%w)", signaling.NewError(signaling.CodeExpiredToken), err)
	default:
		return Claims{}, bad(err)
	}
	if said.Role != role {
		return Claims{}, bad(fmt.Errorf("its role is %.32q, want %q", said.Role, role))
	}
	claims, err := said.claims()
	if err != nil {
		return Claims{}, bad(err)
	}
	claims.Studio, claims.Key = by.Studio, by.ID
	return claims, nil
}

// unambiguous refuses a token whose header or claims two readers could take differently.
func unambiguous(raw string) error {
	parts := strings.SplitN(raw, ".", 4)
	if len(parts) != 3 {
		return errors.New("it has not three parts")
	}
	for i, names := range [][]string{{"alg", "kid", "typ", "crit", "jku", "jwk", "x5u", "x5c"}, wireNames} {
		data, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return err
		}
		if err := strictObject(data); err != nil {
			return err
		}
		if err := spelled(data, names); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verifier) key(unverified *jwt.Token) (Key, error) {
	if _, there := unverified.Header["crit"]; there {
		return Key{}, errors.New("its header wants an extension that is not known here (crit, RFC 7515)")
	}
	id, ok := unverified.Header["kid"].(string)
	if !ok {
		return Key{}, errors.New("its header names no key")
	}
	key, known := v.keys.Key(id)
	if !known {
		return Key{}, fmt.Errorf("signed by an unknown key %.64q", id)
	}
	if unverified.Method != key.Algorithm.method() {
		return Key{}, fmt.Errorf("its header says %q, its key is for %s", unverified.Method.Alg(), key.Algorithm)
	}
	return key, nil
}

// expiredOnly reports whether expiry is the only thing wrong: to a stranger's token the answer must not be "it was good once".
func expiredOnly(err error) bool {
	if !errors.Is(err, jwt.ErrTokenExpired) {
		return false
	}
	for _, other := range []error{
		jwt.ErrTokenInvalidAudience, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenUsedBeforeIssued, jwt.ErrTokenNotValidYet,
		jwt.ErrTokenRequiredClaimMissing, jwt.ErrTokenSignatureInvalid,
	} {
		if errors.Is(err, other) {
			return false
		}
	}
	return true
}

func bad(cause error) error {
	return fmt.Errorf("token: %w (%w)", signaling.NewError(signaling.CodeBadToken), cause)
}

// Lifetime is from when to when a token was made to be good, by its iat and its exp and whoever signed it.
func Lifetime(raw string) (issued, expires time.Time, err error) {
	if _, err := Unverified(raw); err != nil {
		return issued, expires, err
	}
	var said wire
	if _, _, err := jwt.NewParser().ParseUnverified(raw, &said); err != nil {
		return issued, expires, bad(err)
	}
	if said.IssuedAt == nil {
		return issued, expires, bad(errors.New("it does not say when it was issued"))
	}
	return said.IssuedAt.Time, said.ExpiresAt.Time, nil
}

// Unverified reads what a token says without checking who signed it, for the player who holds it: what it trusts is there to be known
// before any server is. Whoever lets somebody in uses Verify.
func Unverified(raw string) (Claims, error) {
	if len(raw) > MaxLength {
		return Claims{}, bad(fmt.Errorf("%d octets, the limit is %d", len(raw), MaxLength))
	}
	if err := unambiguous(raw); err != nil {
		return Claims{}, bad(err)
	}
	var said wire
	if _, _, err := jwt.NewParser().ParseUnverified(raw, &said); err != nil {
		return Claims{}, bad(err)
	}
	if said.ExpiresAt == nil {
		return Claims{}, bad(errors.New("it has no expiry"))
	}
	claims, err := said.claims()
	if err != nil {
		return Claims{}, bad(err)
	}
	return claims, nil
}
