package binding

import (
	"errors"
	"testing"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

func TestWhoExpectsAnEdgeKnowsItByItsOfferAndSaysNothing(t *testing.T) {
	edge, thief := keyOf(t, 1), keyOf(t, 3)
	raw, claims := newStudio(t).token(token.Claims{})
	signedBy := func(key *identity.Key, session string, epoch uint64, sdp string) string {
		print, err := Print(sdp)
		if err != nil {
			t.Fatal(err)
		}
		return sign(t, key, identity.Binding{Session: session, Epoch: epoch, Edge: edge.Address(), EdgePrint: print})
	}
	for _, step := range []struct {
		why   string
		offer func(*signaling.Offer)
		good  bool
	}{
		{why: "the edge's own", offer: func(*signaling.Offer) {}, good: true},
		{why: "another certificate", offer: func(m *signaling.Offer) { m.SDP = described(0x66) }},
		{why: "another certificate, signed by another key", offer: func(m *signaling.Offer) {
			m.SDP = described(0x66)
			m.Edge.Signature = signedBy(thief, "s-1", 7, m.SDP)
		}},
		{why: "another edge's", offer: func(m *signaling.Offer) {
			m.Edge.Address = thief.Address().String()
			m.Edge.Signature = signedBy(thief, "s-1", 7, m.SDP)
		}},
		{why: "of another session", offer: func(m *signaling.Offer) { m.Edge.Signature = signedBy(edge, "s-2", 7, m.SDP) }},
		{why: "of another epoch", offer: func(m *signaling.Offer) { m.Edge.Epoch++ }},
		{why: "without a signature", offer: func(m *signaling.Offer) { m.Edge.Signature = "" }},
		{why: "without a word of who it is", offer: func(m *signaling.Offer) { m.Edge = nil }},
	} {
		t.Run(step.why, func(t *testing.T) {
			e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
			if err != nil {
				t.Fatal(err)
			}
			p, err := NewPlayer(raw, keyOf(t, 2), atNoon)
			if err != nil {
				t.Fatal(err)
			}
			p.Expect(edge.Address())
			if p.Proven() || !p.Edge().IsZero() {
				t.Error("it is proven before anything came")
			}
			byEdge, byPlayer := exchange{offer: step.offer, answer: func(m *signaling.Answer) {
				if m.Player != nil {
					t.Errorf("the answer shows that an edge was expected: %+v", m.Player)
				}
			}}.run(e, p)
			if byEdge != nil || (byPlayer == nil) != step.good || byPlayer != nil && !errors.Is(byPlayer, &signaling.Error{Code: signaling.CodeUnproven}) {
				t.Errorf("the edge says %v, the player %v", byEdge, byPlayer)
			}
			if p.Proven() != step.good || (p.Edge() == edge.Address()) != step.good {
				t.Errorf("proven %v, by %v", p.Proven(), p.Edge())
			}
		})
	}
}

func TestAnOfferThatIsSignedIsNoSignatureOfAConnection(t *testing.T) {
	edge, player := keyOf(t, 1), keyOf(t, 2)
	raw, claims := newStudio(t).token(token.Claims{Edges: []identity.Address{edge.Address()}})
	e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlayer(raw, player, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	signed := ""
	_, byPlayer := exchange{
		offer: func(m *signaling.Offer) { signed = m.Edge.Signature },
		bound: func(m *signaling.Bound) { m.Signature = signed },
	}.run(e, p)
	if byPlayer == nil || p.Proven() {
		t.Errorf("the player takes it: %v", byPlayer)
	}
}

func TestALeaseOfAnotherSessionIsNotTheExpectedEdges(t *testing.T) {
	edge := keyOf(t, 1)
	raw, claims := newStudio(t).token(token.Claims{ID: "j"})
	e, err := NewEdge(edge, nil, "s-1", 7, claims, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlayer(raw, keyOf(t, 2), atNoon)
	if err != nil {
		t.Fatal(err)
	}
	p.Expect(edge.Address())
	p.Matched(signaling.Matched{Session: "s-1", Lease: &signaling.Lease{Session: "s-1", Epoch: 6, Token: signaling.TokenID("j")}})
	if _, byPlayer := (exchange{}).run(e, p); byPlayer == nil || p.Proven() {
		t.Errorf("the player takes it: %v", byPlayer)
	}
}
