package server

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

// orders has a node obey an order now.
func (n *nodeUnderTest) orders(kind store.OrderKind, target string, until time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.obey(store.Order{Kind: kind, Target: target, Reason: "why", Actor: "ada", At: time.Now(), Until: until})
}

func (n *nodeUnderTest) knows(kind store.OrderKind, target string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.holds(kind, target)
}

func TestADrainIsObeyedByAllNodesAndByOneThatComesLater(t *testing.T) {
	inCity(t, 3, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[1])
		c.settle()
		c.nodes[0].orders(store.DrainEdge, string(m.edge.id), time.Time{})
		c.settle()
		late := c.add()
		c.settle()
		for i, n := range append(c.nodes[:3:3], late) {
			g := c.gamer(n, fmt.Sprint(i), func(p *signaling.Play) { p.Wait = false })
			if g.reason == nil || g.reason.Code != signaling.CodeNotAccepting {
				t.Errorf("at node %d a player is told %v", i, g.reason)
			}
		}
		late.orders(store.DrainEdge, string(m.edge.id), time.Now())
		c.settle()
		c.plays(c.gamer(c.nodes[2], "again", nil))
	})
}

func TestADrainIsOverWhenItsTimeIs(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		c.nodes[1].orders(store.DrainEdge, string(m.edge.id), time.Now().Add(time.Minute))
		time.Sleep(55 * time.Second)
		if g := c.gamer(c.nodes[1], "one", nil); g.reason == nil || g.reason.Code != signaling.CodeNotAccepting {
			t.Errorf("a player is told %v", g.reason)
		}
		time.Sleep(5 * time.Second)
		c.settle()
		c.plays(c.gamer(c.nodes[1], "two", nil))
	})
}

func TestAnOrderThatIsOverIsForgottenInTheEndAndNotBefore(t *testing.T) {
	inBubble(t, func(tb *table) {
		know := func() int {
			tb.mu.Lock()
			defer tb.mu.Unlock()
			return len(tb.orders)
		}
		tb.mu.Lock()
		first := store.Order{Kind: store.BanKey, Target: "k-1", At: time.Now(), Until: time.Now().Add(time.Hour)}
		tb.obey(first)
		tb.obey(store.Order{Kind: store.BanKey, Target: "k-2", At: time.Now(), Until: time.Now()}) // lifted
		tb.mu.Unlock()
		time.Sleep(forgottenAfter - time.Minute)
		synctest.Wait()
		if n := know(); n != 2 {
			t.Errorf("%d are remembered", n)
		}
		time.Sleep(time.Hour + 2*time.Minute)
		synctest.Wait()
		if n := know(); n != 0 {
			t.Errorf("%d are remembered", n)
		}
		tb.mu.Lock()
		defer tb.mu.Unlock()
		if tb.obey(first) {
			t.Error("somebody brings one back that is long over")
		}
	})
}

func TestAnEdgeThatIsBannedAnywhereIsShutOutAndItsPlayerGoesOnElsewhere(t *testing.T) {
	inCity(t, 2, func(c *city) {
		bad := c.rig(1)
		bad.connect(c.nodes[1])
		c.settle()
		g := c.gamer(c.nodes[0], "one", nil)
		c.plays(g)
		good := c.rig(1)
		good.connect(c.nodes[0])
		c.settle()
		c.nodes[0].orders(store.BanEdge, string(bad.edge.id), time.Time{})
		c.settle()
		if bad.reason == nil || bad.reason.Code != signaling.CodeBanned {
			t.Errorf("the edge is told %v", bad.reason)
		}
		moved := c.heard(g, "moved", "matched", "offer")
		if to := moved[1].(signaling.Matched).Edge.ID; to != good.edge.id {
			t.Errorf("the player is at %s", to)
		}
		again := &recorder{}
		if e := c.nodes[1].register(again, signaling.Register{Name: "bad", Slots: 1, Codecs: signaling.List[string]{"h264"}, Leases: make([]signaling.SlotState, 1)}, bad.edge.id); e != nil || again.reason == nil {
			t.Errorf("it is taken in again: %v", again.reason)
		}
	})
}

func TestATokenThatIsBannedIsBannedAtAllNodesAndWhatItPlaysEnds(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(2)
		m.connect(c.nodes[1])
		c.settle()
		cheat, fair := c.gamer(c.nodes[0], "cheat", nil), c.gamer(c.nodes[0], "fair", nil)
		c.plays(cheat)
		c.plays(fair)
		c.nodes[0].orders(store.BanToken, signaling.TokenID("cheat"), time.Time{})
		c.settle()
		if ended := c.heard(cheat, "ended")[0].(signaling.Ended); ended.Reason.Code != signaling.CodeBanned {
			t.Errorf("%v", ended.Reason)
		}
		c.heard(fair)
		if g := c.gamer(c.nodes[1], "cheat", nil); g.reason == nil || g.reason.Code != signaling.CodeBanned {
			t.Errorf("at the other node it is told %v", g.reason)
		}
	})
}

func TestOrdersThatAPartitionHeldBackComeWhenItIsOverAndTheNewerCounts(t *testing.T) {
	inCity(t, 3, func(c *city) {
		c.nodes[2].bus.Cut(true)
		c.nodes[0].orders(store.BanKey, "k-1", time.Time{})
		c.nodes[2].orders(store.BanKey, "k-2", time.Time{})
		time.Sleep(time.Second)
		c.nodes[0].orders(store.BanKey, "k-3", time.Time{})
		time.Sleep(time.Second)
		c.nodes[2].orders(store.BanKey, "k-3", time.Now()) // lifted, and later
		time.Sleep(time.Minute)
		c.nodes[2].bus.Cut(false)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, n := range c.nodes {
			if got := [3]bool{n.knows(store.BanKey, "k-1"), n.knows(store.BanKey, "k-2"), n.knows(store.BanKey, "k-3")}; got != [3]bool{true, true, false} {
				t.Errorf("node %d: %v", i, got)
			}
		}
	})
}

func TestOrdersReachAllNodesThoughTheBusLosesEverySecondMessage(t *testing.T) {
	inCity(t, 3, func(c *city) {
		n := 0
		for _, node := range c.nodes {
			node.bus.Disturb(func(string, []byte) int { n++; return n % 2 })
		}
		for i := range 40 {
			c.nodes[i%3].orders(store.BanKey, fmt.Sprint("k-", i), time.Time{})
			time.Sleep(100 * time.Millisecond)
		}
		for _, node := range c.nodes {
			node.bus.Disturb(nil)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, node := range c.nodes {
			for k := range 40 {
				if !node.knows(store.BanKey, fmt.Sprint("k-", k)) {
					t.Errorf("node %d does not know of order %d", i, k)
				}
			}
		}
	})
}
