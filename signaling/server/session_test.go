package server

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

func TestAnEdgeThatDoesNotOfferIsGivenUp(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		tb.want(tb.edgeSocket, "start")
		tb.want(tb.playerSocket, "matched")
		time.Sleep(offerTimeout - time.Millisecond) // the bubble's clock, no real time
		tb.want(tb.playerSocket)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if code := ended(tb.T, tb.playerSocket.take()[0]); code != signaling.CodeTimedOut {
			tb.Error(code)
		}
		tb.want(tb.edgeSocket, "stop")
		tb.empty()
	})
}

func TestABrowserThatDoesNotAnswerIsGivenUp(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		tb.fromEdge(signaling.Offer{Session: tb.player.session.id, SDP: "v=0"})
		time.Sleep(answerTimeout + time.Millisecond)
		tb.want(tb.playerSocket, "matched", "offer", "ended")
		tb.want(tb.edgeSocket, "start", "stop")
		tb.empty()
	})
}

func TestASettledSessionHasNoDeadline(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.playing()
		time.Sleep(24 * time.Hour)
		tb.want(tb.playerSocket)
		tb.want(tb.edgeSocket)
	})
}

func TestALostPlayerHasHoldTimeToComeBack(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		tb.part(tb.player, holdTime)
		time.Sleep(holdTime - time.Second)
		tb.want(tb.edgeSocket)
		again := &recorder{}
		p := tb.join(again, tb.log)
		resume := request
		resume.Resume, resume.App = s.id, ""
		if err := tb.play(p, resume, claims); err != nil {
			tb.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		start, ok := tb.edgeSocket.take()[0].(signaling.Start)
		if !ok || !start.Resume || start.Session != s.id || start.App != "tux" {
			tb.Errorf("%#v", start)
		}
		tb.want(again, "matched")
		tb.part(p, holdTime)
		time.Sleep(holdTime + time.Millisecond)
		synctest.Wait()
		if code := ended(tb.T, tb.edgeSocket.take()[0]); code != signaling.CodeTimedOut {
			tb.Error(code)
		}
		tb.empty()
	})
}

func TestAPlayerThatComesBackTooLateIsToldWhatHappenedMeanwhile(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		tb.part(tb.player, holdTime)
		tb.fromEdge(signaling.Ended{Session: s.id, Reason: signaling.NewError(signaling.CodeAppExited), Output: signaling.List[string]{"bye"}})
		again := &recorder{}
		resume := request
		resume.Resume = s.id
		if err := tb.play(tb.join(again, tb.log), resume, claims); err != nil {
			tb.Fatal(err)
		}
		synctest.Wait()
		over, ok := again.take()[0].(signaling.Ended)
		if !ok || over.Reason.Code != signaling.CodeAppExited || over.Output[0] != "bye" || over.Session != "" {
			tb.Errorf("%#v", over)
		}
		tb.empty()
	})
}

func TestOnlyTheSameTokenResumes(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		tb.part(tb.player, holdTime)
		resume := request
		resume.Resume = s.id
		other := claims
		other.ID = "two"
		if err := tb.play(tb.join(&recorder{}, tb.log), resume, other); err == nil || err.Code != signaling.CodeTimedOut {
			tb.Error(err)
		}
		tb.want(tb.edgeSocket)
	})
}

func TestANewerConnectionTakesTheSessionOver(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		resume := request
		resume.Resume = s.id
		again := &recorder{}
		p := tb.join(again, tb.log)
		if err := tb.play(p, resume, claims); err != nil {
			tb.Fatal(err)
		}
		if tb.playerSocket.reason == nil || tb.playerSocket.reason.Code != signaling.CodeReplaced {
			tb.Error(tb.playerSocket.reason)
		}
		tb.part(tb.player, holdTime) // its socket closes at last
		tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0"})
		tb.answer(p, signaling.Answer{SDP: "v=0"})
		time.Sleep(holdTime)
		if p.session != s || s.player != p {
			tb.Error("the old connection's end has touched the session")
		}
	})
}

