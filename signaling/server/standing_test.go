package server

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/token"
)

// ledger is a log of checks that a test writes.
type ledger struct {
	mu     sync.Mutex
	says   map[identity.Address]Standing // of the others: not enrolled
	events []EdgeEvent
	node   *nodeUnderTest
}

var _ Checks = (*ledger)(nil)

func (l *ledger) Standing(edge identity.Address) Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, known := l.says[edge]; known {
		return s
	}
	return Standing{State: match.Checking, Words: "not enrolled yet"}
}

func (l *ledger) Happened(e EdgeEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// say changes an edge's standing, with the ledger's lock held all the while.
func (l *ledger) say(id signaling.EdgeID, s Standing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	edge, err := identity.ParseAddress(string(id))
	if err != nil {
		panic(err)
	}
	l.says[edge] = s
	if l.node != nil {
		l.node.keeper.changed(edge)
	}
}

// take returns what was told of since it was last called, in words.
func (l *ledger) take() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var told []string
	for _, e := range l.events {
		told = append(told, e.What.String())
	}
	l.events = nil
	return told
}

// keeping has a node keep the log of checks.
func (c *city) keeping(n *nodeUnderTest) *ledger {
	l := &ledger{says: make(map[identity.Address]Standing), node: n}
	n.mu.Lock()
	n.keeper, n.checked, n.checkKey = newKeeper(l, n.log), true, checkKeyID
	n.cluster.all = true // the others are told
	n.mu.Unlock()
	ctx, cancel := context.WithCancel(c.Context())
	var running sync.WaitGroup
	running.Go(func() { n.keepChecks(ctx) })
	before := n.stop
	n.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		before()
	})
	c.settle()
	return l
}

// shows is what a node shows of an edge's standing.
func (n *nodeUnderTest) shows(id signaling.EdgeID) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	v, ok := n.viewOf(id)
	if !ok || v.Standing == nil {
		return "nothing"
	}
	return fmt.Sprint(v.Standing.State, " ", v.Standing.Share, " ", v.Standing.Score, " ", v.Standing.Words)
}

func (c *city) turnsAway(n *nodeUnderTest, as token.Claims, code signaling.Code) {
	c.Helper()
	if g := c.gamerAs(n, as, func(p *signaling.Play) { p.Wait = false }); g.reason == nil || g.reason.Code != code {
		c.Errorf("the player is told %v, want %s", g.reason, code)
	}
}

func TestAStandingIsKnownToAllNodesAndToOneThatComesWhenTheLogIsAway(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(2)
		m.connect(c.nodes[1])
		c.settle()
		for _, n := range c.nodes {
			if got := n.shows(m.edge.id); got != "checking 1000 0 not enrolled yet" {
				t.Error(got)
			}
			c.turnsAway(n, claimsOf("early"), signaling.CodeNotAccepting)
		}
		l.say(m.edge.id, Standing{Share: 50, Score: 500, Words: "on probation"})
		c.settle()
		for _, n := range c.nodes {
			if got := n.shows(m.edge.id); got != "accepting 50 500 on probation" {
				t.Error(got)
			}
		}
		c.plays(c.gamer(c.nodes[2], "one", nil))
		l.say(m.edge.id, Standing{State: match.Jailed, Score: 100, Words: "jailed"})
		c.settle()
		c.kill(c.nodes[0])
		time.Sleep(5 * time.Second)
		late := c.add()
		c.settle()
		for _, n := range []*nodeUnderTest{c.nodes[1], c.nodes[2], late} {
			if got := n.shows(m.edge.id); got != "jailed 1000 100 jailed" {
				t.Error(got)
			}
			c.turnsAway(n, claimsOf("two"), signaling.CodeNotAccepting)
		}
	})
}

func TestAnotherNodeThatTakesTheLogOverIsBelievedWhateverItsClock(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(1)
		m.connect(c.nodes[1])
		c.settle()
		l.say(m.edge.id, Standing{State: match.Jailed, Words: "by the first"})
		c.settle()
		c.nodes[1].mu.Lock()
		s := c.nodes[1].standings[m.edge.id]
		s.at += time.Hour.Milliseconds() // as the first one's clock would have it
		c.nodes[1].standings[m.edge.id] = s
		c.nodes[1].touch(m.edge)
		c.nodes[1].mu.Unlock()
		c.settle()
		c.kill(c.nodes[0])
		time.Sleep(5 * time.Second)
		second := c.keeping(c.nodes[2])
		second.say(m.edge.id, Standing{Score: 900, Words: "by the second"})
		c.settle()
		for _, n := range c.nodes[1:] {
			if got := n.shows(m.edge.id); got != "accepting 1000 900 by the second" {
				t.Error(got)
			}
		}
	})
}

func TestWhileTheLogIsAwayAnEdgeThatNobodyKnowsIsANewcomer(t *testing.T) {
	inCity(t, 2, func(c *city) {
		c.keeping(c.nodes[0])
		m := c.rig(1)
		c.nodes[1].mu.Lock()
		known := c.nodes[1].checked
		c.nodes[1].mu.Unlock()
		if !known {
			t.Fatal("the other node has not heard that there is a log")
		}
		c.kill(c.nodes[0])
		m.connect(c.nodes[1])
		if got := c.nodes[1].shows(m.edge.id); got[:len("checking")] != "checking" { // the log may have something to say in a moment
			t.Error(got)
		}
		time.Sleep(5 * time.Second)
		if got := c.nodes[1].shows(m.edge.id); got[:len("accepting 50 0")] != "accepting 50 0" {
			t.Error(got)
		}
		c.plays(c.gamer(c.nodes[1], "one", nil))
	})
}

