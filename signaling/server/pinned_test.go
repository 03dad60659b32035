package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// keyed registers an edge of a key.
func (tb *table) keyed(key *identity.Key) *lessor {
	tb.Helper()
	l := tb.rents(tb, edgesim.NewSlots(key, make([]signaling.Epoch, 1), time.Now()), nil)
	tb.want(l, "registered")
	return l
}

func TestAPlayerIsGivenAnEdgeThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one, other := newKey(tb), newKey(tb)
		pinned := claims
		pinned.Edges = []identity.Address{one.Address(), other.Address()}
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge || !err.Retryable {
			tb.Errorf("none of them is here: %v", err)
		}
		socket := tb.keyed(other)
		for range 4 {
			tb.keyed(newKey(tb))
		}
		if err := tb.play(tb.player, request, pinned); err != nil {
			tb.Fatal(err)
		}
		tb.want(socket, "start")
		why, known := tb.Explain(tb.player.session.id, tb.edge.id)
		if !known || len(why.Ranked) != 1 || why.Ranked[0].Edge != socket.ID() || why.Eligible != 0 || why.Named[0].Demand.String() != "trusted" {
			tb.Errorf("explained as %+v", why)
		}
	})
}

func TestAPlayerWaitsInLineForTheEdgesThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one := newKey(tb)
		socket := tb.keyed(one)
		pinned, wait := claims, request
		pinned.Edges, wait.Wait = []identity.Address{one.Address()}, true
		if err := tb.play(tb.player, wait, pinned); err != nil {
			tb.Fatal(err)
		}
		tb.want(socket, "start")
		second := &recorder{}
		pinned.ID = "two"
		if err := tb.play(tb.join(second, tb.log), wait, pinned); err != nil {
			tb.Fatal(err)
		}
		time.Sleep(3 * presenceTick)
		tb.want(second, "queued") // the other edge is free all the while
		tb.leave(tb.player)
		tb.want(second, "matched")
		tb.want(tb.edgeSocket)
	})
}

// The players of an edge that is gone are handed to another one, but not to one that their tokens do not name.
func TestAPlayerIsHandedOnOnlyToEdgesThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one, other := newKey(tb), newKey(tb)
		first := tb.keyed(one)
		pinned, wait := claims, request
		pinned.Edges, wait.Wait = []identity.Address{one.Address(), other.Address()}, true
		if err := tb.play(tb.player, wait, pinned); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.playerSocket, "matched")
		second := tb.keyed(other)
		tb.loseEdge(first.edge, first)
		time.Sleep(edgeReturn + time.Millisecond)
		tb.want(tb.playerSocket, "moved", "matched")
		tb.loseEdge(second.edge, second)
		time.Sleep(edgeReturn + time.Millisecond)
		tb.want(tb.playerSocket, "moved", "ended")
		tb.want(tb.edgeSocket)
	})
}

// endorsedBy is an endorsement of an edge for an hour, as it travels, and the address of the root that it is by.
func endorsedBy(t *testing.T, of identity.Address) (text string, root identity.Address) {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	endorsed, err := identity.Endorse(key, identity.Endorsement{Edge: of, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := endorsed.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), key.Address()
}

// endorsed registers an edge that shows an endorsement.
func (tb *table) endorsed(key *identity.Key, shown string) *edge {
	tb.Helper()
	l := tb.rents(tb, edgesim.NewSlots(key, make([]signaling.Epoch, 1), time.Now()), func(m *signaling.Register) { m.Endorsement = shown })
	tb.want(l, "registered")
	return l.edge
}

func TestAPlayerIsGivenAnEdgeThatItsRootHasEndorsed(t *testing.T) {
	inBubble(t, func(tb *table) {
		one := newKey(tb)
		shown, root := endorsedBy(tb.T, one.Address())
		pinned := claims
		pinned.Root, pinned.Edges = root, []identity.Address{newKey(tb).Address()} // which is not here
		tb.keyed(one)
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("nobody has shown an endorsement: %v", err)
		}
		e := tb.endorsed(one, shown)
		if err := tb.play(tb.player, request, pinned); err != nil || tb.player.session.edge != e {
			tb.Fatal(err)
		}
		tb.leave(tb.player)
		time.Sleep(time.Hour)
		synctest.Wait()
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("the endorsement is over: %v", err)
		}
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Errorf("the edge is good for others: %v", err)
		}
	})
}

func TestAnEndorsementThatIsNotTheEdgesOwnCountsForNothing(t *testing.T) {
	inBubble(t, func(tb *table) {
		one, other := newKey(tb), newKey(tb)
		shown, root := endorsedBy(tb.T, one.Address())
		pinned := claims
		pinned.Root = root
		for _, step := range []struct {
			why   string
			key   *identity.Key
			shown string
		}{
			{"another edge's", other, shown},
			{"no endorsement", one, "strange"},
			{"signed by nobody", one, shown[:len(shown)-130] + strings.Repeat("0", 130)},
			{"of a longer life than was signed", one, strings.Replace(shown, ".", ".1", 1)},
		} {
			tb.endorsed(step.key, step.shown)
			if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
				tb.Errorf("%s: %v", step.why, err)
			}
		}
		tb.endorsed(one, shown)
		if err := tb.play(tb.player, request, pinned); err != nil {
			tb.Errorf("its own: %v", err)
		}
		tb.leave(tb.player)
		tb.endorsed(one, "") // it is back, and shows none
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("the endorsement of an earlier registration counts: %v", err)
		}
		time.Sleep(time.Hour)
		shown, _ = endorsedBy(tb.T, one.Address())
		time.Sleep(2 * time.Hour)
		if e := tb.endorsed(one, shown); e.root != "" || e.lapse != nil {
			tb.Error("one that is over already counts")
		}
	})
}

func TestEveryNodeKnowsByWhomAnEdgeIsEndorsed(t *testing.T) {
	inCity(t, 2, func(c *city) {
		c.rig(1).connect(c.nodes[1])
		m := c.rig(1)
		shown, root := endorsedBy(c.T, m.Key().Address())
		m.extra = func(register *signaling.Register) { register.Endorsement = shown }
		m.connect(c.nodes[1])
		c.settle()
		request := c.nodes[0].requestOf(&player{request: request, claims: token.Claims{Root: root}})
		candidates, err := c.nodes[0].index.Shortlist(request, c.nodes[0].intN)
		if err != nil || len(candidates) != 1 || candidates[0].Edge != m.ID() {
			c.Fatalf("%+v, %v", candidates, err)
		}
	})
}
