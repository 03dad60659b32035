package server

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/bus/bustest"
	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// nodeUnderTest is a registry of a cluster.
type nodeUnderTest struct {
	*registry
	bus  *bustest.Node
	stop func()
}

// city is a cluster within a bubble of time.
type city struct {
	*testing.T
	network *bustest.Network
	nodes   []*nodeUnderTest
}

func inCity(t *testing.T, nodes int, test func(*city)) {
	synctest.Test(t, func(t *testing.T) {
		c := &city{T: t, network: &bustest.Network{}}
		for range nodes {
			c.add()
		}
		defer func() {
			for _, n := range c.nodes {
				n.stop()
			}
		}()
		c.settle()
		test(c)
	})
}

func (c *city) add() *nodeUnderTest {
	n := &nodeUnderTest{bus: c.network.Join()}
	n.registry = newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 },
		func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
	n.cluster = newCluster(n.bus)
	ctx, stop := context.WithCancel(c.Context())
	var running sync.WaitGroup
	running.Go(func() { n.run(ctx) })
	running.Go(func() {
		if err := n.joinCluster(ctx); err != nil {
			c.Error(err)
		}
	})
	n.stop = sync.OnceFunc(func() {
		stop()
		running.Wait()
		n.bus.Close()
	})
	c.nodes = append(c.nodes, n)
	return n
}

// kill ends a node without a word.
func (c *city) kill(n *nodeUnderTest) {
	n.bus.Cut(true)
	n.stop()
}

// settle lets time pass until all has been told to all.
func (c *city) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// partyToken is the text of the token that has the right many.
const partyToken = "party"

// rig is a machine that gives leases and offers, wherever it is connected.
type rig struct {
	*recorder
	*testing.T
	*edgesim.Slots
	since int64
	node  *nodeUnderTest
	edge  *edge
	mute  bool
	extra func(*signaling.Register) // changes what it registers; nil: nothing

	mu sync.Mutex // of handle, connect and whatever a test says for the rig
}

func (c *city) rig(slots int) *rig { return c.rigOf(make([]signaling.Epoch, slots)...) }

// rigOf is a rig whose slots have reached these epochs.
func (c *city) rigOf(epochs ...signaling.Epoch) *rig {
	return &rig{T: c.T, Slots: newSlots(c.T, epochs...)}
}

// connect registers the machine at a node, as it does after it has lost another.
func (m *rig) connect(n *nodeUnderTest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since++
	m.node, m.recorder = n, &recorder{}
	register := here
	register.Name, register.Codecs, register.Apps, register.Since = "rig", signaling.List[string]{"h264"}, signaling.List[signaling.App]{tux}, m.since
	m.Describe(&register)
	if m.extra != nil {
		m.extra(&register)
	}
	m.edge = n.register(m.peer(), register, m.ID())
}

func (m *rig) lost() { m.node.loseEdge(m.edge, m.peer()) }

// peer is the connection that the rig has now.
func (m *rig) peer() rigPeer { return rigPeer{m, m.recorder} }

// rigPeer is one connection of a rig.
type rigPeer struct {
	rig *rig
	to  *recorder
}

func (p rigPeer) end(reason *signaling.Error) { p.to.end(reason) }

func (p rigPeer) send(m signaling.Message) {
	p.to.send(m)
	if !p.rig.mute {
		go p.rig.handle(p, m) // the registry is not to wait
	}
}

// say tells the rig's node something over a connection.
func (m *rig) say(p rigPeer, message signaling.Message) {
	if err := m.node.fromEdge(m.edge, p, message); err != nil {
		m.Error(err)
	}
}

func (m *rig) handle(p rigPeer, message signaling.Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch message := message.(type) {
	case signaling.Start:
		if !message.Resume && message.Watch == "" {
			said, leased, err := m.Answer(message, edgesim.Bearer{Token: signaling.TokenID(message.Token), Shared: message.Token == partyToken})
			if err != nil {
				m.Error(err)
			}
			for _, answer := range said {
				m.say(p, answer)
			}
			if !leased {
				return
			}
		}
		m.say(p, signaling.Offer{Session: message.Session, SDP: "v=0"})
	case signaling.Stop:
		m.vacate(message.Session)
		m.say(p, m.Status())
	case signaling.Probe:
		m.say(p, signaling.Living(message))
	}
}

// vacate has a session be over.
func (m *rig) vacate(id signaling.SessionID) {
	if _, err := m.Release(id); err != nil {
		m.Error(err)
	}
}

// gamer is a player with a page that waits.
type gamer struct {
	*recorder
	*player
	node *nodeUnderTest
	as   token.Claims
}

// claimsOf is a token whose text is its jti, so that rigs can tell it.
func claimsOf(name string) token.Claims {
	return token.Claims{ID: name, Role: token.Player, Rights: []token.Right{token.Play, token.Watch}}
}

func (c *city) gamer(n *nodeUnderTest, name string, change func(*signaling.Play)) *gamer {
	c.Helper()
	return c.gamerAs(n, claimsOf(name), change)
}

// gamerAs is gamer by a token that says more.
func (c *city) gamerAs(n *nodeUnderTest, as token.Claims, change func(*signaling.Play)) *gamer {
	c.Helper()
	g := &gamer{recorder: &recorder{}, node: n, as: as}
	g.player = n.join(g.recorder, n.log)
	m := signaling.Play{Token: as.ID, App: "tux", Codecs: []string{"h264"}, Wait: true}
	if change != nil {
		change(&m)
	}
	if err := n.play(g.player, m, g.as); err != nil {
		g.recorder.end(err)
	}
	synctest.Wait()
	return g
}

// heard waits until all is quiet and compares what a player has got.
func (c *city) heard(g *gamer, kinds ...string) []signaling.Message {
	c.Helper()
	synctest.Wait()
	got := g.take()
	names := []string{}
	for _, m := range got {
		names = append(names, signaling.Kind(m))
	}
	if len(kinds) == 0 {
		kinds = []string{}
	}
	if !reflect.DeepEqual(names, kinds) {
		c.Fatalf("got %v, want %v; closed: %v, %v", names, kinds, g.closed, g.reason)
	}
	return got
}

// plays brings a player to its stream.
func (c *city) plays(g *gamer) signaling.Matched {
	c.Helper()
	matched := c.heard(g, "matched", "offer")[0].(signaling.Matched)
	g.node.answer(g.player, signaling.Answer{SDP: "v=0"})
	synctest.Wait()
	return matched
}

func kindsOf(r *recorder) []string {
	synctest.Wait()
	return r.kinds()
}

func (c *city) same(got []string, want ...string) {
	c.Helper()
	if !reflect.DeepEqual(got, want) {
		c.Errorf("got %v, want %v", got, want)
	}
}
