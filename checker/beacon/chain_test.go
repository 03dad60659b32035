package beacon

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// published are rounds of quicknet as https://api.drand.sh told them; round 42 as https://docs.drand.love/developer/http-api quotes it, without its randomness.
var published = []struct {
	round                 uint64
	seconds               int64
	signature, randomness string
}{
	{
		1, 1692803367, "b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df95571de8e8e402a0cc48871c7089a2b3af4b",
		"1466a6cd24e327188770752f6134001c64d6efcc590ccc26b721611ad96f165a",
	},
	{42, 1692803490, "95a9f9f5b231b7714de1553105d8ffdf3dcda24cfdb1e689319bccf79a9c8ce430a91b811fbfaf763900bc998b5d686a", ""},
	{
		1000, 1692806364, "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39",
		"fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd",
	},
	{
		8193, 1692827943, "8632896dc6436e5757a55efaa7b3eea5d1027dc6ac1a0dca90dcff21504117b8a525296fa25a86a5c8b972adf7bfa366",
		"4c0bf8e1e0091137dabdba0acdd89fddc3641deb037a4c6be948899ccfd300e5",
	},
	{
		10_000_000, 1722803364, "a187c9f5800521e986b5658924696682071ce7ae965486e8fd08bc2c4758bdbb9ed9ecb7beee392a38214e321ecd434f",
		"5e6508f1a1f689accfc8b027dec7eb999b20b4f66582b2621231cabf9601bf57",
	},
	{
		31_799_517, 1788201915, "b7a6d29a93f17085866bf67bed95be9c3b46fd74e7cab12bbf91340f27d99ecc83bc5d46ff4b2b4c6f28aa975bf69fcc",
		"1e3f931ad3c2321e8c572135aabc96e27ce6cf1e5a807f0b4aa073622b946ada",
	},
}

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func publishedRound(t testing.TB, i int) Round {
	return Round{Number: published[i].round, Signature: [SignatureSize]byte(octets(t, published[i].signature))}
}

func TestPublishedRoundsOfQuicknetVerify(t *testing.T) {
	chain := Quicknet()
	for i, p := range published {
		r := publishedRound(t, i)
		if err := chain.Verify(r); err != nil {
			t.Errorf("round %d: %v", p.round, err)
		}
		if value := r.Value(); p.randomness != "" && !bytes.Equal(value[:], octets(t, p.randomness)) {
			t.Errorf("round %d: value %x", p.round, value)
		}
		if at := chain.TimeOf(p.round); at.Unix() != p.seconds || chain.RoundAt(at) != p.round {
			t.Errorf("round %d comes at %d", p.round, at.Unix())
		}
		again, err := ParseRound(r.JSON())
		if err != nil || again != r {
			t.Errorf("round %d: told as %s, read as %v, %v", p.round, r.JSON(), again, err)
		}
	}
}

