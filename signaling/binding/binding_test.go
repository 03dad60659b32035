package binding

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
	"nearlight/signaling/token"
)

var noon = time.Unix(1_893_456_000, 0)

func atNoon() time.Time { return noon }

// keyOf is a key that is the same each time.
func keyOf(t testing.TB, n byte) *identity.Key {
	t.Helper()
	key, err := identity.KeyFromSecret(append(make([]byte, 31), n))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// described is a description with a certificate of its own.
func described(n byte) string {
	pairs := make([]string, 32)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("%02X", n)
	}
	return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 " + strings.Join(pairs, ":") + "\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
}

type description struct {
	Why   string `json:"why"`
	SDP   string `json:"sdp"`
	Print string `json:"print"` // "" where it is refused
}

func descriptions(t testing.TB) (all []description) {
	t.Helper()
	text, err := os.ReadFile("testdata/descriptions.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil || len(all) < 15 {
		t.Fatal(len(all), err)
	}
	return all
}

func TestADescriptionNamesOneCertificate(t *testing.T) {
	for _, d := range descriptions(t) {
		print, err := Print(d.SDP)
		if d.Print == "" {
			if !errors.Is(err, ErrDescription) {
				t.Errorf("%s: %x, %v", d.Why, print, err)
			}
			continue
		}
		if got := hex.EncodeToString(print[:]); err != nil || got != d.Print {
			t.Errorf("%s: %s, %v; want %s", d.Why, got, err, d.Print)
		}
	}
}

// studio signs tokens.
type studio struct {
	t      testing.TB
	issuer *token.Issuer
}

func newStudio(t testing.TB) studio {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	return studio{t, issuer}
}

