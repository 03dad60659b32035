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
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
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

// rig is a machine that gives leases as a real one does, wherever it is connected.
type rig struct {
	*recorder
	*testing.T
	key     *identity.Key
	table   *lease.Table
	since   int64
	node    *nodeUnderTest
	edge    *edge
	mute    bool
	refs    map[signaling.SessionID]lease.Ref
	running map[signaling.SessionID]signaling.Running
	born    time.Time
	extra   func(*signaling.Register) // changes what it registers; nil: nothing

	mu sync.Mutex // of handle, connect and whatever a test says for the rig
}

func (c *city) rig(slots int) *rig {
	key, err := identity.NewKey()
	if err != nil {
		c.Fatal(err)
	}
	return &rig{
		T: c.T, key: key, table: lease.New(make([]signaling.Epoch, slots)), born: time.Now(),
		refs: map[signaling.SessionID]lease.Ref{}, running: map[signaling.SessionID]signaling.Running{},
	}
}

func (m *rig) states() []signaling.SlotState {
	var states []signaling.SlotState
	for _, s := range m.table.Slots(time.Since(m.born)) {
		states = append(states, signaling.SlotState{Epoch: s.Epoch, Taken: s.Taken})
	}
	return states
}

func (m *rig) free() int {
	free := 0
	for _, s := range m.states() {
		if !s.Taken {
			free++
		}
	}
	return free
}

// connect registers the machine at a node, as it does after it has lost another.
func (m *rig) connect(n *nodeUnderTest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since++
	m.node, m.recorder = n, &recorder{}
	register := signaling.Register{
		Token: "t", Name: "rig", Slots: len(m.states()), Free: m.free(), Codecs: signaling.List[string]{"h264"}, Apps: signaling.List[signaling.App]{tux},
		Since: m.since, Leases: m.states(),
	}
	for _, r := range m.running {
		register.Running = append(register.Running, r)
	}
	if m.extra != nil {
		m.extra(&register)
	}
	m.edge = n.register(rigPeer{m, m.recorder}, register, signaling.EdgeID(m.key.Address().String()))
}

func (m *rig) lost() { m.node.loseEdge(m.edge, rigPeer{m, m.recorder}) }

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
			held, _, err := m.table.Propose(time.Since(m.born), lease.Proposal{
				Slot: message.Lease.Slot, Expect: message.Lease.Expect, Session: message.Session, Token: signaling.TokenID(message.Token), TTL: time.Minute,
				Shared: message.Token == partyToken,
			})
			if err != nil {
				m.say(p, signaling.Status{Free: m.free(), Leases: m.states()})
				m.say(p, signaling.Refuse{Session: message.Session, Error: signaling.NewError(signaling.CodeStale)})
				return
			}
			m.refs[message.Session] = held.Ref
			m.running[message.Session] = signaling.Running{
				Session: message.Session, App: message.App, Token: signaling.TokenID(message.Token), Slot: held.Slot, Epoch: held.Epoch,
			}
			signed, err := lease.Sign(m.key, signaling.Lease{Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Token: held.Token, ExpiresAt: 2})
			if err != nil {
				m.Error(err)
			}
			m.say(p, signaling.Leased{Session: message.Session, Lease: &signed})
			m.say(p, signaling.Status{Free: m.free(), Leases: m.states()})
		}
		m.say(p, signaling.Offer{Session: message.Session, SDP: "v=0"})
	case signaling.Stop:
		m.vacate(message.Session)
		m.say(p, signaling.Status{Free: m.free(), Leases: m.states()})
	case signaling.Probe:
		m.say(p, signaling.Living(message))
	}
}

func (m *rig) vacate(id signaling.SessionID) {
	m.table.Release(time.Since(m.born), m.refs[id])
	delete(m.running, id)
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
	g := &gamer{recorder: &recorder{}, node: n, as: claimsOf(name)}
	g.player = n.join(g.recorder, n.log)
	m := signaling.Play{Token: name, App: "tux", Codecs: []string{"h264"}, Wait: true}
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
