package server

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

// steer is Server.Steer at a node.
func (c *city) steer(n *nodeUnderTest, jti string, to *rig, length time.Duration) {
	c.Helper()
	edge, err := identity.ParseAddress(string(to.ID()))
	if err != nil {
		c.Fatal(err)
	}
	(&Server{registry: n.registry}).Steer(jti, edge, time.Now().Add(length))
	synctest.Wait()
}

// started is what an edge was sent as a session began, without what is each session's own.
func started(t *testing.T, m *rig) signaling.Start {
	t.Helper()
	for _, sent := range m.take() {
		if start, is := sent.(signaling.Start); is {
			start.Session, start.Token = "", ""
			start.Lease = nil
			return start
		}
	}
	t.Fatal("the edge was sent no start")
	return signaling.Start{}
}

func TestATokenThatIsSteeredLeadsToItsEdgeAndTheEdgeCannotTell(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		wanted, other := c.rig(1), c.rig(1)
		wanted.connect(c.nodes[1])
		other.connect(c.nodes[2])
		for _, m := range []*rig{wanted, other} {
			l.say(m.ID(), Standing{Score: 900})
		}
		c.settle()
		l.take()
		play := func(n *nodeUnderTest, jti string) signaling.Start {
			g := c.gamer(n, jti, nil)
			if matched := c.plays(g); matched.Edge.ID != wanted.ID() {
				c.Errorf("%s leads to %v", jti, matched.Edge.ID)
			}
			start := started(c.T, wanted)
			c.settle()
			n.leave(g.player)
			c.settle()
			return start
		}
		l.say(other.ID(), Standing{State: match.Jailed})
		c.settle()
		player := play(c.nodes[0], "player")
		c.same(l.take(), "session began", "session ended")
		// Now players go to the other one alone.
		l.say(other.ID(), Standing{Score: 900})
		for _, state := range []match.State{match.Accepting, match.Checking, match.Jailed} {
			l.say(wanted.ID(), Standing{State: state, Score: 1})
			c.settle()
			for i, n := range c.nodes {
				jti := "shopper" + string(rune('0'+i)) + state.String()
				c.steer(c.nodes[0], jti, wanted, time.Minute)
				if start := play(n, jti); !reflect.DeepEqual(start, player) {
					c.Errorf("the edge is sent %+v, with a player %+v", start, player)
				}
			}
		}
		c.same(l.take()) // none of them is a player to the log
		g := c.gamer(c.nodes[1], "another", nil)
		if matched := c.plays(g); matched.Edge.ID != other.ID() {
			c.Errorf("a token that nobody steers leads to %v", matched.Edge.ID)
		}
	})
}

func TestSteeringEndsAndReachesNodesThatComeLater(t *testing.T) {
	inCity(t, 2, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(1)
		m.connect(c.nodes[0])
		l.say(m.ID(), Standing{State: match.Checking})
		c.settle()
		c.steer(c.nodes[0], "shopper", m, time.Minute)
		late := c.add()
		c.settle()
		g := c.gamer(late, "shopper", nil)
		c.plays(g)
		late.leave(g.player)
		time.Sleep(time.Minute)
		for _, n := range c.nodes {
			n.mu.Lock()
			left := len(n.steers)
			n.mu.Unlock()
			if left > 0 {
				c.Errorf("%d tokens lead somewhere still", left)
			}
			c.turnsAway(n, claimsOf("shopper"), signaling.CodeNotAccepting)
		}
		c.steer(c.nodes[0], "shopper", m, -time.Second)
		c.steer(c.nodes[0], "shopper", m, 2*longestSteer)
		c.turnsAway(c.nodes[0], claimsOf("shopper"), signaling.CodeNotAccepting)
	})
}

func TestASteeredTokenKeepsToItsLimitsAndLeadsNowhereElse(t *testing.T) {
	inCity(t, 1, func(c *city) {
		wanted, other := c.rig(1), c.rig(1)
		other.connect(c.nodes[0])
		rooted := claimsOf("rooted")
		rooted.Root = identity.Address{4}
		c.steer(c.nodes[0], "rooted", wanted, time.Minute)
		c.turnsAway(c.nodes[0], rooted, signaling.CodeNoEdge)
		wanted.connect(c.nodes[0])
		far := claimsOf("far")
		far.Regions = []string{"elsewhere"}
		c.steer(c.nodes[0], "far", wanted, time.Minute)
		c.turnsAway(c.nodes[0], far, signaling.CodeWrongRegion)
	})
}

