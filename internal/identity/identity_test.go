package identity

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
)

func newKey(t testing.TB) *Key {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAnAddressIsReadInItsOneFormOnly(t *testing.T) {
	const right = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" // of EIP-55
	a, err := ParseAddress(right)
	if err != nil || a.String() != right {
		t.Fatal(a, err)
	}
	for why, text := range map[string]string{
		"empty": "", "short": right[:41], "long": right + "0", "no 0x": right[2:], "a capital X": "0X" + right[2:],
		"other digits": "0x" + strings.Repeat("g", 40), "a slip": strings.Replace(right, "5aA", "5aB", 1),
		"a capital too many": strings.Replace(right, "5aA", "5AA", 1),
	} {
		if a, err := ParseAddress(text); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, %v", why, a, err)
		}
	}
	for _, text := range []string{strings.ToLower(right), "0x" + strings.ToUpper(right[2:])} {
		if _, err := ParseAddress(text); !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), right) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var back Address
	if text, err := a.MarshalText(); err != nil || back.UnmarshalText(text) != nil || back != a {
		t.Error(back, err)
	}
}

func TestASignatureIsItsSignersAlone(t *testing.T) {
	key, d := newKey(t), Digest{1}
	s, err := key.Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := key.Sign(d); err != nil || again != s {
		t.Errorf("%v, then %v, %v", s, again, err)
	}
	if err := Verify(d, s, key.Address()); err != nil {
		t.Error(err)
	}
	if err := Verify(Digest{2}, s, key.Address()); !errors.Is(err, ErrSignature) {
		t.Error("of something else:", err)
	}
	if err := Verify(d, s, newKey(t).Address()); !errors.Is(err, ErrSignature) {
		t.Error("by somebody else:", err)
	}
	if err := Verify(d, s, Address{}); !errors.Is(err, ErrSignature) {
		t.Error("by nobody:", err)
	}
	if back, err := ParseSignature(s.String()); err != nil || back != s {
		t.Error(back, err)
	}
}

func TestSignaturesOfOtherFormsAreRefused(t *testing.T) {
	key, d := newKey(t), Digest{1}
	good, err := key.Sign(d)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*Signature)) Signature {
		s := good
		f(&s)
		return s
	}
	order := crypto.S256().Params().N
	high := change(func(s *Signature) { // the other signature that the same key could have given (EIP-2)
		new(big.Int).Sub(order, new(big.Int).SetBytes(s[32:64])).FillBytes(s[32:64])
		s[64] = 27 + 28 - s[64]
	})
	for why, s := range map[string]Signature{
		"s in the upper half": high,
		"v is 0 or 1":         change(func(s *Signature) { s[64] -= 27 }),
		"v is 29":             change(func(s *Signature) { s[64] = 29 }),
		"v is 255":            change(func(s *Signature) { s[64] = 255 }),
		"r is 0":              change(func(s *Signature) { clear(s[:32]) }),
		"s is 0":              change(func(s *Signature) { clear(s[32:64]) }),
		"r is the order":      change(func(s *Signature) { order.FillBytes(s[:32]) }),
		"all is 0":            {},
	} {
		if a, err := Recover(d, s); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v, %v", why, a, err)
		}
	}
	for _, text := range []string{"", "0x", good.String()[2:], good.String() + "00", strings.ToUpper(good.String()), "0x" + strings.Repeat("z", 130)} {
		if _, err := ParseSignature(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestSecretsAreNumbersBelowTheOrder(t *testing.T) {
	for why, secret := range map[string][]byte{
		"none": nil, "short": make([]byte, 31), "0": make([]byte, 32), "long": bytes.Repeat([]byte{1}, 33),
		"the order": crypto.S256().Params().N.Bytes(),
	} {
		if key, err := KeyFromSecret(secret); err == nil {
			t.Errorf("%s: %v", why, key)
		}
	}
	key := newKey(t)
	if again, err := KeyFromSecret(key.Secret()); err != nil || again.Address() != key.Address() {
		t.Error(again, err)
	}
	for _, shown := range []string{key.String(), fmt.Sprintf("%#v", key), fmt.Sprintf("%+v", key), fmt.Sprint(key)} {
		if strings.Contains(shown, hex.EncodeToString(key.Secret())) || !strings.Contains(shown, key.Address().String()) {
			t.Error(shown)
		}
	}
}

func TestALoginIsGoodForAMomentAtOneHost(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	good := Login{Role: Edge, Host: "play.example", Nonce: Nonce{1}, IssuedAt: now, ExpiresAt: now.Add(LoginLife)}
	for _, step := range []struct {
		why    string
		at     time.Duration
		change func(*Login)
		want   error
	}{
		{why: "at once"},
		{why: "from a clock a little ahead", at: -Skew},
		{why: "from one further ahead", at: -Skew - time.Second, want: ErrNotYet},
		{why: "at the end", at: LoginLife + Skew - time.Second},
		{why: "later", at: LoginLife + Skew, want: ErrExpired},
		{why: "for longer than a login is", change: func(l *Login) { l.ExpiresAt = now.Add(LoginLife + time.Second) }, want: ErrTooLong},
		{why: "ends before it begins", change: func(l *Login) { l.ExpiresAt = now.Add(-time.Second) }, want: ErrTooLong},
	} {
		login := good
		if step.change != nil {
			step.change(&login)
		}
		if err := login.Current(now.Add(step.at)); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.why, err, step.want)
		}
	}
	for why, other := range map[string]Login{
		"role": {Checker, good.Host, good.Nonce, good.IssuedAt, good.ExpiresAt}, "host": {Edge, "play.example:8443", good.Nonce, good.IssuedAt, good.ExpiresAt},
		"nonce": {Edge, good.Host, Nonce{2}, good.IssuedAt, good.ExpiresAt}, "issue": {Edge, good.Host, good.Nonce, now.Add(time.Second), good.ExpiresAt},
		"expiry": {Edge, good.Host, good.Nonce, good.IssuedAt, now},
	} {
		if other.Digest() == good.Digest() {
			t.Errorf("another %s is signed alike", why)
		}
	}
}

