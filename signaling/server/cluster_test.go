package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/bus/bustest"
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
		func(signaling.SessionID) []signaling.ICEServer { return nil }, nil, lease.Ed25519Verifier{})
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

// rig is a machine that gives leases as a real one does, wherever it is connected.
type rig struct {
	*recorder
	*testing.T
	instance string
	table    *lease.Table
	signer   lease.Ed25519Signer
	since    int64
	node     *nodeUnderTest
	edge     *edge
	mute     bool
	refs     map[signaling.SessionID]lease.Ref
	running  map[signaling.SessionID]signaling.Running
	born     time.Time

	mu sync.Mutex // of handle, connect and whatever a test says for the rig
}

func (c *city) rig(slots int) *rig {
	key, err := token.NewKey()
	if err != nil {
		c.Fatal(err)
	}
	signer, err := lease.NewEd25519Signer(key)
	if err != nil {
		c.Fatal(err)
	}
	return &rig{
		T: c.T, instance: signer.Key()[8:20], table: lease.New(make([]signaling.Epoch, slots)), signer: signer, born: time.Now(),
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
		Instance: m.instance, Since: m.since, Key: m.signer.Key(), Leases: m.states(),
	}
	for _, r := range m.running {
		register.Running = append(register.Running, r)
	}
	m.edge = n.register(rigPeer{m, m.recorder}, register, "edge-token")
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
			signed, err := lease.Sign(signaling.Lease{
				Edge: m.edge.id, Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Token: held.Token, Issued: 1, Expires: 2,
			}, m.signer)
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
		time.Sleep(time.Minute) // longer than any patience
		c.heard(g)              // it has noticed nothing
		g.node.restart(g.player)
		c.same(kindsOf(m.recorder), "restart")
		m.say(rigPeer{m, m.recorder}, signaling.Offer{Session: matched.Session, SDP: "v=0", Restart: true})
		c.heard(g, "offer")
		if held := m.table.Holders(0); len(held) != 1 || held[0].Session != matched.Session {
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
		p := rigPeer{first, first.recorder}
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
		m.say(rigPeer{m, m.recorder}, signaling.Ended{Session: one.link.session, Reason: signaling.NewError(signaling.CodeAppExited)})
		m.say(rigPeer{m, m.recorder}, signaling.Status{Free: 1, Leases: m.states()})
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
