package beacon

import (
	"errors"
	"math/big"
	"testing"
	"time"

	bls12381 "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fp"
	"pgregory.net/rapid"
)

// The master keys of EIP-2333's test cases 0 to 3: its hkdf_mod_r is the same function.
func TestKeysAreMadeOfSeedsAsTheDraftSays(t *testing.T) {
	for seed, want := range map[string]string{
		"c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04": "6083874454709270928345386274498605044986640685124978867557563392430687146096",
		"3141592653589793238462643383279502884197169399375105820974944592":                                                                 "29757020647961307431480504535336562678282505419141012933316116377660817309383",
		"0099FF991111002299DD7744EE3355BBDD8844115566CC55663355668888CC00":                                                                 "27580842291869792442942448775674722299803720648445448686099262467207037398656",
		"d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3":                                                                 "19022158461524446591288038168518313374041767046816487870552872741050760015818",
	} {
		key, err := newSecretKey(octets(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		if key.scalar.String() != want {
			t.Errorf("%.8s...: %v", seed, key.scalar)
		}
	}
}

func TestASignatureIsOfOneRoundAndOneKey(t *testing.T) {
	chain := Quicknet()
	r := publishedRound(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		bit := rapid.IntRange(0, 8*SignatureSize-1).Draw(t, "bit")
		wrong := r
		wrong.Signature[bit/8] ^= 1 << (bit % 8)
		if err := chain.Verify(wrong); !errors.Is(err, ErrSignature) {
			t.Fatalf("with bit %d turned: %v", bit, err)
		}
	})
	for _, number := range []uint64{0, r.Number - 1, r.Number + 1, MaxRound, MaxRound + 1, r.Number << 8} {
		if err := chain.Verify(Round{number, r.Signature}); !errors.Is(err, ErrSignature) {
			t.Errorf("as round %d: %v", number, err)
		}
	}
	if err := newLocal(t, 1).Chain().Verify(r); !errors.Is(err, ErrSignature) {
		t.Errorf("of another chain: %v", err)
	}
}

// A second way to write a signature would be a second value of its round.
func TestASignatureHasOneForm(t *testing.T) {
	local := newLocal(t, 3)
	limit := new(big.Int).Lsh(big.NewInt(1), 381) // beyond are the bits that say which form it is
	tried := 0
	for number := uint64(1); number <= 40; number++ {
		r, err := local.Round(number)
		if err != nil {
			t.Fatal(err)
		}
		flags := r.Signature[0] & 0xe0
		bare := r.Signature
		bare[0] &^= 0xe0
		beyond := new(big.Int).Add(new(big.Int).SetBytes(bare[:]), fp.Modulus())
		if beyond.Cmp(limit) >= 0 {
			continue // one in five has x + p below 2^381
		}
		tried++
		beyond.FillBytes(r.Signature[:])
		r.Signature[0] |= flags
		if err := local.Chain().Verify(r); !errors.Is(err, ErrSignature) {
			t.Errorf("round %d, with x + p for x: %v", number, err)
		}
	}
	if tried == 0 {
		t.Error("no signature has such a form")
	}
}

func TestPointsThatAreNotOfTheGroupsAreRefused(t *testing.T) {
	chain := Quicknet()
	zero := Round{Number: 1}
	zero.Signature[0] = 0xc0
	for name, signature := range map[string][SignatureSize]byte{
		"the zero": zero.Signature, "nothing": {}, "an uncompressed one": {0x17}, "a bad flag": {0xe0}, "a zero that is not zero": {0xc0, 1},
		"of the curve, not of the group": outsideG1(t),
	} {
		if err := chain.Verify(Round{1, signature}); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, key := range map[string][keySize]byte{
		"the zero": {0xc0}, "nothing": {}, "an uncompressed one": {0x13}, "a bad flag": {0xe0}, "of the curve, not of the group": outsideG2(t),
	} {
		if _, err := newPublicKey(key); err == nil {
			t.Errorf("the key is %s", name)
		}
	}
}

// outsideG1 is a point of the curve whose order is not the group's, as nearly all are.
func outsideG1(t *testing.T) [SignatureSize]byte {
	var four fp.Element
	four.SetUint64(4)
	for x := uint64(1); x < 100; x++ {
		var p bls12381.G1Affine
		var y2 fp.Element
		p.X.SetUint64(x)
		y2.Square(&p.X).Mul(&y2, &p.X).Add(&y2, &four)
		if p.Y.Sqrt(&y2) != nil && !p.IsInSubGroup() {
			return p.Bytes()
		}
	}
	t.Fatal("no point was found")
	return [SignatureSize]byte{}
}

// outsideG2 is the same of the twist: y^2 = x^3 + 4(1 + i).
func outsideG2(t *testing.T) [keySize]byte {
	for x := uint64(1); x < 100; x++ {
		var p bls12381.G2Affine
		y2, b := p.X, p.X
		p.X.A0.SetUint64(x)
		b.A0.SetUint64(4)
		b.A1.SetUint64(4)
		y2.Square(&p.X).Mul(&y2, &p.X).Add(&y2, &b)
		if y2.Legendre() != 1 {
			continue
		}
		p.Y.Sqrt(&y2)
		if p.IsOnCurve() && !p.IsInSubGroup() {
			return p.Bytes()
		}
	}
	t.Fatal("no point was found")
	return [keySize]byte{}
}

func newLocal(t testing.TB, seed byte) *Local {
	t.Helper()
	l, err := NewLocal(Origin{Seed: [32]byte{seed}, Genesis: time.Now().Truncate(time.Second).Add(-time.Hour), Period: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func BenchmarkVerify(b *testing.B) {
	chain, r := Quicknet(), publishedRound(b, 2)
	for b.Loop() {
		if err := chain.Verify(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	key, err := newSecretKey(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := key.sign(message(1000)); err != nil {
			b.Fatal(err)
		}
	}
}