func TestAnEndorsementEnds(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	e := Endorsement{Edge: Address{1}, ExpiresAt: now}
	if err := e.Current(now.Add(Skew - time.Second)); err != nil {
		t.Error(err)
	}
	if err := e.Current(now.Add(Skew)); !errors.Is(err, ErrExpired) {
		t.Error(err)
	}
}

func FuzzRecover(f *testing.F) {
	key := newKey(f)
	s, err := key.Sign(Digest{1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s[:])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) != len(s) {
			return
		}
		other := Signature(raw)
		if a, err := Recover(Digest{1}, other); err == nil && a == key.Address() && other != s {
			t.Errorf("%v is a second form of a signature", other)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")
	f.Add(Signature{1}.String())
	f.Add(Nonce{1}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := ParseAddress(text); err == nil && a.String() != text {
			t.Errorf("%q is read as %s", text, a)
		}
		if s, err := ParseSignature(text); err == nil && s.String() != text {
			t.Errorf("%q is read as %s", text, s)
		}
		if n, err := ParseNonce(text); err == nil && n.String() != text {
			t.Errorf("%q is read as %s", text, n)
		}
	})
}

func TestAnEndorsementIsItsRootsOfOneEdge(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	root, edge := newKey(t), newKey(t).Address()
	made, err := Endorse(root, Endorsement{Edge: edge, ExpiresAt: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseEndorsed(string(text))
	if err != nil || back.Digest() != made.Digest() || back.Signature != made.Signature {
		t.Fatal(back, err)
	}
	if err := back.Check(root.Address(), edge, now); err != nil {
		t.Error(err)
	}
	longer := back
	longer.ExpiresAt = now.Add(2 * time.Hour)
	for why, err := range map[string]error{
		"another root": back.Check(newKey(t).Address(), edge, now), "another edge": back.Check(root.Address(), newKey(t).Address(), now),
		"later": back.Check(root.Address(), edge, now.Add(2*time.Hour)), "made longer": longer.Check(root.Address(), edge, now), "no root": back.Check(Address{}, edge, now),
	} {
		if err == nil {
			t.Errorf("%s: it is taken", why)
		}
	}
	parts := strings.Split(string(text), ".")
	for _, other := range []string{"", "..", parts[0], parts[0] + ".-1." + parts[2], parts[0] + ".01." + parts[2], parts[0] + ".x." + parts[2], string(text) + ".", string(text) + "0"} {
		if e, err := ParseEndorsed(other); err == nil {
			t.Errorf("%q is read as %v", other, e)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key := newKey(b)
	for b.Loop() {
		if _, err := key.Sign(Digest{1}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	key := newKey(b)
	s, err := key.Sign(Digest{1})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Verify(Digest{1}, s, key.Address()); err != nil {
			b.Fatal(err)
		}
	}
}
