package binding

import (
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

var update = flag.Bool("update", false, "write the golden file of an exchange anew")

// golden is an exchange that went well. The page's tests take the player's part in it.
type golden struct {
	Secret  string           `json:"secret"` // of the session's key
	Token   string           `json:"token"`
	Session string           `json:"session"`
	Lease   signaling.Lease  `json:"lease"`
	Offer   signaling.Offer  `json:"offer"`
	Answer  signaling.Answer `json:"answer"`
	Bound   signaling.Bound  `json:"bound"`
}

func TestAnExchangeGoesAsTheGoldenFileHasIt(t *testing.T) {
	edge, player, root := keyOf(t, 1), keyOf(t, 2), keyOf(t, 4)
	endorsed, err := identity.Endorse(root, identity.Endorsement{Edge: edge.Address(), ExpiresAt: noon.Add(100 * 365 * 24 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/exchanges.json"
	var before []golden
	if !*update {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &before); err != nil {
			t.Fatal(err)
		}
	}
	var made []golden
	for i, claims := range []token.Claims{
		{ID: "j", Edges: []identity.Address{edge.Address()}}, {ID: "j", Root: root.Address()}, {ID: "j", Holder: player.Address(), Edges: []identity.Address{edge.Address()}},
	} {
		raw, read := newStudio(t).token(claims)
		if !*update {
			raw = before[i].Token // another studio's key each time
		}
		e, err := NewEdge(edge, &endorsed, "s-1", 7, read, noon)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlayer(raw, player, atNoon)
		if err != nil {
			t.Fatal(err)
		}
		g := golden{Secret: "0x" + hex.EncodeToString(player.Secret()), Token: raw, Session: "s-1"}
		l := signaling.Lease{Slot: 3, Epoch: 7, Session: "s-1", Token: signaling.TokenID(claims.ID), ExpiresAt: noon.Unix()}
		if !claims.Holder.IsZero() {
			l.Player = claims.Holder.String()
		}
		if g.Lease, err = lease.Sign(edge, l); err != nil {
			t.Fatal(err)
		}
		p.Matched(signaling.Matched{Lease: &g.Lease})
		byEdge, byPlayer := exchange{
			offer: func(m *signaling.Offer) { g.Offer = *m }, answer: func(m *signaling.Answer) { g.Answer = *m }, bound: func(m *signaling.Bound) { g.Bound = *m },
		}.run(e, p)
		if byEdge != nil || byPlayer != nil {
			t.Fatal(byEdge, byPlayer)
		}
		made = append(made, g)
	}
	if *update {
		text, err := json.MarshalIndent(made, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !reflect.DeepEqual(made, before) {
		t.Errorf("%+v\nwant\n%+v", made, before)
	}
}
