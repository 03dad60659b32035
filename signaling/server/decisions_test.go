package server

import (
	"fmt"
	"testing"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

func TestADecisionIsForgottenAWhileAfterItsSession(t *testing.T) {
	inCity(t, 2, func(c *city) {
		c.rigAt(c.nodes[0], berlin, nil)
		c.rigAt(c.nodes[1], berlin, nil)
		c.settle()
		n := c.nodes[0]
		var sessions []signaling.SessionID
		var players []*gamer
		for i := range 2 {
			g := c.traveller(n, fmt.Sprint(i), berlin, func(m *signaling.Play, _ *token.Claims) { m.Measures = false })
			players = append(players, g)
			sessions = append(sessions, c.plays(g).Session)
		}
		time.Sleep(time.Hour)
		known := func() (known int) {
			for _, session := range sessions {
				if _, ok := n.Explain(session); ok {
					known++
				}
			}
			return known
		}
		if known() != 2 {
			t.Error("a session that goes on is not explained")
		}
		for _, g := range players {
			n.leave(g.player)
		}
		time.Sleep(explainedFor - time.Second)
		if known() != 2 {
			t.Error("it is forgotten with its session")
		}
		time.Sleep(2 * time.Second)
		if known() != 0 || len(n.decisions.of) != 0 {
			t.Errorf("%d decisions are kept", len(n.decisions.of))
		}
	})
}

func TestDecisionsAreBounded(t *testing.T) {
	var d decisions
	now := time.Unix(1000, 0)
	name := func(i int) signaling.SessionID { return signaling.SessionID(fmt.Sprint(i)) }
	for i := range maxDecisions + 100 {
		d.add(name(i), &decision{}, now)
	}
	if len(d.of) != maxDecisions {
		t.Fatalf("%d are kept, want %d", len(d.of), maxDecisions)
	}
	d.end(name(1), now)
	d.end(name(2), now)
	d.goOn(name(2))
	d.add("new", &decision{}, now)
	if d.of["new"] == nil || d.of[name(1)] != nil || d.of[name(2)] == nil {
		t.Error("what is over does not make room, or what goes on does")
	}
	d.end(name(2), now.Add(time.Minute))
	d.forget(now.Add(time.Minute+explainedFor), explainedFor)
	if d.of[name(2)] != nil || len(d.over) != 0 {
		t.Error("what has ended twice is not forgotten")
	}
}
