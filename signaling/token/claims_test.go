package token

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// signed signs any header and claims, as somebody might who has the key and another library.
func signed(t testing.TB, key crypto.Signer, header, claims string) string {
	t.Helper()
	of := public(key)
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := of.Algorithm.method().Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func headerOf(key crypto.Signer) string {
	return fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q}`, public(key).Algorithm, public(key).ID)
}

// claimsWith are good claims with further ones.
func claimsWith(further string) string {
	return fmt.Sprintf(`{"iss":"nearlight","aud":"nearlight-signaling","iat":%d,"exp":%d,"jti":"1","role":"player","rights":["play"]%s}`,
		noon.Unix(), noon.Add(time.Hour).Unix(), further)
}

func keysOfBothKinds(t testing.TB) []crypto.Signer {
	t.Helper()
	ec, err := NewES256Key()
	if err != nil {
		t.Fatal(err)
	}
	return []crypto.Signer{newKey(t), ec}
}

func TestLimitsAreReadAsTheyWereSigned(t *testing.T) {
	edge, root, holder := identity.Address{1}, identity.Address{2}, identity.Address{3}
	want := Claims{
		ID: "j", Role: Player, Rights: []Right{Play, Watch}, App: "tux", Session: "s-1", Expires: noon.Add(time.Hour), From: noon,
		Once: true, Seats: 4, Bitrate: 8_000_000, Price: 139, Regions: []string{"de", "eu-west"},
		Edges: []identity.Address{edge}, Root: root, Holder: holder,
	}
	for _, key := range keysOfBothKinds(t) {
		issuer, err := NewIssuer(key, Scope{}, atNoon)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := issuer.Issue(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NewVerifier(issuer.Keys(), Scope{}, atNoon).Verify(raw, Player)
		if err != nil {
			t.Fatal(err)
		}
		if got.Key != issuer.Key().ID {
			t.Errorf("signed by %q, want %q", got.Key, issuer.Key().ID)
		}
		got.Key, got.Expires, got.From = "", got.Expires.UTC(), got.From.UTC()
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
			t.Errorf("%s: %+v\nwant %+v", issuer.Key().Algorithm, got, want)
		}
	}
}

func TestClaimsThatAreNotPlainAreRefusedWhoeverSignedThem(t *testing.T) {
	address := identity.Address{1}.String()
	for _, key := range keysOfBothKinds(t) {
		verifier := newVerifier(t, Scope{}, public(key))
		for why, raw := range map[string]string{
			"a claim twice":                signed(t, key, headerOf(key), claimsWith(`,"app":"tux","app":"race"`)),
			"a limit twice":                signed(t, key, headerOf(key), claimsWith(`,"seats":1,"seats":64`)),
			"a claim within a claim twice": signed(t, key, headerOf(key), claimsWith(`,"cnf":{"address":"`+address+`","address":"`+address+`"}`)),
			"a claim hidden by an escape":  signed(t, key, headerOf(key), claimsWith(`,"\u0072ole":"edge"`)),
			"a claim in other capitals":    signed(t, key, headerOf(key), claimsWith(`,"Seats":1`)),
			"a claim with a long s":        signed(t, key, headerOf(key), claimsWith(`,"`+"\u017f"+`eats":1`)),
			"the key's id twice":           signed(t, key, strings.Replace(headerOf(key), "{", `{"kid":"other",`, 1), claimsWith("")),
			"the algorithm twice":          signed(t, key, strings.Replace(headerOf(key), "{", `{"alg":"none",`, 1), claimsWith("")),
			"an extension that is wanted":  signed(t, key, strings.Replace(headerOf(key), "{", `{"crit":["b64"],"b64":false,`, 1), claimsWith("")),
			"no object":                    signed(t, key, headerOf(key), `[]`),
			"two objects":                  signed(t, key, headerOf(key), claimsWith("")+"{}"),
			"nested deeply":                signed(t, key, headerOf(key), claimsWith(`,"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20))),
			"no UTF-8":                     signed(t, key, headerOf(key), claimsWith(",\"x\":\"\xff\"")),
			"no seat":                      signed(t, key, headerOf(key), claimsWith(`,"seats":0`)),
			"too many seats":               signed(t, key, headerOf(key), claimsWith(`,"seats":65`)),
			"half a seat":                  signed(t, key, headerOf(key), claimsWith(`,"seats":1.5`)),
			"seats that are text":          signed(t, key, headerOf(key), claimsWith(`,"seats":"2"`)),
			"a negative bitrate":           signed(t, key, headerOf(key), claimsWith(`,"bitrate":-1`)),
			"a bitrate of nothing":         signed(t, key, headerOf(key), claimsWith(`,"bitrate":1000`)),
			"a price that no reader takes": signed(t, key, headerOf(key), claimsWith(`,"price":9007199254740992`)),
			"a region that is none":        signed(t, key, headerOf(key), claimsWith(`,"regions":["DE"]`)),
			"no region":                    signed(t, key, headerOf(key), claimsWith(`,"regions":[]`)),
			"too many regions":             signed(t, key, headerOf(key), claimsWith(`,"regions":[`+strings.Repeat(`"de",`, 16)+`"de"]`)),
			"no edge":                      signed(t, key, headerOf(key), claimsWith(`,"edges":[]`)),
			"too many edges":               signed(t, key, headerOf(key), claimsWith(`,"edges":[`+strings.Repeat(`"`+address+`",`, 16)+`"`+address+`"]`)),
			"an edge that is none":         signed(t, key, headerOf(key), claimsWith(`,"edges":["`+identity.Address{}.String()+`"]`)),
			"an edge without its checksum": signed(t, key, headerOf(key), claimsWith(`,"edges":["0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"]`)),
			"a root that is none":          signed(t, key, headerOf(key), claimsWith(`,"root":"`+identity.Address{}.String()+`"`)),
			"a root that is text":          signed(t, key, headerOf(key), claimsWith(`,"root":"studio"`)),
			"a holder of another kind":     signed(t, key, headerOf(key), claimsWith(`,"cnf":{"jkt":"x"}`)),
			"once that is text":            signed(t, key, headerOf(key), claimsWith(`,"once":"yes"`)),
			"a long id":                    signed(t, key, headerOf(key), strings.Replace(claimsWith(""), `"jti":"1"`, `"jti":"`+strings.Repeat("1", 129)+`"`, 1)),
			"rights that are many":         signed(t, key, headerOf(key), strings.Replace(claimsWith(""), `["play"]`, `["play"`+strings.Repeat(`,"play"`, 16)+`]`, 1)),
		} {
			if claims, err := verifier.Verify(raw, Player); !errors.Is(err, &signaling.Error{Code: signaling.CodeBadToken}) {
				t.Errorf("%s, %s: %+v, %v", public(key).Algorithm, why, claims, err)
			}
		}
		if _, err := verifier.Verify(signed(t, key, headerOf(key), claimsWith(`,"later":[1]`)), Player); err != nil {
			t.Error("a claim of a later version:", err)
		}
	}
}

func TestAKeyIsGoodForItsOwnAlgorithmAlone(t *testing.T) {
	keys := keysOfBothKinds(t)
	ed, ec := public(keys[0]), public(keys[1])
	verifier := newVerifier(t, Scope{}, ed, ec)
	for why, raw := range map[string]string{
		"Ed25519's signature under the name of the other": signed(t, keys[0], fmt.Sprintf(`{"alg":"ES256","kid":%q}`, ed.ID), claimsWith("")),
		"the other's under the name of Ed25519":           signed(t, keys[1], fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, ec.ID), claimsWith("")),
		"signed by one, in the name of the other":         signed(t, keys[0], fmt.Sprintf(`{"alg":"EdDSA","kid":%q}`, ec.ID), claimsWith("")),
		"ES384 with its key":                              signed(t, keys[1], fmt.Sprintf(`{"alg":"ES384","kid":%q}`, ec.ID), claimsWith("")),
		"none with its key":                               signed(t, keys[1], fmt.Sprintf(`{"alg":"none","kid":%q}`, ec.ID), claimsWith("")),
		"HS256 with its key":                              signed(t, keys[1], fmt.Sprintf(`{"alg":"HS256","kid":%q}`, ec.ID), claimsWith("")),
		"a key within the header":                         signed(t, keys[1], fmt.Sprintf(`{"alg":"ES256","kid":"other","jwk":{"kty":"EC","crv":"P-256","x":%q,"y":%q}}`, ec.jwk.X, ec.jwk.Y), claimsWith("")),
	} {
		if _, err := verifier.Verify(raw, Player); !errors.Is(err, &signaling.Error{Code: signaling.CodeBadToken}) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestATokenThatIsChangedIsNoToken(t *testing.T) {
	for _, key := range keysOfBothKinds(t) {
		verifier := newVerifier(t, Scope{}, public(key))
		raw := signed(t, key, headerOf(key), claimsWith(`,"seats":1,"app":"tux"`))
		if _, err := verifier.Verify(raw, Player); err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(raw, ".")
		for why, claims := range map[string]string{
			"another app": claimsWith(`,"seats":1,"app":"race"`), "without its limit": claimsWith(`,"app":"tux"`),
			"another role":  strings.Replace(claimsWith(""), `"player"`, `"edge"`, 1),
			"a longer life": strings.Replace(claimsWith(""), fmt.Sprint(noon.Add(time.Hour).Unix()), fmt.Sprint(noon.Add(2*time.Hour).Unix()), 1),
		} {
			other := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + parts[2]
			if _, err := verifier.Verify(other, Player); !errors.Is(err, &signaling.Error{Code: signaling.CodeBadToken}) {
				t.Errorf("%s, %s: %v", public(key).Algorithm, why, err)
			}
		}
	}
}

func TestATokenIsNotGoodBeforeItBegins(t *testing.T) {
	issuer, err := NewIssuer(newKey(t), Scope{}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := issuer.Issue(Claims{Role: Player, From: noon.Add(time.Minute), Expires: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for at, good := range map[time.Duration]bool{0: false, time.Minute - leeway: true, time.Minute: true} {
		verifier := NewVerifier(issuer.Keys(), Scope{}, func() time.Time { return noon.Add(at) })
		if _, err := verifier.Verify(raw, Player); (err == nil) != good {
			t.Errorf("%v after it was made: %v", at, err)
		}
	}
	if _, err := issuer.Issue(Claims{Role: Player, From: noon.Add(2 * time.Hour), Expires: noon.Add(time.Hour)}); err == nil {
		t.Error("a token is made that is never good")
	}
}

func TestClaimsAllowWhatTheyNameAndNoMore(t *testing.T) {
	for _, step := range []struct {
		why     string
		claims  Claims
		regions []string
		price   uint64
		want    bool
	}{
		{why: "no limit", regions: nil, price: 1 << 60, want: true},
		{why: "its region", claims: Claims{Regions: []string{"us", "de"}}, regions: []string{"eu", "de"}, want: true},
		{why: "another region", claims: Claims{Regions: []string{"us"}}, regions: []string{"eu", "de"}},
		{why: "an edge that says no region", claims: Claims{Regions: []string{"us"}}},
		{why: "its price", claims: Claims{Price: 10}, price: 10, want: true},
		{why: "a higher price", claims: Claims{Price: 10}, price: 11},
	} {
		if got := step.claims.AllowsRegion(step.regions) && step.claims.AllowsPrice(step.price); got != step.want {
			t.Errorf("%s: %v", step.why, got)
		}
	}
}

func TestATokenTrustsTheEdgesThatItNamesAndThoseThatItsRootEndorses(t *testing.T) {
	root, other := newIdentity(t), newIdentity(t)
	edge, stranger := newIdentity(t).Address(), newIdentity(t).Address()
	endorse := func(by *identity.Key, of identity.Address, until time.Time) *identity.Endorsed {
		made, err := identity.Endorse(by, identity.Endorsement{Edge: of, ExpiresAt: until})
		if err != nil {
			t.Fatal(err)
		}
		return &made
	}
	named, rooted := Claims{Edges: []identity.Address{edge}}, Claims{Root: root.Address()}
	both := Claims{Edges: named.Edges, Root: rooted.Root}
	later := noon.Add(time.Hour)
	for _, step := range []struct {
		why      string
		claims   Claims
		edge     identity.Address
		endorsed *identity.Endorsed
		want     bool
	}{
		{"names none", Claims{}, stranger, nil, true},
		{"names only the player's key", Claims{Holder: edge}, stranger, nil, true},
		{"names it", named, edge, nil, true},
		{"names another", named, stranger, nil, false},
		{"names another, and a root that nobody asked for endorses it", named, stranger, endorse(root, stranger, later), false},
		{"its root endorses it", rooted, stranger, endorse(root, stranger, later), true},
		{"nobody endorses it", rooted, stranger, nil, false},
		{"another root endorses it", rooted, stranger, endorse(other, stranger, later), false},
		{"its root endorses another", rooted, stranger, endorse(root, edge, later), false},
		{"its root did endorse it", rooted, stranger, endorse(root, stranger, noon.Add(-time.Minute)), false},
		{"one of both ways", both, edge, nil, true},
		{"the other of both ways", both, stranger, endorse(root, stranger, later), true},
		{"neither of both ways", both, stranger, nil, false},
	} {
		if err := step.claims.Trusts(step.edge, step.endorsed, noon); (err == nil) != step.want {
			t.Errorf("%s: %v", step.why, err)
		}
	}
}

func newIdentity(t testing.TB) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAKeySetIsReadAsItWasWritten(t *testing.T) {
	keys := keysOfBothKinds(t)
	set, err := NewKeySet(public(keys[0]), public(keys[1]))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseKeys(text)
	if err != nil || back.Len() != 2 {
		t.Fatal(back.IDs(), err)
	}
	for _, key := range keys {
		raw := signed(t, key, headerOf(key), claimsWith(""))
		if _, err := NewVerifier(back, Scope{}, atNoon).Verify(raw, Player); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewKeySet(public(keys[0]), public(keys[0])); err == nil {
		t.Error("two keys of one id are taken")
	}
}

func TestKeySetsOfOthersAreReadOrRefused(t *testing.T) {
	ec := public(keysOfBothKinds(t)[1]).jwk
	const ed = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	for _, step := range []struct {
		why, text, id string // id "" refuses it
	}{
		{"a key with a name of its own", `{"keys":[{` + ed + `,"kid":"2026"}]}`, "2026"},
		{"a key without a name", `{"keys":[{` + ed + `}]}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"others beside it", `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"EC","crv":"P-384","x":"","y":""},{` + ed + `,"use":"enc"},{` + ed + `,"kid":"2026"}]}`, "2026"},
		{"the newer name of the algorithm", `{"keys":[{` + ed + `,"kid":"2026","alg":"Ed25519"}]}`, "2026"},
		{"none", `{"keys":[]}`, ""},
		{"none of ours", `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, ""},
		{"a private key", `{"keys":[{` + ed + `,"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`, ""},
		{"another algorithm's", `{"keys":[{` + ed + `,"alg":"ES256"}]}`, ""},
		{"a short key", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qY"}]}`, ""},
		{"no point of the curve", fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","x":%q,"y":%q}]}`, ec.X, ec.X), ""},
		{"two of one name", `{"keys":[{` + ed + `,"kid":"a"},{` + ed + `,"kid":"a"}]}`, ""},
		{"a member twice", `{"keys":[{` + ed + `,"kid":"a","kid":"b"}]}`, ""},
		{"a long name", `{"keys":[{` + ed + `,"kid":"` + strings.Repeat("x", 129) + `"}]}`, ""},
		{"too many", `{"keys":[` + strings.Repeat(`{"kty":"x"},`, 32) + `{` + ed + `}]}`, ""},
		{"too long", `{"keys":[{` + ed + `}]}` + strings.Repeat(" ", MaxKeySet), ""},
		{"no set", `{}`, ""}, {"a list", `[]`, ""}, {"nothing", ``, ""}, {"cut", `{"keys":[{`, ""},
	} {
		set, err := ParseKeys([]byte(step.text))
		if step.id == "" {
			if err == nil {
				t.Errorf("%s: %v", step.why, set.IDs())
			}
			continue
		}
		if _, found := set.Key(step.id); err != nil || !found || set.Len() != 1 {
			t.Errorf("%s: %v, %v", step.why, set.IDs(), err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := ParseKeys(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseKeys(again); err != nil || back.Len() != set.Len() {
			t.Fatalf("%s\nis written as %s\n%v", text, again, err)
		}
	})
}

// FuzzClaims signs whatever comes as claims: what passes must keep to its bounds.
func FuzzClaims(f *testing.F) {
	key := newKey(f)
	verifier := newVerifier(f, Scope{}, public(key))
	f.Add(claimsWith(`,"seats":1,"bitrate":8000000,"regions":["de"],"once":true`))
	f.Add(claimsWith(`,"edges":["` + identity.Address{1}.String() + `"],"cnf":{"address":"` + identity.Address{2}.String() + `"}`))
	f.Fuzz(func(t *testing.T, claims string) {
		said, err := verifier.Verify(signed(t, key, headerOf(key), claims), Player)
		if err == nil && said.check() != nil {
			t.Errorf("%s passes as %+v", claims, said)
		}
	})
}