func TestAChainIsToldAsItIsRead(t *testing.T) {
	if told := string(Quicknet().Info()); told != quicknet {
		t.Errorf("got %s", told)
	}
	if hash, err := ParseHash("52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"); err != nil || Quicknet().Hash() != hash {
		t.Errorf("got %v, %v", Quicknet().Hash(), err)
	}
	// What drand's newer servers add is of no matter.
	if _, err := ParseInfo([]byte(strings.Replace(quicknet, `{"public_key"`, `{"genesis_seed":"00","public_key"`, 1))); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoChainIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		old, new string
		want     error
	}{
		"another key than its hash says":     {`"public_key":"83cf`, `"public_key":"a3cf`, ErrForm}, // the same point, negated
		"another period":                     {`"period":3`, `"period":4`, ErrForm},
		"another beginning":                  {`1692803367`, `1692803368`, ErrForm},
		"another group":                      {`f477`, `f478`, ErrForm},
		"another name":                       {`"quicknet"`, `"quickest"`, ErrForm},
		"a chained scheme":                   {Scheme, "pedersen-bls-chained", ErrScheme},
		"the scheme before RFC 9380":         {Scheme, "bls-unchained-on-g1", ErrScheme},
		"no scheme":                          {`"schemeID"`, `"scheme"`, ErrScheme},
		"no period":                          {`"period":3`, `"period":0`, ErrForm},
		"a period that goes back":            {`"period":3`, `"period":-3`, ErrForm},
		"a period of more than a day":        {`"period":3`, `"period":86401`, ErrForm},
		"a period of 2^32 s more":            {`"period":3`, `"period":4294967299`, ErrForm},
		"a period that is no whole number":   {`"period":3`, `"period":3.5`, ErrForm},
		"a beginning before 1970":            {`1692803367`, `-1`, ErrForm},
		"a beginning too far away":           {`1692803367`, `1099511627777`, ErrForm},
		"a key that is cut off":              {`ece45a"`, `ece4"`, ErrForm},
		"a key that is no point":             {`ece45a"`, `ece45b"`, ErrForm},
		"a key that is not in digits":        {`ece45a"`, `ece4zz"`, ErrForm},
		"a hash that is cut off":             {`e971"`, `e9"`, ErrForm},
		"a name that is too long":            {`"quicknet"`, `"` + strings.Repeat("q", 65) + `"`, ErrForm},
		"more than is read":                  {`{"public_key"`, `{"more":"` + strings.Repeat(" ", MaxAnswer) + `","public_key"`, ErrForm},
		"something behind it":                {`"}}`, `"}}{}`, ErrForm},
		"a page":                             {quicknet, "<html>", ErrForm},
		"nothing":                            {quicknet, "", ErrForm},
		"a list":                             {quicknet, "[]", ErrForm},
		"the zero, for which all are signed": {quicknetKey, zeroKey, ErrForm},
	} {
		text := strings.Replace(quicknet, test.old, test.new, 1)
		if text == quicknet {
			t.Fatalf("%s: nothing is changed", name)
		}
		if chain, err := ParseInfo([]byte(text)); !errors.Is(err, test.want) || chain != nil {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

const quicknetKey = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"

var zeroKey = "c0" + strings.Repeat("00", keySize-1)

func TestWhatIsNoRoundIsRefused(t *testing.T) {
	good := string(publishedRound(t, 0).JSON())
	for name, change := range map[string][2]string{
		"round 0":                      {`"round":1`, `"round":0`},
		"a round below 0":              {`"round":1`, `"round":-1`},
		"a round beyond 64 bits":       {`"round":1`, `"round":18446744073709551616`},
		"a round too far away":         {`"round":1`, `"round":1099511627777`},
		"a signature that is cut off":  {`af4b"`, `af"`},
		"a signature of G2":            {`af4b"`, `af4b` + strings.Repeat("00", SignatureSize) + `"`},
		"no digits":                    {`af4b"`, `af4g"`},
		"another signature's value":    {`"b55e`, `"b55f`},
		"no value":                     {`"randomness"`, `"random"`},
		"a value that is cut off":      {`165a"`, `16"`},
		"more than is read":            {`{"round"`, `{"more":"` + strings.Repeat(" ", MaxAnswer) + `","round"`},
		"an error":                     {good, `{"error":"not found"}`},
		"nothing":                      {good, ""},
		"a signature that is a number": {`"signature":"b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df95571de8e8e402a0cc48871c7089a2b3af4b"`, `"signature":1`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("%s: nothing is changed", name)
		}
		if r, err := ParseRound([]byte(text)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

func TestARoundIsOfAnInstantAndAnInstantOfARound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &Chain{genesis: rapid.Int64Range(0, maxGenesis).Draw(t, "genesis"), period: rapid.Int64Range(1, int64(MaxPeriod/time.Second)).Draw(t, "period")}
		round := rapid.Uint64Range(1, MaxRound).Draw(t, "round")
		at := c.TimeOf(round)
		if got := c.RoundAt(at); got != round {
			t.Fatalf("at the time of round %d it is %d", round, got)
		}
		if got := c.RoundAt(at.Add(-1)); got != round-1 {
			t.Fatalf("just before the time of round %d it is %d", round, got)
		}
		if got := c.RoundAt(at.Add(c.Period() - 1)); got != round {
			t.Fatalf("just before the time of round %d it is %d", round+1, got)
		}
		if round > 1 && at.Sub(c.TimeOf(round-1)) != c.Period() {
			t.Fatalf("round %d comes %v after the one before", round, at.Sub(c.TimeOf(round-1)))
		}
	})
}

func TestRoundsHaveABeginningAndAnEnd(t *testing.T) {
	for _, c := range []*Chain{Quicknet(), {genesis: maxGenesis, period: int64(MaxPeriod / time.Second)}, {period: 1}} {
		for _, before := range []time.Time{{}, time.Unix(math.MinInt64, 0), time.Unix(c.genesis, -1)} {
			if got := c.RoundAt(before); got != 0 {
				t.Errorf("at %v it is round %d", before, got)
			}
		}
		last := c.TimeOf(MaxRound)
		for _, late := range []time.Time{last, last.Add(2 * MaxPeriod), last.AddDate(1000, 0, 0)} {
			if got := c.RoundAt(late); got != MaxRound {
				t.Errorf("at %v it is round %d", late, got)
			}
		}
		if !c.TimeOf(0).Equal(c.TimeOf(1)) || !c.TimeOf(math.MaxUint64).Equal(last) || !c.TimeOf(MaxRound+1).Equal(last) {
			t.Error("a round that there is not has another time than the next that there is")
		}
	}
}