func TestTheRightToCheckCountsInTokensOfTheCheckKeyAlone(t *testing.T) {
	inCity(t, 2, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(1)
		m.connect(c.nodes[0])
		l.say(m.ID(), Standing{State: match.Checking})
		c.settle()
		for why, change := range map[string]func(*token.Claims){
			"another key":                     func(of *token.Claims) { of.Key = "studio-key" },
			"no key":                          func(of *token.Claims) { of.Key = "" },
			"a studio's key of the same name": func(of *token.Claims) { of.Studio = "acme" },
		} {
			for _, n := range c.nodes {
				as := checkerOf(m.ID())
				change(&as)
				g := c.gamerAs(n, as, func(p *signaling.Play) { p.Wait = false })
				if g.reason == nil || g.reason.Code != signaling.CodeNotAccepting {
					c.Errorf("by %s it is told %v", why, g.reason)
				}
			}
		}
		for _, n := range c.nodes {
			g := c.gamerAs(n, checkerOf(m.ID()), nil)
			c.plays(g)
			n.leave(g.player)
			c.settle()
		}
	})
}

// refusing has a rig refuse what it is sent, in words of its own.
func (m *rig) refusing(code signaling.Code) {
	m.mute = true
	for _, sent := range m.take() {
		if start, is := sent.(signaling.Start); is {
			m.say(m.peer(), signaling.Refuse{Session: start.Session, Error: signaling.NewError(code)})
		}
	}
}

func TestAnEdgeDoesNotChooseTheWordsThatACheckerIsRefusedWith(t *testing.T) {
	for _, step := range []struct {
		says, told, player signaling.Code
	}{
		{signaling.CodeFull, signaling.CodeEdgeRefused, signaling.CodeFull},
		{signaling.CodeNotAccepting, signaling.CodeEdgeRefused, signaling.CodeNotAccepting},
		{signaling.CodeTokenInUse, signaling.CodeEdgeRefused, signaling.CodeTokenInUse},
		{signaling.CodeBadToken, signaling.CodeEdgeRefused, signaling.CodeBadToken},
		{signaling.CodeShuttingDown, signaling.CodeShuttingDown, signaling.CodeShuttingDown},
	} {
		inCity(t, 2, func(c *city) {
			m := c.rig(2)
			m.connect(c.nodes[0])
			c.settle()
			time.Sleep(tidying)
			m.mute = true
			for i, n := range c.nodes {
				for steered, want := range map[bool]signaling.Code{true: step.told, false: step.player} {
					jti := "player"
					if steered {
						jti = "shopper"
						c.steer(n, jti, m, time.Minute)
					}
					m.take()
					g := c.gamer(n, jti, func(p *signaling.Play) { p.Wait = false })
					m.refusing(step.says)
					c.settle()
					if g.reason == nil || g.reason.Code != want {
						c.Errorf("at node %d, steered %t: the edge says %s, and %v is told", i, steered, step.says, g.reason)
					}
				}
			}
		})
	}
}

func TestACheckerLearnsWhetherAnEdgeIsFullBySignalingsOwnCount(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[0])
		c.settle()
		turnedAway := func(when string, want signaling.Code) {
			c.Helper()
			for i, n := range c.nodes {
				jti := strings.ReplaceAll(when, " ", "-") + string(rune('0'+i))
				c.steer(c.nodes[0], jti, m, 10*time.Minute)
				c.settle()
				g := c.gamer(n, jti, func(p *signaling.Play) { p.Wait = false })
				c.settle()
				if g.reason == nil || g.reason.Code != want {
					c.Errorf("%s, at node %d: it is told %v", when, i, g.reason)
				}
			}
		}
		says := func(free int) {
			status := m.Status()
			status.Free = free
			m.say(m.peer(), status)
			c.settle()
		}
		one := c.gamer(c.nodes[0], "one", nil)
		c.plays(one)
		says(0)
		turnedAway("as it has just come", signaling.CodeFull)
		time.Sleep(tidying)
		turnedAway("with one of two slots leased", signaling.CodeEdgeRefused)
		c.turnsAway(c.nodes[0], claimsOf("player"), signaling.CodeFull)
		says(1)
		two := c.gamer(c.nodes[1], "two", nil)
		c.plays(two)
		turnedAway("with both leased", signaling.CodeFull)
		c.nodes[1].leave(two.player)
		c.settle()
		says(0)
		turnedAway("while it tidies up", signaling.CodeFull)
		time.Sleep(tidying)
		turnedAway("when it has had the time for that", signaling.CodeEdgeRefused)
		m.say(m.peer(), signaling.Degraded{Session: one.player.session.id, Reason: signaling.NewError(signaling.CodeDegraded)})
		turnedAway("while it does not keep up", signaling.CodeFull)
	})
}
