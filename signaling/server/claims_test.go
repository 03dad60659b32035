package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/claim"
	"nearlight/signaling/token"
)

// once is a gamer whose token is good for one session.
func (c *city) once(n *nodeUnderTest, name string) *gamer {
	c.Helper()
	g := &gamer{recorder: &recorder{}, node: n, as: claimsOf(name)}
	g.as.Once, g.as.Expires = true, time.Now().Add(time.Hour)
	g.player = n.join(g.recorder, n.log)
	if err := n.play(g.player, signaling.Play{Token: name, App: "tux", Codecs: []string{"h264"}, Wait: true}, g.as); err != nil {
		g.recorder.end(err)
	}
	synctest.Wait()
	return g
}

// leave is what a page does that is closed by its user.
func (g *gamer) leave() {
	g.node.leave(g.player)
	g.node.part(g.player, 0)
}

// refused fails unless a player was sent away for a reason.
func (c *city) refused(g *gamer, code signaling.Code) {
	c.Helper()
	synctest.Wait()
	if !g.closed || g.reason == nil || g.reason.Code != code || g.reason.Hint == "" {
		c.Errorf("the player is told %v, want %s", g.reason, code)
	}
}

// held is how many leases the rigs hold by a token.
func held(rigs []*rig, name string) int {
	n := 0
	for _, m := range rigs {
		for _, h := range m.Held() {
			if h.Token == signaling.TokenID(name) {
				n++
			}
		}
	}
	return n
}

// nothingClaimed fails unless nothing is left of claims at any node.
func (c *city) nothingClaimed() {
	c.Helper()
	synctest.Wait()
	for i, n := range c.nodes {
		n.mu.Lock()
		if len(n.claimants) > 0 || len(n.book.Holds()) > 0 {
			c.Errorf("node %d: %d claim, %v hold", i, len(n.claimants), n.book.Holds())
		}
		n.mu.Unlock()
	}
}

func TestManyPlaysByOneTokenAtAllNodesGetOneLease(t *testing.T) {
	for _, disturbed := range []bool{false, true} {
		t.Run(fmt.Sprintf("disturbed %v", disturbed), func(t *testing.T) {
			inCity(t, 3, func(c *city) {
				var rigs []*rig
				for i := range 6 {
					m := c.rig(2)
					m.connect(c.nodes[i%3])
					rigs = append(rigs, m)
				}
				c.settle()
				random := rand.New(rand.NewPCG(7, 9))
				if disturbed {
					for _, n := range c.nodes {
						n.bus.Disturb(func(subject string, data []byte) int {
							if strings.Contains(string(data), `"claims"`) {
								return random.IntN(3) // lost, once, or twice
							}
							return 1
						})
					}
				}
				for round := range 20 {
					name := fmt.Sprint("token-", round)
					var all []*gamer
					for i := range 9 {
						n := c.nodes[i%3]
						g := &gamer{recorder: &recorder{}, node: n, as: claimsOf(name)}
						g.player = n.join(g.recorder, n.log)
						go func() { // at the same instant, in any order
							if err := n.play(g.player, signaling.Play{Token: name, App: "tux", Codecs: []string{"h264"}, Wait: true}, g.as); err != nil {
								g.recorder.end(err)
							}
						}()
						all = append(all, g)
					}
					time.Sleep(claimPatience + time.Second)
					synctest.Wait()
					if n := held(rigs, name); n != 1 {
						c.Fatalf("round %d: %d leases", round, n)
					}
					var winner *gamer
					for _, g := range all {
						if !g.closed {
							if winner != nil {
								c.Fatal("two are left")
							}
							winner = g
							continue
						}
						c.refused(g, signaling.CodeTokenInUse)
						g.node.part(g.player, 0)
					}
					// Whoever has it may go on at any other node, and nobody else.
					matched := c.plays(winner)
					stranger := c.gamer(c.nodes[round%3], name, nil)
					time.Sleep(claimPatience + time.Second)
					c.refused(stranger, signaling.CodeTokenInUse)
					stranger.node.part(stranger.player, 0)
					winner.node.part(winner.player, holdTime)
					again := c.gamer(c.nodes[round%3], name, func(p *signaling.Play) { p.Resume = matched.Session })
					time.Sleep(time.Second)
					if c.plays(again).Session != matched.Session {
						c.Error("it is another session")
					}
					again.leave()
					time.Sleep(time.Second)
				}
				c.nothingClaimed()
			})
		})
	}
}

func TestATokenIsFreeAgainWhenItsSessionIsOver(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		for i := range 6 {
			g := c.gamer(c.nodes[i%2], "one", nil)
			c.settle()
			c.plays(g)
			switch i % 3 {
			case 0:
				g.leave()
			case 1:
				g.node.part(g.player, 0)
			default:
				session := m.Held()[0].Session
				m.vacate(session)
				m.say(m.peer(), signaling.Ended{Session: session, Reason: signaling.NewError(signaling.CodeAppExited)})
				m.say(m.peer(), m.Status())
				synctest.Wait()
				g.node.part(g.player, 0)
			}
			c.settle()
			c.nothingClaimed()
		}
	})
}

