package vrf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"filippo.io/edwards25519"
	"pgregory.net/rapid"
)

// vectors are those of RFC 9381 appendix B.3.
var vectors = []struct{ name, seed, public, input, proof, output string }{
	{
		"example 16", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
		"90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae",
	}, {
		"example 17", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
		"eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031",
	}, {
		"example 18", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
		"645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f",
	},
}

func octets(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheVectorsOfTheRFCHold(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			key := NewPrivateKey([SeedSize]byte(octets(t, v.seed)))
			if public := key.Public(); !bytes.Equal(public[:], octets(t, v.public)) {
				t.Errorf("public key %x", public)
			}
			proof, output := key.Prove(octets(t, v.input))
			if !bytes.Equal(proof[:], octets(t, v.proof)) {
				t.Errorf("proof %x", proof)
			}
			if !bytes.Equal(output[:], octets(t, v.output)) {
				t.Errorf("output %x", output)
			}
			shown, err := bothVerify(t, key.Public(), octets(t, v.input), proof)
			if err != nil || shown != output {
				t.Errorf("verified: %x, %v", shown, err)
			}
		})
	}
}

func TestAProofIsOfOneKeyAndOneInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := [SeedSize]byte(rapid.SliceOfN(rapid.Byte(), SeedSize, SeedSize).Draw(t, "seed"))
		input := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "input")
		key := NewPrivateKey(seed)
		proof, output := key.Prove(input)
		if shown, err := bothVerify(t, key.Public(), input, proof); err != nil || shown != output {
			t.Fatalf("an honest proof: %v", err)
		}
		bit := rapid.IntRange(0, 8*ProofSize-1).Draw(t, "bit")
		wrong := proof
		wrong[bit/8] ^= 1 << (bit % 8)
		if _, err := bothVerify(t, key.Public(), input, wrong); !errors.Is(err, ErrProof) {
			t.Fatalf("a proof with bit %d turned: %v", bit, err)
		}
		if _, err := bothVerify(t, key.Public(), append([]byte{1}, input...), proof); !errors.Is(err, ErrProof) {
			t.Fatalf("another input: %v", err)
		}
		seed[0] ^= 1
		if _, err := bothVerify(t, NewPrivateKey(seed).Public(), input, proof); !errors.Is(err, ErrProof) {
			t.Fatalf("another key: %v", err)
		}
	})
}