func TestAFullEdgeSaysSoAndNamesTheSessionThatWaits(t *testing.T) {
	inBubble(t, func(tb *table) {
		many := claims
		many.Rights = append(many.Rights[:len(many.Rights):len(many.Rights)], token.Many)
		for _, step := range []struct {
			as   token.Claims
			want signaling.Code
		}{{many, signaling.CodeFull}, {claims, signaling.CodeTokenInUse}} {
			s := tb.playing()
			second := tb.join(&recorder{}, tb.log)
			err := tb.play(second, request, step.as)
			if err == nil || err.Code != step.want || !err.Retryable || err.Hint == "" {
				tb.Fatal(err)
			}
			plain := err.Hint
			tb.part(tb.player, holdTime)
			if err := tb.play(second, request, step.as); err == nil || err.Code != step.want || err.Hint == plain || !strings.Contains(err.Hint, "30s") {
				tb.Errorf("%v", err)
			}
			tb.fromEdge(signaling.Ended{Session: s.id, Reason: signaling.NewError(signaling.CodeAppExited)})
			tb.edgeSocket.vacate(s.id)
			tb.player = tb.join(tb.playerSocket, tb.log)
		}
	})
}

func TestLeavingStopsTheSessionAtOnce(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.playing()
		tb.leave(tb.player)
		synctest.Wait()
		if code := ended(tb.T, tb.edgeSocket.take()[0]); code != signaling.CodeLeft {
			tb.Error(code)
		}
		tb.empty()
		time.Sleep(idleTimeout + time.Millisecond)
		synctest.Wait()
		if tb.playerSocket.reason == nil || tb.playerSocket.reason.Code != signaling.CodeTimedOut {
			tb.Error("an idle player stays for ever")
		}
	})
}

func TestAConnectionIsGivenNewWaysAsOftenAsItsPlayerAsks(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		for range 2 {
			tb.restart(tb.player)
			tb.want(tb.edgeSocket, "restart")
			tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0", Restart: true})
			synctest.Wait()
			if m := tb.playerSocket.take()[0]; m != (signaling.Offer{SDP: "v=0", Restart: true}) {
				tb.Errorf("%#v", m)
			}
			tb.answer(tb.player, signaling.Answer{SDP: "v=0"})
			tb.want(tb.edgeSocket, "answer")
		}
		tb.fromEdge(signaling.Unheard{Session: s.id})
		tb.want(tb.playerSocket, "unheard")

		// Nobody answers: the connection may still come back by itself.
		tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0", Restart: true})
		time.Sleep(holdTime)
		tb.want(tb.playerSocket, "offer")
		tb.want(tb.edgeSocket)
		if tb.player.session != s {
			tb.Error("the session is over")
		}

		// The player's socket was of the old network too.
		tb.part(tb.player, holdTime)
		again := request
		again.Resume, again.Restart = s.id, true
		tb.playerSocket = &recorder{}
		tb.player = tb.join(tb.playerSocket, tb.log)
		if err := tb.play(tb.player, again, claims); err != nil {
			tb.Fatal(err)
		}
		synctest.Wait()
		start, is := tb.edgeSocket.take()[0].(signaling.Start)
		if !is || !start.Resume || !start.Restart {
			tb.Errorf("the edge is told %#v", start)
		}
		tb.restart(tb.player) // an offer is due anyhow
		tb.want(tb.edgeSocket)
	})
}

