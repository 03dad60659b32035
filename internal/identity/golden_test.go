package identity

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

var update = flag.Bool("update", false, "write the golden file anew")

const goldenFile = "testdata/statements.json"

// golden is a statement, the key that signs it, and what comes of it. The page's tests read the same file.
type golden struct {
	Type      string         `json:"type"`
	Fields    map[string]any `json:"fields"` // numbers as decimal text
	Secret    string         `json:"secret"`
	Address   string         `json:"address"`
	Digest    string         `json:"digest"`
	Signature string         `json:"signature"`
}

func statements() map[string]struct {
	digest Digest
	fields map[string]any
} {
	at := time.Unix(1_893_456_000, 0)
	edge, player := Address{0xed, 19: 1}, Address{0x91, 19: 2}
	login := Login{Role: Edge, Host: "play.example:8443", Nonce: Nonce{0xab, 31: 0xcd}, IssuedAt: at, ExpiresAt: at.Add(LoginLife)}
	binding := Binding{
		Session: "s-ABCDEF", Epoch: 1<<53 - 1, Edge: edge, Player: player, EdgePrint: Fingerprint{1, 31: 2}, PlayerPrint: Fingerprint{3, 31: 4},
	}
	endorsement := Endorsement{Edge: edge, ExpiresAt: at}
	lease := Lease{Edge: edge, Slot: 3, Epoch: 17, Session: "s-ABCDEF", Player: player, Token: "jti-1", ExpiresAt: at}
	appeal, wish := Appeal{Task: [32]byte{11, 31: 12}, At: at}, Wish{Host: "play.example:8443", What: "drain", At: at}
	pass := Pass{Task: [32]byte{9, 31: 10}, At: at}
	commitment := Commitment{Task: [32]byte{5, 31: 6}, Commitment: [32]byte{7, 31: 8}}
	hexOf := func(b []byte) string { return "0x" + hex.EncodeToString(b) }
	seconds := func(t time.Time) string { return fmt.Sprint(t.Unix()) }
	return map[string]struct {
		digest Digest
		fields map[string]any
	}{
		"Login": {login.Digest(), map[string]any{
			"role": string(login.Role), "host": login.Host, "nonce": hexOf(login.Nonce[:]), "issuedAt": seconds(login.IssuedAt), "expiresAt": seconds(login.ExpiresAt),
		}},
		"Binding": {binding.Digest(), map[string]any{
			"session": binding.Session, "epoch": fmt.Sprint(binding.Epoch), "edge": edge.String(), "player": player.String(),
			"edgeFingerprint": hexOf(binding.EdgePrint[:]), "playerFingerprint": hexOf(binding.PlayerPrint[:]),
		}},
		"Endorsement": {endorsement.Digest(), map[string]any{"edge": edge.String(), "expiresAt": seconds(at)}},
		"Lease": {lease.Digest(), map[string]any{
			"edge": edge.String(), "slot": "3", "epoch": "17", "session": lease.Session, "player": player.String(), "token": lease.Token, "expiresAt": seconds(at),
		}},
		"Commitment": {commitment.Digest(), map[string]any{"task": hexOf(commitment.Task[:]), "commitment": hexOf(commitment.Commitment[:])}},
		"Pass":       {pass.Digest(), map[string]any{"task": hexOf(pass.Task[:]), "at": seconds(at)}},
		"Appeal":     {appeal.Digest(), map[string]any{"task": hexOf(appeal.Task[:]), "at": seconds(at)}},
		"Wish":       {wish.Digest(), map[string]any{"host": wish.Host, "what": wish.What, "at": seconds(at)}},
		"Report":     {Report(commitment).Digest(), map[string]any{"task": hexOf(commitment.Task[:]), "commitment": hexOf(commitment.Commitment[:])}},
	}
}

func goldens(t *testing.T) []golden {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestStatementsAreSignedAsTheGoldenFileHasThem(t *testing.T) {
	key, err := KeyFromSecret(append(make([]byte, 30), 0x2a, 0x17))
	if err != nil {
		t.Fatal(err)
	}
	var made []golden
	for _, kind := range []string{"Login", "Binding", "Endorsement", "Lease", "Commitment", "Report", "Pass", "Appeal", "Wish"} {
		of := statements()[kind]
		signature, err := key.Sign(of.digest)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, golden{
			Type: kind, Fields: of.fields, Secret: "0x" + hex.EncodeToString(key.Secret()), Address: key.Address().String(),
			Digest: fmt.Sprintf("0x%x", of.digest[:]), Signature: signature.String(),
		})
	}
	if *update {
		text, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenFile, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := goldens(t); !reflect.DeepEqual(got, made) {
		t.Errorf("%+v\nwant\n%+v", got, made)
	}
}

// TestStatementsAreHashedAsEIP712HasIt compares with another implementation, which reads a type from its parts.
func TestStatementsAreHashedAsEIP712HasIt(t *testing.T) {
	types := map[string]string{"Login": loginType, "Binding": bindingType, "Endorsement": endorsementType, "Lease": leaseType, "Commitment": commitmentType, "Report": reportType, "Pass": passType, "Appeal": appealType, "Wish": wishType}
	for _, g := range goldens(t) {
		_, list, _ := strings.Cut(strings.TrimSuffix(types[g.Type], ")"), "(")
		var fields []apitypes.Type
		for field := range strings.SplitSeq(list, ",") {
			kind, name, _ := strings.Cut(field, " ")
			fields = append(fields, apitypes.Type{Name: name, Type: kind})
			if strings.HasPrefix(kind, "uint") {
				number, ok := math.ParseBig256(g.Fields[name].(string))
				if !ok {
					t.Fatal(g.Fields[name])
				}
				g.Fields[name] = (*math.HexOrDecimal256)(number)
			}
		}
		hash, _, err := apitypes.TypedDataAndHash(apitypes.TypedData{
			Types: apitypes.Types{
				"EIP712Domain": {{Name: "name", Type: "string"}, {Name: "version", Type: "string"}}, g.Type: fields,
			},
			PrimaryType: g.Type, Domain: apitypes.TypedDataDomain{Name: domainName, Version: domainVersion}, Message: g.Fields,
		})
		if err != nil {
			t.Fatalf("%s: %v", g.Type, err)
		}
		if got := fmt.Sprintf("0x%x", hash); got != g.Digest {
			t.Errorf("%s: %s, want %s", g.Type, g.Digest, got)
		}
		signature, err := ParseSignature(g.Signature)
		if err != nil {
			t.Fatal(err)
		}
		if signer, err := Recover(Digest(hash), signature); err != nil || signer.String() != g.Address {
			t.Errorf("%s: signed by %v, %v", g.Type, signer, err)
		}
	}
}