func TestATokenForOneSessionIsSpentAtAllNodesAndAtThoseThatComeLater(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[0])
		c.settle()
		g := c.once(c.nodes[1], "one")
		c.plays(g)
		for _, n := range c.nodes {
			c.refused(c.once(n, "one"), signaling.CodeSpentToken)
		}
		g.leave()
		c.settle()
		for _, n := range c.nodes {
			c.refused(c.once(n, "one"), signaling.CodeSpentToken)
		}
		// The node of the player and that of the edge are gone, one after the other, and others come.
		late := c.add()
		c.settle()
		for _, n := range c.nodes[:3] {
			c.kill(n)
		}
		time.Sleep(nodeSilence + time.Second)
		m.connect(late)
		c.settle()
		c.refused(c.once(late, "one"), signaling.CodeSpentToken)
		c.plays(c.once(late, "two"))
	})
}

func TestATokenByWhichNothingBeganIsNotSpent(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		m.mute = true
		g := c.once(c.nodes[1], "one")
		c.heard(g)
		start := m.take()
		session := start[len(start)-1].(signaling.Start).Session
		m.say(m.peer(), signaling.Refuse{Session: session, Error: signaling.NewError(signaling.CodeBadToken)})
		c.refused(g, signaling.CodeBadToken)
		g.node.part(g.player, 0)
		m.mute = false
		c.settle()
		c.plays(c.once(c.nodes[0], "one"))
	})
}

func TestATokenByWhichNobodyLookedOnIsNotSpent(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		session := c.plays(c.gamer(c.nodes[0], "playing", nil)).Session
		looksOn := func(n *nodeUnderTest) *gamer {
			g := &gamer{recorder: &recorder{}, node: n, as: claimsOf("one")}
			g.as.Once, g.as.Expires = true, time.Now().Add(time.Hour)
			g.player = n.join(g.recorder, n.log)
			if err := n.play(g.player, signaling.Play{Token: "one", Watch: session, Codecs: []string{"h264"}}, g.as); err != nil {
				g.recorder.end(err)
			}
			c.settle()
			return g
		}
		m.mute = true
		kindsOf(m.recorder)
		g := looksOn(c.nodes[0])
		c.heard(g, "matched")
		m.say(m.peer(), signaling.Refuse{Session: m.take()[0].(signaling.Start).Session, Error: signaling.NewError(signaling.CodeFull)})
		c.refused(g, signaling.CodeFull)
		g.node.part(g.player, 0)
		m.mute = false
		c.settle()
		c.heard(looksOn(c.nodes[1]), "matched", "offer")
		c.refused(looksOn(c.nodes[0]), signaling.CodeSpentToken)
	})
}

func TestAClaimWaitsForNobodyForEver(t *testing.T) {
	for why, silence := range map[string]func(*city){
		"a node that is gone": func(c *city) { c.kill(c.nodes[2]) },
		"a node that answers nothing": func(c *city) {
			c.nodes[2].bus.Disturb(func(s string, _ []byte) int { return map[bool]int{true: 1}[s == presenceSubject] })
		},
		"one's own words reach nobody":   func(c *city) { c.nodes[1].bus.Disturb(func(string, []byte) int { return 0 }) },
		"a bus that is gone, everywhere": func(c *city) { c.nodes[0].bus.Cut(true); c.nodes[1].bus.Cut(true); c.nodes[2].bus.Cut(true) },
	} {
		t.Run(why, func(t *testing.T) {
			inCity(t, 3, func(c *city) {
				m := c.rig(1)
				m.connect(c.nodes[1])
				c.settle()
				silence(c)
				g := c.gamer(c.nodes[1], "one", nil)
				time.Sleep(claimPatience + nodeSilence)
				c.plays(g)
				if n := held([]*rig{m}, "one"); n != 1 {
					t.Errorf("%d leases", n)
				}
			})
		})
	}
}

func TestTwoSessionsOfAPartitionBecomeOneWhenItIsOver(t *testing.T) {
	inCity(t, 2, func(c *city) {
		here, there := c.rig(1), c.rig(1)
		here.connect(c.nodes[0])
		there.connect(c.nodes[1])
		c.settle()
		c.nodes[1].bus.Cut(true)
		time.Sleep(nodeSilence + time.Second)
		first := c.gamer(c.nodes[0], "one", nil)
		c.plays(first)
		time.Sleep(time.Second)
		second := c.gamer(c.nodes[1], "one", nil)
		c.plays(second)
		if n := held([]*rig{here, there}, "one"); n != 2 {
			t.Fatalf("%d leases: this is no partition", n)
		}
		c.nodes[1].bus.Cut(false)
		c.settle()
		c.settle()
		if n := held([]*rig{here, there}, "one"); n != 1 {
			t.Errorf("%d leases", n)
		}
		c.heard(first)
		got := c.heard(second, "ended")
		if reason := got[0].(signaling.Ended).Reason; reason.Code != signaling.CodeTokenInUse {
			t.Error(reason)
		}
	})
}

