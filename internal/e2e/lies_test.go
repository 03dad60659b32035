package e2e

import (
	"strings"
	"testing"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/streamer/control"
)

// TestSignalingThatLiesIsFoundOut runs real edges and real connections under a server that stands in the middle.
func TestSignalingThatLiesIsFoundOut(t *testing.T) {
	t.Parallel()
	honest := startSignaling(t) // for its keys alone
	m := newMiddle(t)
	network := &parts{signaling: &e2etest.Program{URL: m.url}, private: honest.private, public: honest.public}
	var edges []signaling.EdgeID
	for range 2 {
		flags, address := walletsEdge(t)
		network.edge(t, flags...)
		edges = append(edges, signaling.EdgeID(address))
	}
	e2etest.Eventually(t, e2etest.Patience, "the edges are registered", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.edges) == len(edges)
	})
	pinned := []string{"--edges", string(edges[0])}
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	held := append([]string{"--holder", key.Address().String()}, pinned...)

	ownKey := func(a *signaling.Answer, offered signaling.Offer) { // the server plays by a token that it has read
		b := identity.Binding{
			Session: string(a.Session), Epoch: offered.Edge.Epoch, Edge: m.address(offered.Edge.Address), Player: m.own.Address(),
			EdgePrint: m.print(offered.SDP), PlayerPrint: m.print(a.SDP),
		}
		a.Player = &signaling.PlayerKey{Address: m.own.Address().String(), Signature: m.signed(b)}
	}
	asEdge := func(b *signaling.Bound, shown signaling.Offer, answered signaling.Answer) { // the server is the edge, with a key of its own
		if answered.Player == nil {
			return
		}
		m.mu.Lock()
		session := signaling.SessionID("s-" + strings.Repeat("x", m.sessions))
		m.mu.Unlock()
		b.Signature = m.signed(identity.Binding{
			Session: string(session), Epoch: shown.Edge.Epoch, Edge: m.own.Address(), Player: m.address(answered.Player.Address),
			EdgePrint: m.print(shown.SDP), PlayerPrint: m.print(answered.SDP),
		})
	}
	for _, step := range []struct {
		why   string
		token []string
		lies  lies
		edge  int
		// What comes of it.
		plays, listened bool // the player plays; the server sees pictures and is told input
		watched         bool // it sees pictures, which the player does not
		byEdge          bool // the edge notices
	}{
		{why: "it relays what nobody signs", plays: true},
		{why: "it listens in where nobody signs", lies: lies{between: true}, listened: true},
		{why: "it relays", token: pinned, plays: true},
		{why: "it relays, and the key is the token's", token: held, plays: true},
		{why: "it stands between", token: pinned, lies: lies{between: true}, byEdge: true},
		{why: "it stands between, and shows that it has a key for the edge's", token: pinned, lies: lies{
			between: true, offer: func(o *signaling.Offer) { o.Edge.Address = m.own.Address().String() }, bound: asEdge,
		}},
		{why: "it stands between, signs in place of the edge and says to be the edge", token: pinned, lies: lies{between: true, bound: asEdge}},
		{why: "it stands between, and plays by the token with a key of its own", token: pinned, lies: lies{between: true, answer: ownKey}},
		{why: "the same, and the player is told nothing", token: pinned, lies: lies{between: true, withhold: true, answer: ownKey}, watched: true},
		{why: "the same, and the key is the token's", token: held, lies: lies{between: true, answer: ownKey}, byEdge: true},
		{why: "it says that nobody signs", token: pinned, lies: lies{between: true,
			offer: func(o *signaling.Offer) { o.Edge = nil }, answer: func(a *signaling.Answer, _ signaling.Offer) { a.Player = nil },
		}},
		{why: "it says to the edge alone that nobody signs", token: pinned, lies: lies{between: true, answer: func(a *signaling.Answer, _ signaling.Offer) { a.Player = nil }}, byEdge: true},
		{why: "it sends the player to another edge", token: pinned, edge: 1, byEdge: true},
		{why: "it changes a certificate on its way", token: pinned, lies: lies{answer: func(a *signaling.Answer, o signaling.Offer) {
			a.SDP = strings.ReplaceAll(a.SDP, fingerprintLine(a.SDP), fingerprintLine(o.SDP))
		}}, byEdge: true},
	} {
		t.Run(step.why, func(t *testing.T) {
			m.mu.Lock()
			m.lies, m.edge, m.frames, m.inputs, m.ended = step.lies, edges[step.edge], 0, 0, nil
			m.mu.Unlock()
			raw := network.tokenWith(t, step.token...)
			player := network.signaling.Play(t, e2etest.Request{Token: raw, Key: key})
			switch {
			case step.plays:
				player.Plays(t, 2)
			case step.listened:
				player.Open(t)
				player.Send(t, &control.Key{Seq: 1, Code: 30, Down: true})
				e2etest.Eventually(t, e2etest.Patience, "the server sees pictures and is told input", func() bool {
					frames, inputs, _ := m.seen()
					return frames > 0 && inputs > 0
				})
			case step.byEdge:
				e2etest.Eventually(t, e2etest.Patience, "the edge ends the session", func() bool {
					_, _, ended := m.seen()
					return ended != nil
				})
				if _, _, ended := m.seen(); ended.Code != signaling.CodeUnproven {
					t.Errorf("the edge says %v", ended)
				}
			case !step.watched:
				player.Unproven(t)
			default:
				e2etest.Eventually(t, e2etest.Patience, "the server plays by the token that it has read", func() bool {
					frames, _, _ := m.seen()
					return frames > 0
				})
			}
			player.Leave()
			frames, inputs, _ := m.seen()
			if !step.listened && inputs > 0 || !step.listened && !step.watched && frames > 0 {
				t.Errorf("the server has seen %d pictures and %d pieces of input", frames, inputs)
			}
			if shown := len(player.Frames()); !step.plays && shown > 0 {
				t.Errorf("the player has seen %d pictures", shown)
			}
		})
	}
}

// fingerprintLine is what a description names its certificate by.
func fingerprintLine(sdp string) string {
	for line := range strings.Lines(sdp) {
		if strings.HasPrefix(line, "a=fingerprint:") {
			return strings.TrimSpace(line)
		}
	}
	return "a=fingerprint:"
}
