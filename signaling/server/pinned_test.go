package server

import (
	"testing"
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
	e := tb.register(socket, here, keyOwner+of.String())
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

// Which edges a root has endorsed beside those that are named, a token does not say.
func TestATokenThatNamesARootIsNotHeldToTheEdgesThatItNames(t *testing.T) {
	inBubble(t, func(tb *table) {
		pinned := claims
		pinned.Edges, pinned.Root = []identity.Address{address(tb.T)}, address(tb.T)
		if err := tb.play(tb.player, request, token.Claims(pinned)); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.edgeSocket, "start")
	})
}
