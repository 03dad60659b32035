package server

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

// recorder is a peer that keeps what it is sent.
type recorder struct {
	mu     sync.Mutex
	got    []signaling.Message
	closed bool
	reason *signaling.Error
}

func (p *recorder) send(m signaling.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.got = append(p.got, m)
	}
}

func (p *recorder) end(reason *signaling.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed, p.reason = true, reason
	}
}

// take returns what has come since the last time.
func (p *recorder) take() []signaling.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// kinds is take, by type.
func (p *recorder) kinds() []string {
	kinds := []string{}
	for _, m := range p.take() {
		kinds = append(kinds, signaling.Kind(m))
	}
	return kinds
}

// table is a registry that runs, one edge and one player in it.
type table struct {
	*testing.T
	*registry
	edgeSocket, playerSocket *recorder
	edge                     *edge
	player                   *player
}

var (
	tux     = signaling.App{Name: "tux", Title: "Tux", Installed: true}
	race    = signaling.App{Name: "race", Title: "Race"}
	request = signaling.Play{Token: "t", App: "tux", Codecs: []string{"av1", "h264"}}
	claims  = token.Claims{ID: "one", Role: token.Player, Rights: []token.Right{token.Play, token.Install}}
	here    = signaling.Register{
		Token: "t", Name: "den", Slots: 1, Free: 1, Codecs: signaling.List[string]{"h264", "vp8"}, Apps: signaling.List[signaling.App]{tux, race},
	}
)

func inBubble(t *testing.T, test func(*table)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		r := newRegistry(slog.New(slog.DiscardHandler), newMetrics(), func(int) int { return 0 },
			func(signaling.SessionID) []signaling.ICEServer { return nil }, nil)
		var running sync.WaitGroup
		running.Go(func() { r.run(ctx) })
		defer running.Wait()
		defer stop()
		tb := &table{T: t, registry: r, edgeSocket: &recorder{}, playerSocket: &recorder{}}
		tb.edge = r.register(tb.edgeSocket, here, "edge-token")
		tb.player = r.join(tb.playerSocket, r.log)
		tb.want(tb.edgeSocket, "registered")
		test(tb)
	})
}

// want waits until all is quiet and compares what a peer has got.
func (tb *table) want(p *recorder, kinds ...string) {
	tb.Helper()
	synctest.Wait()
	if kinds == nil {
		kinds = []string{}
	}
	if got := p.kinds(); !reflect.DeepEqual(got, kinds) {
		tb.Fatalf("got %v, want %v", got, kinds)
	}
}

func (tb *table) fromEdge(m signaling.Message) {
	tb.Helper()
	if err := tb.registry.fromEdge(tb.edge, tb.edgeSocket, m); err != nil {
		tb.Fatal(err)
	}
}

// playing brings the session to where the two talk with each other.
func (tb *table) playing() *session {
	tb.Helper()
	if err := tb.play(tb.player, request, claims); err != nil {
		tb.Fatal(err)
	}
	s := tb.player.session
	tb.fromEdge(signaling.Offer{Session: s.id, SDP: "v=0"})
	tb.answer(tb.player, signaling.Answer{SDP: "v=0"})
	tb.want(tb.edgeSocket, "start", "answer")
	tb.want(tb.playerSocket, "matched", "offer")
	return s
}

func (tb *table) empty() {
	tb.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.sessions) != 0 || len(tb.edge.sessions) != 0 {
		tb.Errorf("%d sessions are left, %d at the edge", len(tb.sessions), len(tb.edge.sessions))
	}
}

func ended(t *testing.T, m signaling.Message) signaling.Code {
	t.Helper()
	switch m := m.(type) {
	case signaling.Ended:
		return m.Reason.Code
	case signaling.Stop:
		return m.Reason.Code
	}
	t.Fatalf("%#v ends nothing", m)
	return ""
}

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
			tb.fromEdge(signaling.Status{Free: 1})
			tb.player = tb.join(tb.playerSocket, tb.log)
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