// token is one with these claims, and what an edge reads in it.
func (s studio) token(claims token.Claims) (string, token.Claims) {
	s.t.Helper()
	claims.Role, claims.Rights, claims.Expires = token.Player, []token.Right{token.Play}, noon.Add(time.Hour)
	raw, err := s.issuer.Issue(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	read, err := token.NewVerifier(s.issuer.Keys(), token.Scope{}, atNoon).Verify(raw, token.Player)
	if err != nil {
		s.t.Fatal(err)
	}
	return raw, read
}

// exchange is what passes between an edge and a player, each step open to who relays it.
type exchange struct {
	session func(signaling.SessionID) signaling.SessionID
	offer   func(*signaling.Offer)
	answer  func(*signaling.Answer)
	bound   func(*signaling.Bound)
}

// run is an honest edge and an honest player, with whoever relays between them. It says which of the two noticed.
func (x exchange) run(edge *Edge, player *Player) (byEdge, byPlayer error) {
	offer := signaling.Offer{Session: "s-1", SDP: described(0xed)}
	if err := edge.Offer(&offer); err != nil {
		return err, nil
	}
	session := signaling.SessionID("s-1")
	if x.session != nil {
		session = x.session(session)
	}
	if x.offer != nil {
		x.offer(&offer)
	}
	if err := player.Offered(session, offer); err != nil {
		return nil, err
	}
	answer := signaling.Answer{Session: "s-1", SDP: described(0x91)}
	var err error
	if answer.Player, err = player.Answer(answer.SDP); err != nil {
		return nil, err
	}
	if x.answer != nil {
		x.answer(&answer)
	}
	bound, err := edge.Answer(answer)
	if err != nil {
		byEdge = err
		bound = &signaling.Bound{}
	}
	if bound == nil {
		return byEdge, nil
	}
	if x.bound != nil {
		x.bound(bound)
	}
	return byEdge, player.Bound(*bound)
}

// sign is what a thief signs with his own key.
func sign(t testing.TB, by *identity.Key, b identity.Binding) string {
	t.Helper()
	s, err := by.Sign(b.Digest())
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func TestWhoeverRelaysIsNoticed(t *testing.T) {
	edge, player, thief := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	raw, claims := newStudio(t).token(token.Claims{Edges: []identity.Address{edge.Address()}})
	honest := identity.Binding{Session: "s-1", Epoch: 7, Edge: edge.Address(), Player: player.Address()}
	var err error
	if honest.EdgePrint, err = Print(described(0xed)); err != nil {
		t.Fatal(err)
	}
	if honest.PlayerPrint, err = Print(described(0x91)); err != nil {
		t.Fatal(err)
	}
	middle, err := Print(described(0x66))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		why              string
		x                exchange
		byEdge, byPlayer bool
		proven           bool
	}{
		{why: "he relays", proven: true},
		{why: "his certificate in the offer", x: exchange{offer: func(m *signaling.Offer) { m.SDP = described(0x66) }}, byEdge: true, byPlayer: true},
		{why: "his certificate in the answer", x: exchange{answer: func(m *signaling.Answer) { m.SDP = described(0x66) }}, byEdge: true, byPlayer: true},
		{why: "in both", x: exchange{
			offer: func(m *signaling.Offer) { m.SDP = described(0x66) }, answer: func(m *signaling.Answer) { m.SDP = described(0x66) },
		}, byEdge: true, byPlayer: true},
		{why: "in both, and his key for the player's", x: exchange{
			offer: func(m *signaling.Offer) { m.SDP = described(0x66) },
			answer: func(m *signaling.Answer) {
				own := honest
				own.Player, own.PlayerPrint = thief.Address(), middle
				m.SDP, m.Player = described(0x66), &signaling.PlayerKey{Address: thief.Address().String(), Signature: sign(t, thief, own)}
			},
		}, byPlayer: true},
		{why: "his key for the edge's", x: exchange{offer: func(m *signaling.Offer) { m.Edge.Address = thief.Address().String() }}, byPlayer: true},
		{why: "his key for the edge's at the end", x: exchange{bound: func(m *signaling.Bound) { m.Signature = sign(t, thief, honest) }}, byPlayer: true},
		{why: "the player's own signature for the edge's", x: exchange{bound: func(m *signaling.Bound) { m.Signature = sign(t, player, honest) }}, byPlayer: true},
		{why: "another session", x: exchange{session: func(signaling.SessionID) signaling.SessionID { return "s-2" }}, byEdge: true, byPlayer: true},
		{why: "another epoch", x: exchange{offer: func(m *signaling.Offer) { m.Edge.Epoch++ }}, byEdge: true, byPlayer: true},
		{why: "no word of a key in the offer", x: exchange{offer: func(m *signaling.Offer) { m.Edge = nil }}, byPlayer: true},
		{why: "no signature in the answer", x: exchange{answer: func(m *signaling.Answer) { m.Player = nil }}, byEdge: true, byPlayer: true},
		{why: "the edge's key for the player's", x: exchange{answer: func(m *signaling.Answer) { m.Player.Address = edge.Address().String() }}, byEdge: true, byPlayer: true},
		{why: "an address that is none", x: exchange{answer: func(m *signaling.Answer) { m.Player.Address = strings.ToLower(m.Player.Address) }}, byEdge: true, byPlayer: true},
		{why: "no signature at the end", x: exchange{bound: func(m *signaling.Bound) { m.Signature = identity.Signature{}.String() }}, byPlayer: true},
		{why: "a second certificate beside the first", x: exchange{offer: func(m *signaling.Offer) { m.SDP += described(0x66) }}, byPlayer: true},
		{why: "a certificate by another hash", x: exchange{answer: func(m *signaling.Answer) { m.SDP = strings.ReplaceAll(m.SDP, "sha-256", "sha-1") }}, byEdge: true, byPlayer: true},
	} {
		t.Run(step.why, func(t *testing.T) {
			e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
			if err != nil {
				t.Fatal(err)
			}
			p, err := NewPlayer(raw, player, atNoon)
			if err != nil {
				t.Fatal(err)
			}
			byEdge, byPlayer := step.x.run(e, p)
			if (byEdge != nil) != step.byEdge || (byPlayer != nil) != step.byPlayer || p.Proven() != step.proven {
				t.Errorf("the edge says %v, the player %v, proven %v", byEdge, byPlayer, p.Proven())
			}
			for _, err := range []error{byEdge, byPlayer} {
				if err != nil && !errors.Is(err, &signaling.Error{Code: signaling.CodeUnproven}) {
					t.Errorf("%v is not told as %s", err, signaling.CodeUnproven)
				}
			}
			if step.byEdge && !e.Player().IsZero() {
				t.Error("the edge remembers a key that signed nothing")
			}
		})
	}
}

func TestAnEdgeServesTokensThatTrustItAlone(t *testing.T) {
	edge, root := keyOf(t, 1), keyOf(t, 4)
	endorsed, err := identity.Endorse(root, identity.Endorsement{Edge: edge.Address(), ExpiresAt: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s := newStudio(t)
	for _, step := range []struct {
		why      string
		claims   token.Claims
		key      identity.Signer
		endorsed *identity.Endorsed
		want     bool
	}{
		{"no demands", token.Claims{}, edge, nil, true},
		{"it is named", token.Claims{Edges: []identity.Address{edge.Address()}}, edge, nil, true},
		{"another is named", token.Claims{Edges: []identity.Address{root.Address()}}, edge, nil, false},
		{"its root", token.Claims{Root: root.Address()}, edge, &endorsed, true},
		{"its root, which endorsed nothing", token.Claims{Root: root.Address()}, edge, nil, false},
		{"another root", token.Claims{Root: edge.Address()}, edge, &endorsed, false},
		{"a holder", token.Claims{Holder: root.Address()}, edge, nil, true},
	} {
		_, claims := s.token(step.claims)
		if _, err := NewEdge(step.key, step.endorsed, "s-1", 0, claims, noon); (err == nil) != step.want {
			t.Errorf("%s: %v", step.why, err)
		}
	}
}

func TestASessionIsTheKeysThatSignedFirst(t *testing.T) {
	edge, player, thief := keyOf(t, 1), keyOf(t, 2), keyOf(t, 3)
	s := newStudio(t)
	trusting := token.Claims{Edges: []identity.Address{edge.Address()}}
	holding := trusting
	holding.Holder = player.Address()
	for _, step := range []struct {
		why    string
		claims token.Claims
		keys   []*identity.Key
		want   []bool
	}{
		{"the same key again", trusting, []*identity.Key{player, player}, []bool{true, true}},
		{"another key", trusting, []*identity.Key{player, thief, player}, []bool{true, false, true}},
		{"not the token's key", holding, []*identity.Key{thief, player}, []bool{false, true}},
	} {
		raw, claims := s.token(step.claims)
		e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range step.keys {
			p, err := NewPlayer(raw, key, atNoon)
			if err != nil {
				t.Fatal(err)
			}
			if byEdge, _ := (exchange{}).run(e, p); (byEdge == nil) != step.want[i] {
				t.Errorf("%s, %d: %v", step.why, i, byEdge)
			}
		}
	}
}

func TestNewWaysLeadToTheSameMachine(t *testing.T) {
	edge, other, player := keyOf(t, 1), keyOf(t, 5), keyOf(t, 2)
	raw, claims := newStudio(t).token(token.Claims{Edges: []identity.Address{edge.Address(), other.Address()}})
	for _, step := range []struct {
		why    string
		change func(*signaling.Offer)
		want   bool
	}{
		{"the same", func(*signaling.Offer) {}, true},
		{"another certificate", func(m *signaling.Offer) { m.SDP = described(0x66) }, false},
		{"another machine that is trusted too", func(m *signaling.Offer) { m.Edge.Address = other.Address().String() }, false},
		{"no machine", func(m *signaling.Offer) { m.Edge = nil }, false},
	} {
		e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlayer(raw, player, atNoon)
		if err != nil {
			t.Fatal(err)
		}
		if byEdge, byPlayer := (exchange{}).run(e, p); byEdge != nil || byPlayer != nil {
			t.Fatal(byEdge, byPlayer)
		}
		again := signaling.Offer{SDP: described(0xed), Restart: true}
		if err := e.Offer(&again); err != nil {
			t.Fatal(err)
		}
		step.change(&again)
		if err := p.Offered("s-1", again); (err == nil) != step.want {
			t.Errorf("%s: %v", step.why, err)
		}
		if step.want && !p.Proven() {
			t.Errorf("%s: what was proven is not any more", step.why)
		}
	}
	p, err := NewPlayer(raw, player, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Bound(signaling.Bound{Signature: sign(t, edge, identity.Binding{})}); err == nil || p.Proven() {
		t.Error("a signature of nothing proves something")
	}
}

func TestWithoutADemandNothingIsSigned(t *testing.T) {
	edge, player := keyOf(t, 1), keyOf(t, 2)
	raw, claims := newStudio(t).token(token.Claims{})
	e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlayer(raw, player, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	if byEdge, byPlayer := (exchange{}).run(e, p); byEdge != nil || byPlayer != nil || !p.Proven() || !e.Player().IsZero() {
		t.Error(byEdge, byPlayer)
	}
}

func TestALeaseThatAPlayerIsToldOfHasToBeTheEdgesAndTheSessions(t *testing.T) {
	edge, other, player := keyOf(t, 1), keyOf(t, 5), keyOf(t, 2)
	raw, claims := newStudio(t).token(token.Claims{ID: "j", Edges: []identity.Address{edge.Address(), other.Address()}, Holder: player.Address()})
	good := signaling.Lease{Slot: 1, Epoch: 7, Session: "s-1", Token: signaling.TokenID("j"), Player: player.Address().String(), ExpiresAt: noon.Unix()}
	for _, step := range []struct {
		why    string
		by     identity.Signer
		change func(*signaling.Lease) // before it is signed
		later  func(*signaling.Lease)
		want   bool
	}{
		{why: "the edge's", by: edge, want: true},
		{why: "another edge's, which is trusted too", by: other},
		{why: "another edge's in this one's name", by: other, later: func(l *signaling.Lease) { l.Edge = signaling.EdgeID(edge.Address().String()) }},
		{why: "changed", by: edge, later: func(l *signaling.Lease) { l.Slot++ }},
		{why: "without a signature", by: edge, later: func(l *signaling.Lease) { l.Signature = "" }},
		{why: "of an epoch before", by: edge, change: func(l *signaling.Lease) { l.Epoch-- }},
		{why: "another session's", by: edge, change: func(l *signaling.Lease) { l.Session = "s-2" }},
		{why: "another token's", by: edge, change: func(l *signaling.Lease) { l.Token = "other" }},
		{why: "another player's", by: edge, change: func(l *signaling.Lease) { l.Player = other.Address().String() }},
		{why: "nobody's", by: edge, change: func(l *signaling.Lease) { l.Player = "" }},
	} {
		l := good
		if step.change != nil {
			step.change(&l)
		}
		l, err := lease.Sign(step.by, l)
		if err != nil {
			t.Fatal(err)
		}
		if step.later != nil {
			step.later(&l)
		}
		e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
		if err != nil {
			t.Fatal(err)
		}
		p, err := NewPlayer(raw, player, atNoon)
		if err != nil {
			t.Fatal(err)
		}
		p.Matched(signaling.Matched{Lease: &l})
		byEdge, byPlayer := (exchange{}).run(e, p)
		if byEdge != nil || (byPlayer == nil) != step.want || p.Proven() != step.want {
			t.Errorf("%s: %v, %v", step.why, byEdge, byPlayer)
		}
		if byPlayer != nil && !errors.Is(byPlayer, &signaling.Error{Code: signaling.CodeUnproven}) {
			t.Errorf("%s: %v", step.why, byPlayer)
		}
	}
}

func FuzzPrint(f *testing.F) {
	for _, d := range descriptions(f) {
		f.Add(d.SDP)
	}
	f.Fuzz(func(t *testing.T, sdp string) {
		print, err := Print(sdp)
		if err != nil {
			return
		}
		// What another reader may take for a fingerprint has to be this one.
		if strings.Count(strings.ToLower(sdp), "fingerprint") != strings.Count(sdp, attribute) {
			t.Errorf("%q has the print %x", sdp, print)
		}
	})
}