func TestWhoeverComesBackWithASessionMakesRoomForTheOneThatIsPlayed(t *testing.T) {
	inCity(t, 2, func(c *city) {
		lost, other := c.rig(1), c.rig(1)
		lost.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		c.plays(g)
		other.connect(c.nodes[1])
		c.settle()
		// The edge's node is gone, and the edge does not come back in time: its player goes on elsewhere.
		c.kill(c.nodes[0])
		time.Sleep(nodeSilence + holdTime + 2*time.Second)
		c.heard(g, "moved", "matched", "offer")
		lost.connect(c.nodes[1])
		c.settle()
		if n := held([]*rig{lost}, "one"); n != 0 {
			t.Error("the edge that was away still runs the session")
		}
		c.heard(g)
		if n := held([]*rig{other}, "one"); n != 1 {
			t.Errorf("%d leases where the player is", n)
		}
	})
}

func TestSpectatorsAndTokensForManyClaimNothing(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[0])
		c.settle()
		for range 2 {
			g := &gamer{recorder: &recorder{}, node: c.nodes[1], as: claimsOf(partyToken)}
			g.as.Rights = append(g.as.Rights, token.Many)
			g.player = g.node.join(g.recorder, g.node.log)
			if err := g.node.play(g.player, signaling.Play{Token: partyToken, App: "tux", Codecs: []string{"h264"}}, g.as); err != nil {
				t.Fatal(err)
			}
			c.plays(g)
		}
		c.nodes[1].mu.Lock()
		defer c.nodes[1].mu.Unlock()
		if len(c.nodes[1].claimants) > 0 {
			t.Error("they claim it")
		}
	})
}

func TestOtherNodesMaySayAnythingOfTokens(t *testing.T) {
	inCity(t, 1, func(c *city) {
		n := c.nodes[0]
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, m := range []ofTokens{
			{}, {Ask: &claim.Claim{}}, {Reply: &claimReply{}}, {Reply: &claimReply{ID: "x", Answer: "perhaps"}}, {Unspent: &claim.Claim{}}, {Spent: make([]claim.Claim, 3)},
			{Holds: make([]claim.Hold, 3)},
		} {
			n.hearClaims("n-strange", m)
		}
	})
}

// A node that is not heard, and hears: its edge has a session for a player who was given another one.
func TestAPlayerWhoWasGivenAnotherSessionKeepsItWhateverIsHeardOfTheFirst(t *testing.T) {
	inCity(t, 3, func(c *city) {
		first, second := c.rig(1), c.rig(1)
		first.connect(c.nodes[0])
		time.Sleep(holdsTold - nodeSilence - 4*time.Second) // it says what it holds soon after it is heard again
		unheard := false
		c.nodes[0].bus.Disturb(func(_ string, data []byte) int {
			if unheard = unheard || strings.Contains(string(data), `"link"`); unheard {
				return 0
			}
			return 1
		})
		g := c.gamer(c.nodes[1], "one", nil)
		c.settle()
		second.connect(c.nodes[2])
		time.Sleep(nodeSilence + time.Second)
		matched := c.plays(g)
		if held := second.Held(); len(held) != 1 || held[0].Session != matched.Session || len(first.Held()) != 1 {
			c.Fatalf("%v and %v are held, for %v", first.Held(), held, matched.Session)
		}
		c.nodes[0].bus.Disturb(nil)
		time.Sleep(holdsTold + linkSilence)
		c.heard(g)
		if g.closed || len(first.Held()) > 0 || len(second.Held()) != 1 {
			c.Errorf("the player is sent away: %v (%v); %v and %v are held", g.closed, g.reason, first.Held(), second.Held())
		}
	})
}

func TestAnEdgeWhoseNodeWasAwayTakesThePlayerWhoHadLeftItUnheard(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		c.nodes[0].mu.Lock()
		s := c.nodes[0].sessions[matched.Session]
		turn := s.turn
		turn.N++
		c.nodes[0].leaveBehind(s.owner, claim.Turn{Claim: "another", N: 9})
		kept := s.over == nil && c.nodes[0].sessions[s.id] == s
		c.nodes[0].leaveBehind(s.owner, turn)
		left := c.nodes[0].sessions[s.id] != s
		c.nodes[0].mu.Unlock()
		if !kept || !left || turn.Claim == "" {
			c.Errorf("by another claim it goes on: %v; by its own it ends: %v (%+v)", kept, left, turn)
		}
		c.settle()
		if len(m.Held()) > 0 {
			c.Errorf("%v", m.Held())
		}
	})
}
