package vrf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"
)

// bothVerify verifies in both ways, which have to agree on everything: Verify computes with the library's points, and a Verifier with this package's.
func bothVerify(t interface {
	Helper()
	Fatalf(string, ...any)
}, key PublicKey, input []byte, proof Proof) (Output, error) {
	t.Helper()
	output, err := Verify(key, input, proof)
	v := NewVerifier()
	for range 2 { // with a new key, and with one that is known
		if again := v.Verify([]Claim{{key, input, proof}})[0]; again.Output != output || !errors.Is(again.Err, err) || (again.Err == nil) != (err == nil) {
			t.Fatalf("key %x, input %x, proof %x: a verifier finds %x, %v, and Verify %x, %v", key, input, proof, again.Output, again.Err, output, err)
		}
	}
	return output, err
}

// Whatever is wrong with one claim says nothing of those beside it.
func TestClaimsAreVerifiedEachForItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var claims []Claim
		for i, kind := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 12).Draw(t, "claims") {
			key := NewPrivateKey([SeedSize]byte{byte(i % 3)})
			claim := Claim{Key: key.Public(), Input: []byte{byte(i)}}
			claim.Proof, _ = key.Prove(claim.Input)
			switch kind {
			case 1:
				claim.Proof[rapid.IntRange(0, ProofSize-1).Draw(t, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case 2:
				claim.Input = []byte("another")
			case 3:
				claim.Key = PublicKey(edwards25519.NewIdentityPoint().Bytes())
			case 4:
				claim.Key = NewPrivateKey([SeedSize]byte{200}).Public()
			}
			claims = append(claims, claim)
		}
		for i, got := range NewVerifier().Verify(claims) {
			want, err := Verify(claims[i].Key, claims[i].Input, claims[i].Proof)
			if got.Output != want || !errors.Is(got.Err, err) || (err == nil) != (got.Err == nil) {
				t.Fatalf("claim %d: %x, %v; want %x, %v", i, got.Output, got.Err, want, err)
			}
		}
	})
}

// The curve's arithmetic is the library's, for all scalars and for points of any order.
func TestMultiplesAreTheLibrarys(t *testing.T) {
	order8, err := new(edwards25519.Point).SetBytes(octets(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
	if err != nil {
		t.Fatal(err)
	}
	edge := []byte{0, 1, 0x10, 0x7f, 0x80, 0xff}
	rapid.Check(t, func(t *rapid.T) {
		scalar := func(name string, size int) (octets [32]byte, s *edwards25519.Scalar) {
			one := rapid.OneOf(rapid.Byte(), rapid.SampledFrom(edge))
			copy(octets[:], rapid.SliceOfN(one, size, size).Draw(t, name))
			octets[31] &= 0x0f // below the order, or nearly
			s, err := edwards25519.NewScalar().SetCanonicalBytes(octets[:])
			if err != nil {
				t.Skip()
			}
			return octets, s
		}
		point := func(name string) *edwards25519.Point {
			n := rapid.Uint64().Draw(t, name)
			s, err := edwards25519.NewScalar().SetUniformBytes(binary.BigEndian.AppendUint64(make([]byte, 56), n))
			if err != nil {
				t.Fatal(err)
			}
			p := new(edwards25519.Point).ScalarBaseMult(s)
			for range rapid.IntRange(0, 7).Draw(t, name+" and of small order") {
				p.Add(p, order8)
			}
			return p
		}
		s, sScalar := scalar("s", 32)
		c, cScalar := scalar("c", 16)
		p, q := point("p"), point("q")
		q8 := new(edwards25519.Point).Negate(q)
		ofP, ofQ := extendedOf(p), extendedOf(q)

		got := encode([]projective{newComb(ofQ, 4).baseLess(s[:], c[:16]), less(s[:], &ofP, c[:16], &ofQ), ofP.doubled(3).projective})
		wants := []*edwards25519.Point{
			new(edwards25519.Point).VarTimeDoubleScalarBaseMult(cScalar, q8, sScalar),
			new(edwards25519.Point).VarTimeMultiScalarMult([]*edwards25519.Scalar{sScalar, cScalar}, []*edwards25519.Point{p, q8}),
			new(edwards25519.Point).MultByCofactor(p),
		}
		for i, want := range wants {
			if !bytes.Equal(got[i][:], want.Bytes()) {
				t.Fatalf("%d: %x, want %x", i, got[i], want.Bytes())
			}
		}
	})
}

func TestAVerifierForgetsKeysBeforeTheyAreTooMany(t *testing.T) {
	v := NewVerifier()
	for i := range mostKeys {
		v.keys[PublicKey{byte(i), byte(i >> 8), 2}] = nil
	}
	key := NewPrivateKey([SeedSize]byte{1})
	proof, output := key.Prove(nil)
	if got := v.Verify([]Claim{{Key: key.Public(), Proof: proof}})[0]; got.Err != nil || got.Output != output || len(v.keys) != 1 {
		t.Errorf("%v, and %d keys are kept", got.Err, len(v.keys))
	}
}

func BenchmarkVerifier(b *testing.B) {
	var claims []Claim
	for i := range 256 {
		key := NewPrivateKey([SeedSize]byte{byte(i % 100)})
		claim := Claim{Key: key.Public(), Input: []byte{byte(i)}}
		claim.Proof, _ = key.Prove(claim.Input)
		claims = append(claims, claim)
	}
	v := NewVerifier()
	for b.Loop() {
		if found := v.Verify(claims); found[0].Err != nil {
			b.Fatal(found[0].Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(claims)), "ns/proof")
}
