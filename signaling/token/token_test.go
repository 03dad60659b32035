package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"nearlight/signaling"
)

var noon = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newVerifier(t testing.TB, scope Scope, keys ...Key) *Verifier {
	t.Helper()
	set, err := NewKeySet(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return NewVerifier(set, scope, atNoon)
}

func public(key crypto.Signer) Key {
	of, err := PublicKey(key.Public())
	if err != nil {
		panic(err) // the test's own keys are good
	}
	return of
}

func TestAnIssuedTokenSaysTheSameWhenVerified(t *testing.T) {
	key, older := newKey(t), newKey(t)
	issuer, err := NewIssuer(key, Scope{}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(Claims{Role: Player, Rights: []Right{Play, "fly"}, App: "supertux2", Expires: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := newVerifier(t, Scope{}, public(older), issuer.Key()).Verify(raw, Player)
	if err != nil {
		t.Fatal(err)
	}
	if claims.ID == "" || !claims.Expires.Equal(noon.Add(time.Hour)) || !claims.Allows(Play) || claims.Allows(Install) ||
		!claims.AllowsApp("supertux2") || claims.AllowsApp("xmoto") {
		t.Errorf("%+v", claims)
	}
	again, err := issuer.Issue(Claims{Role: Player, Expires: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if other, err := newVerifier(t, Scope{}, issuer.Key()).Verify(again, Player); err != nil || other.ID == claims.ID {
		t.Errorf("two tokens with the id %q, %v", other.ID, err)
	}
}

func TestATokenToLookOnIsGoodForItsSessionAlone(t *testing.T) {
	issuer, err := NewIssuer(newKey(t), Scope{}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	verifier := newVerifier(t, Scope{}, issuer.Key())
	for _, step := range []struct {
		why      string
		claims   Claims
		its, any bool // session that may be watched
	}{
		{why: "one session", claims: Claims{Rights: []Right{Watch}, Session: "s-1"}, its: true},
		{why: "any session", claims: Claims{Rights: []Right{Watch}}, its: true, any: true},
		{why: "no right to look on", claims: Claims{Rights: []Right{Play}, Session: "s-1"}},
	} {
		step.claims.Role, step.claims.Expires = Player, noon.Add(time.Hour)
		raw, err := issuer.Issue(step.claims)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verifier.Verify(raw, Player)
		if err != nil {
			t.Fatal(err)
		}
		if claims.AllowsWatching("s-1") != step.its || claims.AllowsWatching("s-2") != step.any {
			t.Errorf("%s: %+v", step.why, claims)
		}
	}
}

func TestOnlyGoodTokensPass(t *testing.T) {
	key := newKey(t)
	good := func() wire {
		return wire{RegisteredClaims: jwt.RegisteredClaims{
			Issuer: DefaultIssuer, Audience: jwt.ClaimStrings{DefaultAudience}, ID: "1",
			IssuedAt: jwt.NewNumericDate(noon), ExpiresAt: jwt.NewNumericDate(noon.Add(time.Hour)),
		}, Role: Player, Rights: []Right{Play}}
	}
	sign := func(method jwt.SigningMethod, with any, kid any, claims jwt.Claims) string {
		unsigned := jwt.NewWithClaims(method, claims)
		if kid != nil {
			unsigned.Header["kid"] = kid
		}
		raw, err := unsigned.SignedString(with)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	eddsa := func(change func(*wire)) string {
		claims := good()
		change(&claims)
		return sign(jwt.SigningMethodEdDSA, key, public(key).ID, claims)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := public(key).ID
	valid := eddsa(func(*wire) {})
	header, rest, _ := strings.Cut(valid, ".")
	body, signature, _ := strings.Cut(rest, ".")
	forged := base64.RawURLEncoding.EncodeToString([]byte(
		`{"iss":"nearlight","aud":"nearlight-signaling","exp":1900000000,"iat":1,"jti":"1","role":"player","rights":["install"]}`))
	for _, step := range []struct {
		why  string
		raw  string
		code signaling.Code
	}{
		{"it is as it should be", valid, ""},
		{"expired within the leeway", eddsa(func(w *wire) { w.ExpiresAt = jwt.NewNumericDate(noon.Add(-leeway + time.Second)) }), ""},
		{"issued by a clock a little ahead", eddsa(func(w *wire) { w.IssuedAt = jwt.NewNumericDate(noon.Add(5 * time.Second)) }), ""},
		{"expired", eddsa(func(w *wire) { w.ExpiresAt = jwt.NewNumericDate(noon.Add(-time.Minute)) }), signaling.CodeExpiredToken},
		{"expired and for others", eddsa(func(w *wire) {
			w.ExpiresAt, w.Audience = jwt.NewNumericDate(noon.Add(-time.Minute)), jwt.ClaimStrings{"elsewhere"}
		}), signaling.CodeBadToken},
		{"no expiry", eddsa(func(w *wire) { w.ExpiresAt = nil }), signaling.CodeBadToken},
		{"other audience", eddsa(func(w *wire) { w.Audience = jwt.ClaimStrings{"elsewhere"} }), signaling.CodeBadToken},
		{"no audience", eddsa(func(w *wire) { w.Audience = nil }), signaling.CodeBadToken},
		{"other issuer", eddsa(func(w *wire) { w.Issuer = "someone" }), signaling.CodeBadToken},
		{"issued in the future", eddsa(func(w *wire) { w.IssuedAt = jwt.NewNumericDate(noon.Add(time.Hour)) }), signaling.CodeBadToken},
		{"not valid yet", eddsa(func(w *wire) { w.NotBefore = jwt.NewNumericDate(noon.Add(time.Hour)) }), signaling.CodeBadToken},
		{"an edge's", eddsa(func(w *wire) { w.Role = Edge }), signaling.CodeBadToken},
		{"no role", eddsa(func(w *wire) { w.Role = "" }), signaling.CodeBadToken},
		{"no jti", eddsa(func(w *wire) { w.ID = "" }), signaling.CodeBadToken},
		{"another's key under its own id", sign(jwt.SigningMethodEdDSA, newKey(t), "other", good()), signaling.CodeBadToken},
		{"another's key under our id", sign(jwt.SigningMethodEdDSA, newKey(t), id, good()), signaling.CodeBadToken},
		{"no key id", sign(jwt.SigningMethodEdDSA, key, nil, good()), signaling.CodeBadToken},
		{"a key id that is a number", sign(jwt.SigningMethodEdDSA, key, 7, good()), signaling.CodeBadToken},
		{"unsigned", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, id, good()), signaling.CodeBadToken},
		{"HMAC with the public key as the secret", sign(jwt.SigningMethodHS256, []byte(public(key).public.(ed25519.PublicKey)), id, good()), signaling.CodeBadToken},
		{"another algorithm under our id", sign(jwt.SigningMethodES256, ec, id, good()), signaling.CodeBadToken},
		{"another algorithm by an unknown key", sign(jwt.SigningMethodES256, ec, public(ec).ID, good()), signaling.CodeBadToken},
		{"changed after signing", header + "." + forged + "." + signature, signaling.CodeBadToken},
		{"its signature cut off", header + "." + body + ".", signaling.CodeBadToken},
		{"padding added", valid + "=", signaling.CodeBadToken},
		{"oversized", valid + strings.Repeat("A", MaxLength), signaling.CodeBadToken},
		{"empty", "", signaling.CodeBadToken},
		{"dots", strings.Repeat(".", MaxLength), signaling.CodeBadToken},
	} {
		t.Run(step.why, func(t *testing.T) {
			_, err := newVerifier(t, Scope{}, public(key)).Verify(step.raw, Player)
			if step.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, &signaling.Error{Code: step.code}) {
				t.Fatalf("%v, want %s", err, step.code)
			}
			if strings.Contains(signaling.AsError(err).Message, "jwt") {
				t.Errorf("the player is told %v", err)
			}
		})
	}
}

func TestAScopeSeparatesNetworks(t *testing.T) {
	key := newKey(t)
	issuer, err := NewIssuer(key, Scope{Issuer: "studio", Audience: "their-network"}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(Claims{Role: Edge, Expires: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(t, Scope{Issuer: "studio", Audience: "their-network"}, public(key)).Verify(raw, Edge); err != nil {
		t.Error(err)
	}
	if _, err := newVerifier(t, Scope{}, public(key)).Verify(raw, Edge); err == nil {
		t.Error("a token of one network passes in another")
	}
}

func TestIssueRefusesTokensThatCouldNotBeUsed(t *testing.T) {
	issuer, err := NewIssuer(newKey(t), Scope{}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	for why, claims := range map[string]Claims{
		"no role":   {Expires: noon.Add(time.Hour)},
		"no expiry": {Role: Player},
		"expired":   {Role: Player, Expires: noon},
		"too long":  {Role: Player, Expires: noon.Add(time.Hour), ID: strings.Repeat("x", MaxLength)},
	} {
		if raw, err := issuer.Issue(claims); err == nil {
			t.Errorf("%s: %s", why, raw)
		}
	}
}

func TestKeysSurvivePEM(t *testing.T) {
	key := newKey(t)
	text, err := MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParseKey(text); err != nil || !key.Equal(back.(ed25519.PrivateKey)) {
		t.Error(err)
	}
	publicText, err := MarshalPublicKey(public(key))
	if err != nil {
		t.Fatal(err)
	}
	if back, err := ParsePublicKey(publicText); err != nil || back.ID != public(key).ID {
		t.Error(err)
	}
	if _, err := ParseKey(publicText); err == nil {
		t.Error("a public key is read as a private one")
	}
	if _, err := ParsePublicKey(text); err == nil {
		t.Error("a private key is read as a public one")
	}
}

func TestOtherKeysAreRefusedWithTheCommandThatMakesOne(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ParseKey(pem.EncodeToMemory(&pem.Block{Type: privateBlock, Bytes: der}))
	if err == nil || !strings.Contains(err.Error(), "openssl genpkey") {
		t.Error(err)
	}
	if _, err := ParseKey([]byte("not PEM")); err == nil {
		t.Error("text is read as a key")
	}
}

// The example of RFC 8037 appendix A.3.
func TestAKeysIDIsTheThumbprintOfTheRFC(t *testing.T) {
	x, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	key, err := PublicKey(ed25519.PublicKey(x))
	if err != nil {
		t.Fatal(err)
	}
	if id := key.ID; id != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Error(id)
	}
}

func FuzzVerify(f *testing.F) {
	key := newKey(f)
	issuer, err := NewIssuer(key, Scope{}, atNoon)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := issuer.Issue(Claims{Role: Player, Rights: []Right{Play}, Expires: noon.Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	header, err := json.Marshal(map[string]any{"alg": "none", "typ": "JWT", "kid": public(key).ID})
	if err != nil {
		f.Fatal(err)
	}
	_, rest, _ := strings.Cut(raw, ".")
	f.Add(raw)
	f.Add(base64.RawURLEncoding.EncodeToString(header) + "." + rest)
	f.Add("..")
	verifier := newVerifier(f, Scope{}, public(key))
	f.Fuzz(func(t *testing.T, text string) {
		_, err := verifier.Verify(text, Player)
		if text != raw && err == nil {
			t.Fatalf("%q passes", text)
		}
	})
}
