package server

import (
	"testing"
	"testing/synctest"
	"time"

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
		back := &recorder{}
		again := here
		again.Sessions, again.Free = []signaling.SessionID{s.id, "s-of-old"}, 0
		if e := tb.register(back, again, "edge-token"); e != tb.edge {
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
		tb.register(&recorder{}, here, "edge-token")
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
		back := &recorder{}
		again := here
		again.Sessions = []signaling.SessionID{s.id}
		tb.register(back, again, "edge-token")
		tb.want(back, "registered", "start")
	})
}

func TestAStatusBeyondTheSlotsIsRefused(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.registry.fromEdge(tb.edge, tb.edgeSocket, signaling.Status{Free: 2}); err == nil {
			tb.Error("taken")
		}
	})
}
func TestASlotIsGivenOnceHoweverLateTheEdgesStatusComes(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.playing()
		tb.fromEdge(signaling.Status{Free: 1}) // sent before it saw the start
		if err := tb.play(tb.join(&recorder{}, tb.log), request, claimsOf("two")); err == nil || err.Code != signaling.CodeFull {
			tb.Error(err)
		}
		tb.fromEdge(signaling.Status{Free: 0})
		tb.leave(tb.player)
		if err := tb.play(tb.join(&recorder{}, tb.log), request, claimsOf("two")); err == nil || err.Code != signaling.CodeFull {
			tb.Errorf("the edge has not said that it has cleaned up, yet: %v", err)
		}
		tb.fromEdge(signaling.Status{Free: 1})
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
		tb.fromEdge(signaling.Status{Free: 1})
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Errorf("an edge that speaks again is not used: %v", err)
		}
	})
}
