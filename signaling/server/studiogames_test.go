package server

import (
	"fmt"
	"testing"

	"nearlight/signaling"
	"nearlight/signaling/studio"
)

func TestAStudiosGamesAreCountedAtAllNodes(t *testing.T) {
	roster, err := studio.Parse([]byte("acme: {sessions: 2}"))
	if err != nil {
		t.Fatal(err)
	}
	inCity(t, 3, func(c *city) {
		for i, n := range c.nodes {
			n.studios = newStudios(func() studio.Roster { return roster }, n.metrics)
			c.rig(2).connect(c.nodes[i])
		}
		c.settle()
		play := func(n *nodeUnderTest, name string) *gamer {
			g := &gamer{recorder: &recorder{}, node: n, as: claimsOf(name)}
			g.as.Studio = "acme"
			g.player = n.join(g.recorder, n.log)
			if err := n.play(g.player, signaling.Play{Token: name, App: "tux", Codecs: []string{"h264"}, Wait: true}, g.as); err != nil {
				g.recorder.end(err)
			}
			c.settle()
			return g
		}
		first, second := play(c.nodes[0], "one"), play(c.nodes[1], "two")
		c.plays(first)
		c.plays(second)
		for i, n := range c.nodes {
			c.refused(play(n, fmt.Sprint("more-", i)), signaling.CodeFull)
		}
		first.leave()
		c.settle()
		third := play(c.nodes[2], "three")
		c.plays(third)
		second.leave()
		third.leave()
		c.settle()
		for i, n := range c.nodes {
			if len(n.byStudio) != 0 {
				t.Errorf("node %d counts %v", i, n.byStudio)
			}
		}
	})
}

func TestAStudioThatHasAllItsGamesKeepsThoseThatAreHandedOn(t *testing.T) {
	roster, err := studio.Parse([]byte("acme: {sessions: 1}"))
	if err != nil {
		t.Fatal(err)
	}
	inCity(t, 3, func(c *city) {
		for _, n := range c.nodes {
			n.studios = newStudios(func() studio.Roster { return roster }, n.metrics)
		}
		first, second := c.rig(1), c.rig(1)
		first.connect(c.nodes[0])
		c.settle()
		g := &gamer{recorder: &recorder{}, node: c.nodes[1], as: claimsOf("one")}
		g.as.Studio = "acme"
		g.player = g.node.join(g.recorder, g.node.log)
		if err := g.node.play(g.player, signaling.Play{Token: "one", App: "tux", Codecs: []string{"h264"}, Wait: true}, g.as); err != nil {
			t.Fatal(err)
		}
		matched := c.plays(g)
		second.connect(c.nodes[2])
		c.settle()
		p := first.peer()
		first.say(p, signaling.Status{Free: 0})
		first.say(p, signaling.Ended{Session: matched.Session, Reason: signaling.NewError(signaling.CodeShuttingDown)})
		c.heard(g, "moved", "matched", "offer") // though the nodes have not heard yet that the first is over
	})
}