// Points of small order and second ways to write a point would let one key have many proofs, or one output for all inputs.
func TestKeysThatCouldCheatAreRefused(t *testing.T) {
	order8, err := new(edwards25519.Point).SetBytes(octets(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
	if err != nil {
		t.Fatal(err)
	}
	proof, _ := NewPrivateKey([SeedSize]byte{}).Prove(nil)
	for name, key := range map[string][]byte{
		"the identity":         edwards25519.NewIdentityPoint().Bytes(),
		"a point of order 8":   order8.Bytes(),
		"no point":             bytes.Repeat([]byte{0xff}, 32),
		"y of p + 1, not of 1": octets(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"the sign of x = 0":    octets(t, "0100000000000000000000000000000000000000000000000000000000000080"),
	} {
		if _, err := bothVerify(t, PublicKey(key), nil, proof); !errors.Is(err, ErrPublicKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Gamma may be off by a point of small order where c is a multiple of that: by RFC 9381 section 5.3, c times Gamma is taken away, not added the order
// less c times. Everybody has to take the same proofs, and the output is the key's only one all the same.
func TestAProofWithAPointOfSmallOrderIsTakenAsTheRFCSays(t *testing.T) {
	order8, err := new(edwards25519.Point).SetBytes(octets(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))
	if err != nil {
		t.Fatal(err)
	}
	key, input := NewPrivateKey([SeedSize]byte{9}), []byte("input")
	public := key.Public()
	_, right := key.Prove(input)
	h := hashToPoint(public, input)
	gamma := new(edwards25519.Point).ScalarMult(key.scalar, h)
	gamma.Add(gamma, order8)
	taken := 0
	for attempt := range byte(64) {
		nonce, err := edwards25519.NewScalar().SetUniformBytes(append(make([]byte, 63), attempt))
		if err != nil {
			t.Fatal(err)
		}
		c := hashPoints(public[:], h.Bytes(), gamma.Bytes(), new(edwards25519.Point).ScalarBaseMult(nonce).Bytes(), new(edwards25519.Point).ScalarMult(nonce, h).Bytes())
		proof := Proof(slices.Concat(gamma.Bytes(), c, edwards25519.NewScalar().MultiplyAdd(shortScalar(c), key.scalar, nonce).Bytes()))
		output, err := bothVerify(t, public, input, proof)
		if multiple := c[0]%8 == 0; multiple != (err == nil) {
			t.Errorf("c is a multiple of 8: %v, and the proof: %v", multiple, err)
		}
		if err == nil {
			taken++
			if output != right {
				t.Errorf("another output of the same key and input: %x", output)
			}
		}
	}
	if taken == 0 {
		t.Error("no c was a multiple of 8")
	}
}

func TestAProofHasOneForm(t *testing.T) {
	key := NewPrivateKey([SeedSize]byte{7})
	proof, _ := key.Prove([]byte("input"))
	// The same s, written as s + q.
	order := octets(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
	carry := 0
	for i, octet := range order {
		sum := int(proof[48+i]) + int(octet) + carry
		proof[48+i], carry = byte(sum), sum>>8
	}
	if _, err := bothVerify(t, key.Public(), []byte("input"), proof); !errors.Is(err, ErrProof) {
		t.Errorf("got %v", err)
	}
}

func TestPointsAreWrittenTogetherAsEachByItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		points := []*edwards25519.Point{edwards25519.NewIdentityPoint(), edwards25519.NewGeneratorPoint()}
		for _, seed := range rapid.SliceOfN(rapid.Uint64(), 0, 6).Draw(t, "points") {
			scalar, err := edwards25519.NewScalar().SetUniformBytes(binary.BigEndian.AppendUint64(make([]byte, 56), seed))
			if err != nil {
				t.Fatal(err)
			}
			points = append(points, new(edwards25519.Point).ScalarBaseMult(scalar), new(edwards25519.Point).Negate(points[len(points)-1]))
		}
		for i, written := range encodePoints(points...) {
			if !bytes.Equal(written[:], points[i].Bytes()) {
				t.Fatalf("point %d is written %x, and is %x", i, written, points[i].Bytes())
			}
		}
	})
}

func TestAPointHasOneForm(t *testing.T) {
	least := octets(t, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f") // p, which is another way to write 0
	rapid.Check(t, func(t *rapid.T) {
		encoded := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "encoded")
		if rapid.Bool().Draw(t, "beyond p") {
			copy(encoded, least)
			encoded[0] += rapid.ByteMax(18).Draw(t, "by")
		} else if rapid.Bool().Draw(t, "small") {
			clear(encoded[1:])
		}
		encoded[31] ^= rapid.SampledFrom([]byte{0, 0x80}).Draw(t, "sign")
		p, err := new(edwards25519.Point).SetBytes(encoded)
		want := err == nil && bytes.Equal(p.Bytes(), encoded)
		if _, got := point(encoded); got != want {
			t.Fatalf("%x: taken: %v, want %v", encoded, got, want)
		}
	})
}

func FuzzVerify(f *testing.F) {
	key := NewPrivateKey([SeedSize]byte{1})
	proof, _ := key.Prove([]byte("input"))
	public := key.Public()
	f.Add(public[:], []byte("input"), proof[:])
	f.Fuzz(func(t *testing.T, public, input, proof []byte) {
		if len(public) != PublicKeySize || len(proof) != ProofSize {
			return
		}
		if _, err := bothVerify(t, PublicKey(public), input, Proof(proof)); err == nil && PublicKey(public) == key.Public() && string(input) != "input" {
			t.Errorf("a proof for another input was found: %x", proof)
		}
	})
}

func BenchmarkProve(b *testing.B) {
	key := NewPrivateKey([SeedSize]byte{1})
	for b.Loop() {
		key.Prove([]byte("the beacon and the task"))
	}
}

func BenchmarkVerify(b *testing.B) {
	key := NewPrivateKey([SeedSize]byte{1})
	proof, _ := key.Prove([]byte("the beacon and the task"))
	for b.Loop() {
		if _, err := Verify(key.Public(), []byte("the beacon and the task"), proof); err != nil {
			b.Fatal(err)
		}
	}
}