func TestARefusalIsTheAnswerToTheRequest(t *testing.T) {
	for _, step := range []struct {
		why   string
		mute  bool
		heard []string
	}{{"of a session that has its lease", false, []string{"matched"}}, {"of a lease", true, nil}} {
		t.Run(step.why, func(t *testing.T) {
			inBubble(t, func(tb *table) {
				tb.edgeSocket.mute = step.mute
				if err := tb.play(tb.player, request, claims); err != nil {
					tb.Fatal(err)
				}
				reason := signaling.Errorf(signaling.CodeAppFailed, "no display")
				tb.fromEdge(signaling.Refuse{Session: tb.player.session.id, Error: reason})
				if tb.playerSocket.reason != reason {
					tb.Error(tb.playerSocket.reason)
				}
				tb.want(tb.playerSocket, step.heard...)
				tb.want(tb.edgeSocket, "start")
				tb.empty()
			})
		})
	}
}

func TestASessionThatHasNoLeaseYetIsResumedByNobody(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.edgeSocket.mute = true
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		resume := request
		resume.Resume = tb.player.session.id // which nobody was told
		if err := tb.play(tb.join(&recorder{}, tb.log), resume, claims); err == nil || err.Code != signaling.CodeTimedOut {
			tb.Error(err)
		}
		for _, start := range tb.edgeSocket.take() {
			tb.edgeSocket.handle(start)
		}
		tb.want(tb.playerSocket, "matched")
		tb.want(tb.edgeSocket)
	})
}

func TestCandidatesAreCountedForEachNegotiation(t *testing.T) {
	inBubble(t, func(tb *table) {
		s := tb.playing()
		count := func() (player, edge int) {
			for range maxCandidates + 10 {
				tb.candidate(tb.player, signaling.Candidate{Candidate: "c"})
				tb.fromEdge(signaling.Candidate{Session: s.id, Candidate: "c"})
			}
			return len(tb.playerSocket.take()), len(tb.edgeSocket.take())
		}
		if player, edge := count(); player != maxCandidates || edge != maxCandidates {
			tb.Errorf("%d and %d candidates", player, edge)
		}
		tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0"}) // an ICE restart
		tb.want(tb.playerSocket, "offer")
		if player, edge := count(); player != maxCandidates || edge != maxCandidates {
			tb.Errorf("%d and %d candidates", player, edge)
		}
	})
}

func TestMessagesOutOfTurnAreDropped(t *testing.T) {
	inBubble(t, func(tb *table) {
		tb.answer(tb.player, signaling.Answer{SDP: "v=0"})
		tb.candidate(tb.player, signaling.Candidate{Candidate: "c"})
		tb.leave(tb.player)
		for _, m := range []signaling.Message{
			signaling.Offer{Session: "none", SDP: "v=0"}, signaling.Living{Session: "none"},
			signaling.Installing{Request: "none", App: "a", Done: true}, signaling.Ended{Session: "none", Reason: signaling.NewError(signaling.CodeFull)},
		} {
			tb.fromEdge(m)
		}
		tb.want(tb.playerSocket)
		tb.want(tb.edgeSocket)
		s := tb.playing()
		tb.answer(tb.player, signaling.Answer{SDP: "again"})
		tb.fromEdge(signaling.Living{Session: s.id})
		tb.want(tb.edgeSocket)
		tb.want(tb.playerSocket)
	})
}

func TestTokensDecideWhatMayBePlayed(t *testing.T) {
	inBubble(t, func(tb *table) {
		for _, step := range []struct {
			why    string
			claims token.Claims
			app    string
			want   signaling.Code
		}{
			{"no right to play", token.Claims{Role: token.Player, Rights: []token.Right{token.Install}}, "tux", signaling.CodeBadToken},
			{"an edge's token", token.Claims{Role: token.Edge, Rights: []token.Right{token.Play}}, "tux", signaling.CodeBadToken},
			{"good for another app", token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, App: "race"}, "tux", signaling.CodeBadToken},
			{"the token's app when none is named", token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, App: "race"}, "", signaling.CodeNotInstalled},
			{"unknown", claims, "solitaire", signaling.CodeUnknownApp},
		} {
			m := request
			m.App = step.app
			if err := tb.play(tb.player, m, step.claims); err == nil || err.Code != step.want {
				tb.Errorf("%s: %v", step.why, err)
			}
		}
	})
}
