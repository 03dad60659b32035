package server

import (
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
)

func TestAnEdgeThatIsLostIsGoneAfterEdgeReturn(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.playing()
		tb.loseEdge(tb.edge, tb.edgeSocket)
		time.Sleep(edgeReturn - time.Millisecond)
		tb.want(tb.playerSocket)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if code := ended(tb.T, tb.playerSocket.take()[0]); code != signaling.CodeEdgeGone {
			tb.Error(code)
		}
		tb.empty()
	})
}

func TestAnEdgeThatComesBackKeepsItsSessionsAndGetsWhatItMissed(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		s := tb.player.session
		tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0"})
		tb.loseEdge(tb.edge, tb.edgeSocket)
		tb.answer(tb.player, signaling.Answer{SDP: "v=0"})
		tb.candidate(tb.player, signaling.Candidate{Candidate: "c"})
		tb.check(tb.player)
		time.Sleep(probeTimeout / 2)
		back := tb.returns(func(m *signaling.Register) { m.Sessions = []signaling.SessionID{"s-of-old"} })
		if back.edge != tb.edge {
			tb.Fatal("it is taken for another")
		}
		tb.want(back, "registered", "answer", "candidate", "probe", "stop")
		time.Sleep(time.Minute)
		tb.loseEdge(tb.edge, tb.edgeSocket) // the old socket is noticed late
		time.Sleep(edgeReturn)
		if tb.edge.peer != back {
			tb.Error("the old socket's end has touched the edge")
		}
	})
}

func TestAnEdgeThatStartedAnewHasLostItsSessions(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.playing()
		tb.rents(tb, edgesim.NewSlots(tb.edgeSocket.Key(), []signaling.Epoch{1}, time.Now()), nil)
		synctest.Wait()
		if tb.edgeSocket.reason == nil || tb.edgeSocket.reason.Code != signaling.CodeReplaced {
			tb.Error("the old socket lives on")
		}
		if code := ended(tb.T, tb.playerSocket.take()[0]); code != signaling.CodeEdgeGone {
			tb.Error(code)
		}
		tb.empty()
	})
}

func TestASessionMatchedWhileItsEdgeIsReconnectingStartsOnTheNewSocket(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.edgeSocket, "start")
		s := tb.player.session
		tb.part(tb.player, holdTime)
		tb.loseEdge(tb.edge, tb.edgeSocket)
		resume := request
		resume.Resume = s.id
		if err := tb.play(tb.join(&recorder{}, tb.log), resume, claims); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.returns(nil), "registered", "start")
	})
}

func TestAStatusOfOtherSlotsThanThereAreIsRefused(t *testing.T) {
	inBubble(t, func(tb *table) {
		for why, m := range map[string]signaling.Status{
			"more are free": {Free: 2}, "more slots": {Free: 1, Leases: make([]signaling.SlotState, 2)}, "fewer": {Free: 1, Leases: []signaling.SlotState{}},
		} {
			if err := tb.registry.fromEdge(tb.edge, tb.edgeSocket, m); err == nil || err.Code != signaling.CodeBadMessage {
				tb.Errorf("%s: %v", why, err)
			}
		}
		tb.playing() // as if it had said nothing
	})
}

func TestASlotIsGivenOnceHoweverLateTheEdgesStatusComes(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.edgeSocket.mute = true
		before := tb.edgeSocket.Status()
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		second := &recorder{}
		if err := tb.play(tb.join(second, tb.log), request, claimsOf("two")); err == nil || err.Code != signaling.CodeFull {
			tb.Error(err)
		}
		tb.fromEdge(before) // sent before it saw the start
		if err := tb.play(tb.join(second, tb.log), request, claimsOf("two")); err != nil {
			tb.Errorf("the edge says that the slot is free: %v", err)
		}
		for _, start := range tb.edgeSocket.take() {
			tb.edgeSocket.handle(start) // the second is too late
		}
		tb.want(tb.playerSocket, "matched")
		tb.want(second)
		if second.reason == nil || second.reason.Code != signaling.CodeFull || len(tb.edgeSocket.Held()) != 1 {
			tb.Errorf("the second player is told %v; leases: %v", second.reason, tb.edgeSocket.Held())
		}
		s := tb.player.session
		tb.leave(tb.player)
		if err := tb.play(tb.join(&recorder{}, tb.log), request, claimsOf("three")); err == nil || err.Code != signaling.CodeFull {
			tb.Errorf("the edge has not said that it has cleaned up, yet: %v", err)
		}
		tb.edgeSocket.vacate(s.id)
		if err := tb.play(tb.join(&recorder{}, tb.log), request, claims); err != nil {
			tb.Error(err)
		}
	})
}

func TestACheckIsAnsweredByTheEdgeOrByItsSilence(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		tb.check(tb.player)
		tb.check(tb.player) // once is enough
		tb.want(tb.edgeSocket, "probe")
		tb.fromEdge(signaling.Living{Session: s.id})
		synctest.Wait()
		if m := tb.playerSocket.take()[0]; m != (signaling.Checked{Edge: signaling.Alive}) {
			tb.Errorf("%#v", m)
		}
		tb.edgeSocket.mute = true
		tb.check(tb.player)
		time.Sleep(probeTimeout + time.Millisecond)
		synctest.Wait()
		got := tb.playerSocket.take()
		if got[0] != (signaling.Checked{Edge: signaling.Gone}) || ended(tb.T, got[1]) != signaling.CodeEdgeGone {
			tb.Errorf("%#v", got)
		}
		tb.want(tb.edgeSocket, "probe", "stop")
		if err := tb.play(tb.player, request, claims); err == nil || err.Code != signaling.CodeNoEdge {
			tb.Errorf("a silent edge is given another player: %v", err)
		}
		tb.edgeSocket.vacate(s.id)
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Errorf("an edge that speaks again is not used: %v", err)
		}
	})
}
