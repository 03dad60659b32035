// Package token signs and checks the tokens that say who may do what: JSON Web Tokens (RFC 7519) signed with Ed25519
// (RFC 8037), and nothing else. A studio's back end, or `nearlight up` for itself, issues them; signaling verifies
// them, and an edge verifies them again before it starts an app.
//
// A token has the claims iss, aud, iat, exp, jti and role, and for players rights and optionally app and session. Its header names the
// key by its thumbprint (RFC 7638), so that keys can be changed while old tokens live.
//
// Issuer and Verifier are immutable after construction and safe for concurrent use.
package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nearlight/signaling"
)

// MaxLength is the longest token that is looked at, in octets, as the wire protocol has it.
const MaxLength = 4096

// leeway forgives clocks of issuer and verifier that differ a little.
const leeway = 10 * time.Second

// Role says what kind of peer a token is for.
type Role string

// The roles.
const (
	Player Role = "player"
	Edge   Role = "edge"
)

// Right is something that a player may ask for.
type Right string

// The rights of players. One that is not known here comes from a newer issuer and is ignored.
const (
	Play    Right = "play"
	Install Right = "install"
	Watch   Right = "watch" // look on at others' sessions
	Many    Right = "many"  // hold several sessions at a time, as with a link that is given to several people
)

// Claims is what a token says.
type Claims struct {
	ID     string // the jti; Issue chooses a random one when it is empty
	Role   Role
	Rights []Right
	App    string // the only app the token is good for, "" for any
	// Session is the only one that the right Watch is good for, "" for any.
	Session signaling.SessionID
	Expires time.Time
}

// Allows reports whether a player with these claims has the right.
func (c Claims) Allows(right Right) bool {
	return c.Role == Player && slices.Contains(c.Rights, right)
}

// AllowsApp reports whether the claims are good for the app.
func (c Claims) AllowsApp(app string) bool { return c.App == "" || c.App == app }

// AllowsWatching reports whether a player with these claims may look on at a session.
func (c Claims) AllowsWatching(session signaling.SessionID) bool {
	return c.Allows(Watch) && (c.Session == "" || c.Session == session)
}

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

// wire is the form of Claims in the token.
type wire struct {
	jwt.RegisteredClaims
	Role    Role                `json:"role"`
	Rights  []Right             `json:"rights,omitempty"`
	App     string              `json:"app,omitempty"`
	Session signaling.SessionID `json:"session,omitempty"`
}

// Issuer signs tokens with one key.
type Issuer struct {
	key   ed25519.PrivateKey
	keyID string
	scope Scope
	now   func() time.Time
}

// NewIssuer returns an issuer. now is usually time.Now.
func NewIssuer(key ed25519.PrivateKey, scope Scope, now func() time.Time) (*Issuer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("token: a private key of %d octets, want %d", len(key), ed25519.PrivateKeySize)
	}
	public := key.Public().(ed25519.PublicKey)
	return &Issuer{key: key, keyID: KeyID(public), scope: scope.withDefaults(), now: now}, nil
}

// Issue signs a token. Its claims must have a role and an expiry in the future.
func (i *Issuer) Issue(claims Claims) (string, error) {
	now := i.now()
	if claims.Role != Player && claims.Role != Edge {
		return "", fmt.Errorf("token: issue: unknown role %q", claims.Role)
	}
	if !claims.Expires.After(now) {
		return "", fmt.Errorf("token: issue: it would expire at %v, which is past", claims.Expires)
	}
	if claims.ID == "" {
		claims.ID = rand.Text()
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: i.scope.Issuer, Audience: jwt.ClaimStrings{i.scope.Audience}, ID: claims.ID,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(claims.Expires),
		},
		Role: claims.Role, Rights: claims.Rights, App: claims.App, Session: claims.Session,
	})
	unsigned.Header["kid"] = i.keyID
	signed, err := unsigned.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("token: issue: %w", err)
	}
	if len(signed) > MaxLength {
		return "", fmt.Errorf("token: issue: %d octets, the limit is %d", len(signed), MaxLength)
	}
	return signed, nil
}

// PublicKey returns the key by which the tokens can be verified.
func (i *Issuer) PublicKey() ed25519.PublicKey { return i.key.Public().(ed25519.PublicKey) }

// Verifier checks tokens against a list of keys.
type Verifier struct {
	keys   map[string]ed25519.PublicKey
	parser *jwt.Parser
}

// NewVerifier returns a verifier that takes the tokens of the scope signed by any of the keys. now is usually time.Now.
func NewVerifier(keys []ed25519.PublicKey, scope Scope, now func() time.Time) (*Verifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("token: no public key to verify with")
	}
	scope = scope.withDefaults()
	v := &Verifier{
		keys: make(map[string]ed25519.PublicKey, len(keys)),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithStrictDecoding(),
			jwt.WithIssuer(scope.Issuer), jwt.WithAudience(scope.Audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(now),
		),
	}
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("token: a public key of %d octets, want %d", len(key), ed25519.PublicKeySize)
		}
		v.keys[KeyID(key)] = key
	}
	return v, nil
}

// Verify returns what a token says if it is good and for the role. Its errors wrap a *signaling.Error of CodeExpiredToken
// or CodeBadToken, in the player's words, and say the precise reason for the log.
func (v *Verifier) Verify(raw string, role Role) (Claims, error) {
	if len(raw) > MaxLength {
		return Claims{}, bad(fmt.Errorf("%d octets, the limit is %d", len(raw), MaxLength))
	}
	var claims wire
	_, err := v.parser.ParseWithClaims(raw, &claims, v.key)
	switch {
	case err == nil:
	case expiredOnly(err):
		return Claims{}, fmt.Errorf("token: %w (%w)", signaling.NewError(signaling.CodeExpiredToken), err)
	default:
		return Claims{}, bad(err)
	}
	if claims.Role != role {
		return Claims{}, bad(fmt.Errorf("its role is %q, want %q", claims.Role, role))
	}
	if claims.ID == "" {
		return Claims{}, bad(errors.New("it has no jti"))
	}
	return Claims{
		ID: claims.ID, Role: claims.Role, Rights: claims.Rights, App: claims.App, Session: claims.Session, Expires: claims.ExpiresAt.Time,
	}, nil
}

func (v *Verifier) key(unverified *jwt.Token) (any, error) {
	id, ok := unverified.Header["kid"].(string)
	if !ok {
		return nil, errors.New("its header names no key")
	}
	key, known := v.keys[id]
	if !known {
		return nil, fmt.Errorf("signed by an unknown key %.64q", id)
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