func TestARefusalIsTheAnswerToTheRequest(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.play(tb.player, request, claims); err != nil {
			tb.Fatal(err)
		}
		reason := signaling.Errorf(signaling.CodeAppFailed, "no display")
		tb.fromEdge(signaling.Refuse{Session: tb.player.session.id, Error: reason})
		if tb.playerSocket.reason != reason {
			tb.Error(tb.playerSocket.reason)
		}
		tb.want(tb.edgeSocket, "start")
		tb.empty()
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

func TestAnInstallationIsSharedAndMakesTheAppPlayable(t *testing.T) {
	inBubble(t, func(tb *table) {
		install := signaling.Install{Token: "t", App: "race"}
		second := &recorder{}
		p := tb.join(second, tb.log)
		for _, who := range []*player{tb.player, p} {
			if err := tb.installApp(who, install, claims); err != nil {
				tb.Fatal(err)
			}
		}
		synctest.Wait()
		asked := tb.edgeSocket.take()
		if len(asked) != 1 {
			tb.Fatalf("%#v", asked)
		}
		id := asked[0].(signaling.Install).Request
		tb.fromEdge(signaling.Installing{Request: id, App: "race", Percent: 50})
		tb.part(p, holdTime)
		tb.fromEdge(signaling.Installing{Request: id, App: "race", Percent: 100, Done: true})
		tb.want(second, "installing")
		tb.want(tb.playerSocket, "installing", "installing")
		m := request
		m.App = "race"
		if err := tb.play(tb.player, m, claims); err != nil {
			tb.Error(err)
		}
		if len(tb.edge.installs) != 0 || here.Apps[1].Installed {
			tb.Error("the installation is still there, or the edge's own list was written to")
		}
	})
}

func TestAnInstallationThatCannotBeIsToldWithoutClosing(t *testing.T) {
	inBubble(t, func(tb *table) {
		last := func() signaling.Installing {
			synctest.Wait()
			got := tb.playerSocket.take()
			return got[len(got)-1].(signaling.Installing)
		}
		ask := func(app string) {
			if err := tb.installApp(tb.player, signaling.Install{Token: "t", App: app}, claims); err != nil {
				tb.Fatal(err)
			}
		}
		ask("solitaire")
		if m := last(); !m.Done || m.Error == nil || m.Error.Code != signaling.CodeUnknownApp {
			tb.Errorf("%+v", m)
		}
		ask("tux")
		if m := last(); !m.Done || m.Error != nil || m.Percent != 100 {
			tb.Errorf("installed already: %+v", m)
		}
		ask("race")
		ask("race")
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeRateLimited {
			tb.Errorf("two at once: %+v", m)
		}
		time.Sleep(installTimeout + time.Millisecond)
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeTimedOut {
			tb.Errorf("silence: %+v", m)
		}
		ask("race")
		tb.loseEdge(tb.edge, tb.edgeSocket)
		time.Sleep(edgeReturn + time.Millisecond)
		if m := last(); m.Error == nil || m.Error.Code != signaling.CodeEdgeGone {
			tb.Errorf("edge gone: %+v", m)
		}
		if tb.playerSocket.closed {
			tb.Error("closed")
		}
		playOnly := token.Claims{Role: token.Player, Rights: []token.Right{token.Play}}
		if err := tb.installApp(tb.player, signaling.Install{Token: "t", App: "race"}, playOnly); err == nil || err.Code != signaling.CodeBadToken {
			tb.Errorf("without the right: %v", err)
		}
	})
}

func TestAppsAreListedOnceAndAsInstalledWhereOneHasThem(t *testing.T) {
	inBubble(t, func(tb *table) {
		other := here
		installed := race
		installed.Installed = true
		other.Apps = signaling.List[signaling.App]{installed}
		tb.register(&recorder{}, other, "another")
		apps := tb.apps(claims.AllowsApp)
		if !reflect.DeepEqual(apps, []signaling.App{installed, tux}) {
			tb.Errorf("%+v", apps)
		}
		if apps := tb.apps(token.Claims{App: "tux"}.AllowsApp); !reflect.DeepEqual(apps, []signaling.App{tux}) {
			tb.Errorf("restricted to tux: %+v", apps)
		}
	})
}

func TestAStatusBeyondTheSlotsIsRefused(t *testing.T) {
	inBubble(t, func(tb *table) {
		if err := tb.registry.fromEdge(tb.edge, tb.edgeSocket, signaling.Status{Free: 2}); err == nil {
			tb.Error("taken")
		}
	})
}
