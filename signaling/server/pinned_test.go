package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// address makes an address of a key.
func address(t *testing.T) identity.Address {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key.Address()
}

// keyed registers an edge that has shown its key.
func (tb *table) keyed(of identity.Address) (*edge, *recorder) {
	tb.Helper()
	socket := &recorder{}
	e := tb.register(socket, here, signaling.EdgeID(of.String()))
	tb.want(socket, "registered")
	return e, socket
}

func TestAPlayerIsGivenAnEdgeThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one, other := address(tb.T), address(tb.T)
		pinned := claims
		pinned.Edges = []identity.Address{one, other}
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge || !err.Retryable {
			tb.Errorf("none of them is here: %v", err)
		}
		_, socket := tb.keyed(other)
		for range 4 {
			tb.keyed(address(tb.T))
		}
		if err := tb.play(tb.player, request, pinned); err != nil {
			tb.Fatal(err)
		}
		tb.want(socket, "start")
		why, known := tb.Explain(tb.player.session.id, tb.edge.id)
		if !known || len(why.Ranked) != 1 || why.Ranked[0].Edge != signaling.EdgeID(other.String()) || why.Eligible != 0 || why.Named[0].Demand.String() != "trusted" {
			tb.Errorf("explained as %+v", why)
		}
	})
}

func TestAPlayerWaitsInLineForTheEdgesThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one := address(tb.T)
		e, socket := tb.keyed(one)
		pinned, wait := claims, request
		pinned.Edges, wait.Wait = []identity.Address{one}, true
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
		if err := tb.registry.fromEdge(e, socket, signaling.Status{Free: 1}); err != nil {
			tb.Fatal(err)
		}
		tb.want(second, "matched")
		tb.want(tb.edgeSocket)
	})
}

// The players of an edge that is gone are handed to another one, but not to one that their tokens do not name.
func TestAPlayerIsHandedOnOnlyToEdgesThatItsTokenNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		one, other := address(tb.T), address(tb.T)
		first, firstSocket := tb.keyed(one)
		pinned, wait := claims, request
		pinned.Edges, wait.Wait = []identity.Address{one, other}, true
		if err := tb.play(tb.player, wait, pinned); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.playerSocket, "matched")
		second, secondSocket := tb.keyed(other)
		tb.loseEdge(first, firstSocket)
		time.Sleep(edgeReturn + time.Millisecond)
		tb.want(tb.playerSocket, "moved", "matched")
		tb.loseEdge(second, secondSocket)
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
func (tb *table) endorsed(id signaling.EdgeID, shown string) *edge {
	tb.Helper()
	socket, m := &recorder{}, here
	m.Endorsement = shown
	e := tb.register(socket, m, id)
	tb.want(socket, "registered")
	return e
}

func TestAPlayerIsGivenAnEdgeThatItsRootHasEndorsed(t *testing.T) {
	inBubble(t, func(tb *table) {
		one := address(tb.T)
		shown, root := endorsedBy(tb.T, one)
		pinned := claims
		pinned.Root, pinned.Edges = root, []identity.Address{address(tb.T)} // which is not here
		tb.keyed(one)
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("nobody has shown an endorsement: %v", err)
		}
		e := tb.endorsed(signaling.EdgeID(one.String()), shown)
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
		one, other := address(tb.T), address(tb.T)
		shown, root := endorsedBy(tb.T, one)
		pinned := claims
		pinned.Root = root
		for _, step := range []struct {
			why   string
			id    signaling.EdgeID
			shown string
		}{
			{"another edge's", signaling.EdgeID(other.String()), shown},
			{"no endorsement", signaling.EdgeID(one.String()), "strange"},
			{"signed by nobody", signaling.EdgeID(one.String()), shown[:len(shown)-130] + strings.Repeat("0", 130)},
			{"of a longer life than was signed", signaling.EdgeID(one.String()), strings.Replace(shown, ".", ".1", 1)},
		} {
			tb.endorsed(step.id, step.shown)
			if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
				tb.Errorf("%s: %v", step.why, err)
			}
		}
		tb.endorsed(signaling.EdgeID(one.String()), shown)
		if err := tb.play(tb.player, request, pinned); err != nil {
			tb.Errorf("its own: %v", err)
		}
		tb.leave(tb.player)
		tb.endorsed(signaling.EdgeID(one.String()), "") // it is back, and shows none
		if err := tb.play(tb.player, request, pinned); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("the endorsement of an earlier registration counts: %v", err)
		}
		time.Sleep(time.Hour)
		shown, _ = endorsedBy(tb.T, one)
		time.Sleep(2 * time.Hour)
		if e := tb.endorsed(signaling.EdgeID(one.String()), shown); e.root != "" || e.lapse != nil {
			tb.Error("one that is over already counts")
		}
	})
}

func TestEveryNodeKnowsByWhomAnEdgeIsEndorsed(t *testing.T) {
	inCity(t, 2, func(c *city) {
		one := address(c.T)
		shown, root := endorsedBy(c.T, one)
		c.rig(1).connect(c.nodes[1])
		m := here
		m.Endorsement = shown
		c.nodes[1].register(&recorder{}, m, signaling.EdgeID(one.String()))
		c.settle()
		request := c.nodes[0].requestOf(&player{request: request, claims: token.Claims{Root: root}})
		candidates, err := c.nodes[0].index.Shortlist(request, c.nodes[0].intN)
		if err != nil || len(candidates) != 1 || candidates[0].Edge != signaling.EdgeID(one.String()) {
			c.Fatalf("%+v, %v", candidates, err)
		}
	})
}
