package identity

import (
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"pgregory.net/rapid"
)

// keyOfNumber is a key that is the same each time.
func keyOfNumber(t testing.TB, number int) *Key {
	t.Helper()
	key, err := KeyFromSecret(binary.BigEndian.AppendUint64(make([]byte, SecretLength-8), uint64(number)+1))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// claimsOf are that many honest claims by the first of so many keys.
func claimsOf(t testing.TB, n, keys int) (claims []Claim) {
	t.Helper()
	for i := range n {
		c := Claim{Digest: Digest{1, byte(i), byte(i >> 8)}, By: keyOfNumber(t, i%keys).Address()}
		var err error
		if c.Signature, err = keyOfNumber(t, i%keys).Sign(c.Digest); err != nil {
			t.Fatal(err)
		}
		claims = append(claims, c)
	}
	return claims
}

// hold is whether each claim holds by itself.
func hold(claims []Claim) bool {
	for _, c := range claims {
		if Verify(c.Digest, c.Signature, c.By) != nil {
			return false
		}
	}
	return true
}

func TestClaimsHoldTogetherWhereEachDoes(t *testing.T) {
	for _, size := range []struct{ claims, keys int }{{0, 1}, {1, 1}, {2, 1}, {9, 4}, {700, 90}} { // the last in wider windows, where points are added affinely
		claims := claimsOf(t, size.claims, size.keys)
		v := NewVerifier()
		for range 2 { // with keys that are met, and with known ones
			if !v.Verify(claims) {
				t.Errorf("%d honest claims by %d keys do not hold", size.claims, size.keys)
			}
		}
		if twice := append(claims, claims...); !v.Verify(twice) {
			t.Errorf("%d honest claims by %d keys do not hold when each is there twice", size.claims, size.keys)
		}
	}
}

func TestOneWrongClaimIsSeenAmongMany(t *testing.T) {
	claims := claimsOf(t, 24, 5)
	known := NewVerifier()
	if !known.Verify(claims) {
		t.Fatal("honest claims do not hold")
	}
	order := crypto.S256().Params().N
	rapid.Check(t, func(t *rapid.T) {
		wrong := append([]Claim(nil), claims...)
		c := &wrong[rapid.IntRange(0, len(claims)-1).Draw(t, "claim")]
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0:
			bit := rapid.IntRange(0, 8*len(c.Signature)-1).Draw(t, "bit of the signature")
			c.Signature[bit/8] ^= 1 << (bit % 8)
		case 1:
			bit := rapid.IntRange(0, 8*len(c.Digest)-1).Draw(t, "bit of the digest")
			c.Digest[bit/8] ^= 1 << (bit % 8)
		case 2:
			c.By = claims[rapid.IntRange(0, len(claims)-1).Draw(t, "another's")].By
		case 3:
			c.By = Address{}
		case 4: // the other form of the same signature (EIP-2)
			s := new(big.Int).SetBytes(c.Signature[32:64])
			s.Sub(order, s).FillBytes(c.Signature[32:64])
			c.Signature[64] ^= firstV ^ (firstV + 1)
		case 5:
			clear(c.Signature[rapid.SampledFrom([]int{0, 32}).Draw(t, "from"):][:32])
		case 6:
			c.Signature = claims[rapid.IntRange(0, len(claims)-1).Draw(t, "another's")].Signature
		}
		want := hold(wrong)
		if got := known.Verify(wrong); got != want {
			t.Fatalf("with keys that are known: %v, want %v", got, want)
		}
		if got := NewVerifier().Verify(wrong); got != want {
			t.Fatalf("with keys that are not: %v, want %v", got, want)
		}
	})
}

// Equations that are off by what makes up for each other would hold in a sum without numbers of chance: with one signature's digest moved by s1 the
// sum is off by the generator, with another's moved by s2 the other way it is right again.
func TestForgedClaimsDoNotMakeUpForEachOther(t *testing.T) {
	claims := claimsOf(t, 12, 3)
	v := NewVerifier()
	if !v.Verify(claims) {
		t.Fatal("honest claims do not hold")
	}
	order := crypto.S256().Params().N
	move := func(c *Claim, times int64) {
		z, s := new(big.Int).SetBytes(c.Digest[:]), new(big.Int).SetBytes(c.Signature[32:64])
		z.Add(z, s.Mul(s, big.NewInt(times)))
		z.Mod(z, order).FillBytes(c.Digest[:])
	}
	move(&claims[5], 1)
	move(&claims[8], -1)
	if hold(claims) {
		t.Fatal("the forged claims hold each by itself")
	}
	for range 100 {
		if v.Verify(claims) {
			t.Fatal("two forged claims hold together")
		}
	}
}

func TestAVerifierForgetsKeysBeforeTheyAreTooMany(t *testing.T) {
	claims := claimsOf(t, 2, 1)
	v := NewVerifier()
	for i := range mostKeys {
		v.keys[Address{1, byte(i), byte(i >> 8)}] = v.keys[Address{}]
	}
	if !v.Verify(claims) || len(v.keys) != 1 {
		t.Errorf("%d keys are kept", len(v.keys))
	}
}

func FuzzVerifier(f *testing.F) {
	claims := claimsOf(f, 3, 1)
	f.Add(claims[1].Digest[:], claims[1].Signature[:])
	f.Fuzz(func(t *testing.T, digest, signature []byte) {
		if len(digest) != len(Digest{}) || len(signature) != len(Signature{}) {
			return
		}
		among := append([]Claim(nil), claims...)
		among[1].Digest, among[1].Signature = Digest(digest), Signature(signature)
		if got, want := NewVerifier().Verify(among), hold(among); got != want {
			t.Errorf("%v together, %v each by itself", got, want)
		}
	})
}

func BenchmarkVerifier(b *testing.B) {
	claims := claimsOf(b, 4096, 400)
	v := NewVerifier()
	for b.Loop() {
		if !v.Verify(claims) {
			b.Fatal("honest claims do not hold")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(claims)), "ns/signature")
}
