package server

import (
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
)

// changed signs what a lease becomes by a change.
func changed(change func(*signaling.Lease)) func(*rig, signaling.Lease) (signaling.Lease, error) {
	return func(m *rig, l signaling.Lease) (signaling.Lease, error) {
		change(&l)
		return lease.Sign(m.Key(), l)
	}
}

func TestALeaseThatIsNotWhatWasAskedForIsNotTakenAndTheSlotIsGivenBack(t *testing.T) {
	other, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for why, make := range map[string]func(*rig, signaling.Lease) (signaling.Lease, error){
		"another session's":                         changed(func(l *signaling.Lease) { l.Session = "s-other" }),
		"another slot's":                            changed(func(l *signaling.Lease) { l.Slot++ }),
		"another token's":                           changed(func(l *signaling.Lease) { l.Token = "other" }),
		"for a player whom the token does not name": changed(func(l *signaling.Lease) { l.Player = other.Address().String() }),
		"one of before, once more":                  changed(func(l *signaling.Lease) { l.Session, l.Epoch = "s-before", 3 }),
		"of an epoch before":                        changed(func(l *signaling.Lease) { l.Epoch-- }),
		"of an epoch that is not next":              changed(func(l *signaling.Lease) { l.Epoch++ }),
		"another edge's":                            func(_ *rig, l signaling.Lease) (signaling.Lease, error) { return lease.Sign(other, l) },
		"signed by another edge in this one's name": func(m *rig, l signaling.Lease) (signaling.Lease, error) {
			l, err := lease.Sign(other, l)
			l.Edge = m.edge.id
			return l, err
		},
		"changed since it was signed": func(m *rig, l signaling.Lease) (signaling.Lease, error) {
			l, err := lease.Sign(m.Key(), l)
			l.ExpiresAt++
			return l, err
		},
	} {
		t.Run(why, func(t *testing.T) {
			inCity(t, 1, func(c *city) {
				m := c.rigOf(4)
				m.connect(c.nodes[0])
				m.mute = true
				g := c.gamer(c.nodes[0], "one", func(p *signaling.Play) { p.Wait = false })
				c.heard(g)
				s := g.player.session
				if s == nil || s.phase != leasing {
					t.Fatalf("%+v", s)
				}
				m.say(m.peer(), signaling.Offer{Session: s.id, SDP: "v=0"}) // nothing comes before the lease
				c.heard(g)
				signed, err := make(m, signaling.Lease{Slot: 0, Epoch: 5, Session: s.id, Token: s.owner, ExpiresAt: 2})
				if err != nil {
					t.Fatal(err)
				}
				m.say(m.peer(), signaling.Leased{Session: s.id, Lease: &signed})
				c.heard(g)
				if g.reason == nil || g.reason.Code != signaling.CodeEdgeRefused {
					t.Errorf("the player is told %v", g.reason)
				}
				c.same(kindsOf(m.recorder), "registered", "start", "stop")
				if free := m.edge.available(); free != 1 {
					t.Errorf("%d slots are free", free)
				}
			})
		})
	}
}

func TestAPlayerWhoseProposalWasOvertakenIsProposedElsewhereAndKnowsNothingOfIt(t *testing.T) {
	inCity(t, 1, func(c *city) {
		first := c.rig(1)
		first.connect(c.nodes[0])
		// What the node knows is old: the slot has gone to somebody whose lease another node proposed.
		other := signaling.Start{Session: "s-other", Lease: &signaling.Proposal{TTL: signaling.MaxLease.Milliseconds()}}
		if _, err := first.Lease(other, edgesim.Bearer{Token: "other"}); err != nil {
			t.Fatal(err)
		}
		g := c.gamer(c.nodes[0], "one", nil)
		c.heard(g, "queued")
		second := c.rig(1)
		second.connect(c.nodes[0])
		c.settle()
		if matched := c.plays(g); matched.Edge.ID != second.edge.id {
			t.Errorf("%+v", matched)
		}
	})
}

func TestAnEdgeTellsANodeThatWasRestartedWhatItRunsAndNothingOfOthers(t *testing.T) {
	inCity(t, 1, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[0])
		g := c.gamer(c.nodes[0], "one", nil)
		matched := c.plays(g)
		c.nodes[0].stop()
		n := c.add()
		const others = signaling.SessionID("s-AAAAAAAAAAAAAAAAAAAAAAAAAA-BBBBBBBBBBBBBBBB")
		m.extra = func(register *signaling.Register) {
			register.Running = append(register.Running, signaling.Running{Session: others, Token: signaling.TokenID("one"), Slot: 1, Epoch: 1})
		}
		again := c.gamer(n, "one", func(p *signaling.Play) { p.Resume = matched.Session }) // before its edge
		m.connect(n)
		if got := c.plays(again); got.Session != matched.Session || got.Lease != nil {
			t.Errorf("%+v", got)
		}
		c.same(kindsOf(m.recorder), "registered", "stop", "start", "answer")
		if n.sessions[others] != nil {
			t.Error("a session of another edge is taken over")
		}
	})
}

func TestASessionThatHasEndedIsNotTakenOverFromAnEdgeThatWasAway(t *testing.T) {
	inCity(t, 1, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		g := c.gamer(c.nodes[0], "one", nil)
		matched := c.plays(g)
		m.mute = true
		m.lost()
		g.node.leave(g.player)
		m.mute = false
		m.connect(c.nodes[0]) // it has not heard of that
		synctest.Wait()
		if c.nodes[0].sessions[matched.Session] != nil || len(m.Sessions()) != 0 {
			t.Errorf("%v is left at the edge", m.Sessions())
		}
	})
}

func TestASessionWhosePlayerNeverComesToTheNewNodeIsStopped(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.plays(c.gamer(c.nodes[0], "one", nil))
		c.kill(c.nodes[0])
		m.connect(c.nodes[1])
		time.Sleep(holdTime + time.Second)
		synctest.Wait()
		if len(m.Held()) != 0 {
			t.Error("the slot is still held")
		}
	})
}

func TestSessionsAreFoundByTheirEdge(t *testing.T) {
	for _, id := range []signaling.EdgeID{"0x52908400098527886E0F7030069857D2E4169EE7", "e-a-b"} {
		session := newSessionID(id)
		if of, ok := edgeOf(session); !ok || of != id || len(session) > 64 {
			t.Errorf("%s of %s is found at %s, %v", session, id, of, ok)
		}
	}
	for _, id := range []signaling.SessionID{"", "s-", "s-x", "x-1-2", "s--x"} {
		if of, ok := edgeOf(id); ok {
			t.Errorf("%q is of %s", id, of)
		}
	}
}