func TestStandingsReachAllNodesThoughTheBusLosesEverySecondMessage(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		var rigs []*rig
		for i := range 6 {
			m := c.rig(1)
			m.connect(c.nodes[i%3])
			rigs = append(rigs, m)
		}
		c.settle()
		count := 0
		for _, n := range c.nodes {
			n.bus.Disturb(func(string, []byte) int { count++; return count % 2 })
		}
		for round := range 5 {
			for i, m := range rigs {
				l.say(m.edge.id, Standing{Score: match.Score(100*round + i), Words: "round " + fmt.Sprint(round)})
			}
			time.Sleep(300 * time.Millisecond)
		}
		for _, n := range c.nodes {
			n.bus.Disturb(nil)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for _, n := range c.nodes {
			for i, m := range rigs {
				if got, want := n.shows(m.edge.id), fmt.Sprintf("accepting 1000 %d round 4", 400+i); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		}
	})
}

// checkKeyID is the id of the network's own key.
const checkKeyID = "check-key"

// checkerOf is a token of who checks an edge.
func checkerOf(id signaling.EdgeID) token.Claims {
	claims := claimsOf("checker")
	edge, err := identity.ParseAddress(string(id))
	if err != nil {
		panic(err)
	}
	claims.Rights, claims.Edges, claims.Key = append(claims.Rights, token.Check), []identity.Address{edge}, checkKeyID
	return claims
}

func TestWhoChecksReachesAnEdgeThatPlayersDoNot(t *testing.T) {
	for _, state := range []match.State{match.Checking, match.Jailed} {
		inCity(t, 2, func(c *city) {
			l := c.keeping(c.nodes[0])
			m := c.rig(1)
			m.connect(c.nodes[0])
			c.settle()
			l.say(m.edge.id, Standing{State: state})
			c.settle()
			l.take()
			for _, n := range c.nodes {
				named := checkerOf(m.edge.id)
				named.Rights = []token.Right{token.Play}
				c.turnsAway(n, named, signaling.CodeNotAccepting)
				g := c.gamerAs(n, checkerOf(m.edge.id), nil)
				if matched := c.plays(g); matched.Edge.ID != m.edge.id {
					t.Errorf("%v", matched)
				}
				c.nodes[0].mu.Lock()
				if views, _ := c.nodes[0].sessionViews(SessionQuery{}); len(views) != 1 || !views[0].Checks {
					t.Errorf("%+v", views)
				}
				c.nodes[0].mu.Unlock()
				n.leave(g.player)
				c.settle()
			}
			c.same(l.take()) // it is no player's
			c.nodes[1].orders(store.DrainEdge, string(m.edge.id), time.Time{})
			c.settle()
			for _, n := range c.nodes {
				c.turnsAway(n, checkerOf(m.edge.id), signaling.CodeNotAccepting)
			}
			c.nodes[1].orders(store.DrainEdge, string(m.edge.id), time.Now())
			c.nodes[1].orders(store.BanEdge, string(m.edge.id), time.Time{})
			c.settle()
			c.turnsAway(c.nodes[1], checkerOf(m.edge.id), signaling.CodeNotAccepting)
		})
	}
}

func TestAnEdgesNodeKeepsPlayersOutThatAnotherNodeHasSentTooLate(t *testing.T) {
	inCity(t, 2, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rig(1)
		m.connect(c.nodes[0])
		l.say(m.edge.id, Standing{Score: 900})
		c.settle()
		l.say(m.edge.id, Standing{State: match.Jailed})
		synctest.Wait() // the other node hears of it at the next tick
		g := c.gamer(c.nodes[1], "one", nil)
		c.settle()
		if got := c.nodes[1].shows(m.edge.id); got != "jailed 1000 0 " || g.player.session != nil || g.player.link != nil {
			t.Errorf("%s; the player has %v", got, g.kinds())
		}
	})
}

func TestAPlaceThatCannotBeCountsAtNoNodeAndChangesNothingElse(t *testing.T) {
	inCity(t, 3, func(c *city) {
		l := c.keeping(c.nodes[0])
		m := c.rigAt(c.nodes[1], lyon, nil)
		c.settle()
		listed := func(n *nodeUnderTest) (at match.Candidate, there bool) {
			n.mu.Lock()
			defer n.mu.Unlock()
			all, err := n.index.Shortlist(match.Request{App: "tux", Codecs: []string{"h264"}, Near: &match.Near{Place: lyon}}, n.intN)
			if err != nil || len(all) != 1 {
				return at, false
			}
			return all[0], true
		}
		for _, step := range []struct {
			why        string
			said       Whereabouts
			near       bool
			consistent bool
		}{
			{"nobody can say", Unsaid, true, false},
			{"it may be there", Consistent, true, true},
			{"it cannot be there", Impossible, false, false},
			{"a node says what none can", 17, true, false},
		} {
			l.say(m.edge.id, Standing{Score: 900, Place: step.said, Words: "standby"})
			c.settle()
			for i, n := range c.nodes {
				at, there := listed(n)
				if near := at.Distance == 0; !there || near != step.near || at.Consistent != step.consistent {
					t.Errorf("%s: node %d has it at %v km, consistent %t", step.why, i, at.Distance, at.Consistent)
				}
				if got := n.shows(m.edge.id); got != "accepting 1000 900 standby" || at.Score != 900 {
					t.Errorf("%s: node %d shows %s, %+v", step.why, i, got, at)
				}
			}
		}
		l.say(m.edge.id, Standing{Score: 900, Place: Impossible, Words: "standby"})
		c.settle()
		c.plays(c.gamer(c.nodes[2], "one", nil)) // it gets players as before
	})
}
