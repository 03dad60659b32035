package server

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling"
)

func TestAPlayerIsServedByAnEdgeOfAnotherNode(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		if matched.Lease == nil || matched.Lease.Session != matched.Session || matched.Edge.ID != m.edge.id {
			c.Errorf("%+v", matched)
		}
		for _, candidate := range []string{"1", "2", "3", ""} {
			g.node.candidate(g.player, signaling.Candidate{Candidate: candidate})
		}
		c.same(kindsOf(m.recorder), "registered", "start", "answer", "candidate", "candidate", "candidate", "candidate")
		g.node.restart(g.player)
		g.node.check(g.player)
		c.same(kindsOf(m.recorder), "restart", "probe")
		c.heard(g, "checked")
		g.node.leave(g.player)
		c.same(kindsOf(m.recorder), "stop")
		c.settle()
		// The slot can be had again, from any node.
		c.plays(c.gamer(c.nodes[0], "two", nil))
	})
}

func TestASessionOutlivesTheNodeOfItsEdge(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		c.kill(c.nodes[0])
		time.Sleep(300 * time.Millisecond)
		m.connect(c.nodes[2])
		c.same(kindsOf(m.recorder), "registered")
		for range 6 { // longer than any patience
			time.Sleep(10 * time.Second)
			if err := m.Renew(); err != nil {
				c.Error(err)
			}
		}
		c.heard(g) // it has noticed nothing
		g.node.restart(g.player)
		c.same(kindsOf(m.recorder), "restart")
		m.say(m.peer(), signaling.Offer{Session: matched.Session, SDP: "v=0", Restart: true})
		c.heard(g, "offer")
		if held := m.Held(); len(held) != 1 || held[0].Session != matched.Session {
			c.Errorf("%+v", held)
		}
	})
}

func TestASessionOutlivesTheNodeOfItsPlayer(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		c.kill(c.nodes[1])
		again := c.gamer(c.nodes[2], "one", func(p *signaling.Play) { p.Resume, p.Restart = matched.Session, true })
		if got := c.plays(again); got.Session != matched.Session {
			c.Errorf("%s became %s", matched.Session, got.Session)
		}
		stranger := c.gamer(c.nodes[2], "two", func(p *signaling.Play) { p.Resume = matched.Session })
		if synctest.Wait(); stranger.reason == nil || stranger.reason.Code != signaling.CodeTimedOut {
			c.Errorf("a stranger is told %v", stranger.reason)
		}
		time.Sleep(time.Minute)
		c.heard(again)
	})
}

func TestASessionOutlivesBothNodesAtOnce(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		c.kill(c.nodes[0])
		c.kill(c.nodes[1])
		// The player is back first, at a node that has never heard of its edge's new place.
		again := c.gamer(c.nodes[2], "one", func(p *signaling.Play) { p.Resume, p.Restart = matched.Session, true })
		time.Sleep(time.Second)
		c.heard(again)
		m.connect(c.nodes[2])
		if got := c.plays(again); got.Session != matched.Session {
			c.Errorf("%s became %s", matched.Session, got.Session)
		}
	})
}

func TestALostBusEndsNoSession(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		c.plays(g)
		kindsOf(m.recorder)
		for range 3 {
			c.nodes[0].bus.Cut(true)
			time.Sleep(20 * time.Second)
			c.nodes[0].bus.Cut(false)
			c.settle()
			c.settle()
			c.heard(g)
			g.node.restart(g.player)
			c.same(kindsOf(m.recorder), "restart")
		}
	})
}

func TestWhatTheBusLosesRepeatsAndReordersIsMadeGood(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		random := rand.New(rand.NewPCG(1, 2))
		for _, n := range c.nodes {
			n.bus.Disturb(func(subject string, _ []byte) int {
				if subject == presenceSubject {
					return min(1, random.IntN(10)) // a node of which nothing is heard for 3 s is gone
				}
				return random.IntN(3)
			})
		}
		g := c.gamer(c.nodes[1], "one", nil)
		time.Sleep(6 * time.Second)
		c.plays(g)
		var want []string
		for i := range 30 {
			g.node.candidate(g.player, signaling.Candidate{Candidate: string(rune('a' + i))})
			want = append(want, string(rune('a'+i)))
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		var got []string
		for _, message := range m.take() {
			if candidate, ok := message.(signaling.Candidate); ok {
				got = append(got, candidate.Candidate)
			}
		}
		if !reflect.DeepEqual(got, want) {
			c.Errorf("%v arrive", got)
		}
	})
}

func TestAnEdgeThatIsGoneHandsItsPlayersOn(t *testing.T) {
	for _, where := range []string{"at the player's node", "at another"} {
		t.Run(where, func(t *testing.T) {
			inCity(t, 2, func(c *city) {
				first, second := c.rig(1), c.rig(1)
				first.connect(c.nodes[0])
				c.settle()
				n := c.nodes[0]
				if where == "at another" {
					n = c.nodes[1]
				}
				g := c.gamer(n, "one", nil)
				c.plays(g)
				second.connect(c.nodes[1])
				c.settle()
				first.mute = true
				first.lost()
				time.Sleep(2900 * time.Millisecond)
				got := c.heard(g, "moved", "matched", "offer")
				if reason := got[0].(signaling.Moved).Reason; reason.Code != signaling.CodeEdgeGone {
					c.Errorf("the player is told %v", reason)
				}
				if edge := got[1].(signaling.Matched).Edge.ID; edge != second.edge.id {
					c.Errorf("the player is given %s", edge)
				}
			})
		})
	}
}

func TestAnEdgeThatDrainsHandsItsPlayersOnAtOnce(t *testing.T) {
	inCity(t, 2, func(c *city) {
		first, second := c.rig(1), c.rig(1)
		first.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		matched := c.plays(g)
		second.connect(c.nodes[1])
		c.settle()
		p := first.peer()
		first.say(p, signaling.Status{Free: 0})
		first.say(p, signaling.Ended{Session: matched.Session, Reason: signaling.NewError(signaling.CodeShuttingDown)})
		c.heard(g, "moved", "matched", "offer")
	})
}

func TestTwoNodesThatProposeTheSameSlotAreBothAnsweredAndOneIsGivenIt(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		one, two := c.gamer(c.nodes[1], "one", nil), c.gamer(c.nodes[2], "two", nil)
		c.plays(one)
		c.heard(two, "queued")
		m.vacate(one.link.session)
		m.say(m.peer(), signaling.Ended{Session: one.link.session, Reason: signaling.NewError(signaling.CodeAppExited)})
		m.say(m.peer(), m.Status())
		c.heard(one, "ended")
		c.settle()
		c.plays(two)
	})
}

func TestTheLineIsServedInOrderAndToldItsPlaces(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		playing := c.gamer(c.nodes[0], "playing", nil)
		c.plays(playing)
		c.settle()
		var line []*gamer
		for i, name := range []string{"a", "b", "c", "d"} {
			line = append(line, c.gamer(c.nodes[i%2], name, nil))
			c.settle()
		}
		for i, g := range line {
			got := g.take()
			last, ok := got[len(got)-1].(signaling.Queued)
			if !ok || last.Position != i+1 || last.Waiting != 4 || last.Estimate != -1 {
				c.Errorf("number %d is told %+v", i, got)
			}
		}
		line[1].node.part(line[1].player, 0) // who leaves the line is not waited for
		for _, next := range []*gamer{line[0], line[2], line[3]} {
			playing.node.leave(playing.player)
			c.settle()
			c.settle()
			for {
				got := next.take()
				if len(got) == 0 {
					c.Fatal("it is not its turn")
				}
				if _, waits := got[len(got)-1].(signaling.Queued); !waits {
					break
				}
			}
			next.node.answer(next.player, signaling.Answer{SDP: "v=0"})
			playing = next
		}
		if n := len(c.nodes[0].line) + len(c.nodes[1].line); n != 0 {
			c.Errorf("%d still wait", n)
		}
	})
}
