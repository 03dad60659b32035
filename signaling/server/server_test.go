package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/bus/bustest"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func is(err error, code signaling.Code) bool { return errors.Is(err, &signaling.Error{Code: code}) }

func TestPlayerAndEdgeAreMatchedAndHearEachOther(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) {
		c.ICEServers = func(signaling.SessionID) []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: signaling.List[string]{"stun:127.0.0.1:3478"}}}
		}
	})
	m := n.machine(1, nil)
	m.start()
	play := n.play("tux")
	play.Size, play.Codecs = &signaling.Size{Width: 1280, Height: 720}, []string{"av1", "vp8", "h264"}
	g := n.gamer(play, nil)
	matched := await[signaling.Matched](t, g.heard)
	if matched.Edge.ID != m.ID() || matched.Edge.Name != "den" || matched.ICEServers[0].URLs[0] != "stun:127.0.0.1:3478" {
		t.Errorf("%+v", matched)
	}
	start := await[signaling.Start](t, m.heard)
	if start.Token != play.Token || start.App != "tux" || *start.Size != *play.Size || start.Resume || start.Session != matched.Session ||
		len(start.Codecs) != 2 || start.Codecs[0] != "vp8" {
		t.Errorf("%+v", start)
	}
	if progress := await[signaling.Progress](t, g.heard); progress.Stage != signaling.StageStarting || progress.Detail != "Tux" {
		t.Errorf("%+v", progress)
	}
	await[signaling.Offer](t, g.heard)
	if c := await[signaling.Candidate](t, g.heard); c.Candidate != "of the edge" || c.Session != "" {
		t.Errorf("%+v", c)
	}
	for _, message := range []signaling.Message{
		signaling.Answer{SDP: "v=0 answer"}, signaling.Candidate{Candidate: "of the player", Mid: "1", Line: 1}, signaling.Candidate{},
	} {
		if err := g.Send(message); err != nil {
			t.Fatal(err)
		}
	}
	if answer := await[signaling.Answer](t, m.heard); answer.SDP != "v=0 answer" || answer.Session != start.Session {
		t.Errorf("%+v", answer)
	}
	want := signaling.Candidate{Session: start.Session, Candidate: "of the player", Mid: "1", Line: 1}
	if c := await[signaling.Candidate](t, m.heard); c != want {
		t.Errorf("%+v", c)
	}
	if c := await[signaling.Candidate](t, m.heard); c != (signaling.Candidate{Session: start.Session}) {
		t.Errorf("the end of candidates is %+v", c)
	}
	m.tell(signaling.Ended{Session: start.Session, Reason: signaling.NewError(signaling.CodeAppExited), Output: signaling.List[string]{"bye"}})
	ended := await[signaling.Ended](t, g.heard)
	if ended.Output[0] != "bye" {
		t.Errorf("%+v", ended)
	}
	if err := g.end(); !is(err, signaling.CodeAppExited) {
		t.Error(err)
	}
}

func TestAPlayerWhoseEdgeIsKilledKnowsWithin3s(t *testing.T) {
	inTime(t, nil, func(t *testing.T, n *network) {
		e := n.register(1)
		g := n.gamer(n.play("tux"), nil)
		start := expect[signaling.Start](e)
		e.say(signaling.Offer{Session: start.Session, SDP: "v=0 offer of " + string(start.Session)})
		g.playing()
		expect[signaling.Answer](e)
		e.NetConn().Close() // what the kernel does for a killed process
		killed := time.Now()
		ended := await[signaling.Ended](t, g.heard)
		if took := time.Since(killed); ended.Reason.Code != signaling.CodeEdgeGone || took > 3*time.Second {
			t.Errorf("%v after %v", ended.Reason, took)
		}
	})
}

func TestAPlayerThatClosesItsPageFreesTheSlotOnceAReloadWouldBeBack(t *testing.T) {
	inTime(t, nil, func(t *testing.T, n *network) {
		e := n.register(1)
		player := n.dial(signaling.PlayerPath)
		player.say(n.play("tux"))
		start := expect[signaling.Start](e)
		if err := player.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, "")); err != nil {
			t.Fatal(err)
		}
		left := time.Now()
		stop := expect[signaling.Stop](e)
		if took := time.Since(left); stop.Session != start.Session || stop.Reason.Code != signaling.CodeTimedOut || took < 4*time.Second || took > 10*time.Second {
			t.Errorf("%v after %v", stop.Reason, took)
		}
	})
}

func TestAPlayerThatChecksASilentEdgeKnowsWithin3s(t *testing.T) {
	inTime(t, nil, func(t *testing.T, n *network) {
		m := n.machine(1, nil)
		m.start()
		g := n.gamer(n.play("tux"), nil)
		g.playing()
		if err := g.Send(signaling.Check{}); err != nil {
			t.Fatal(err)
		}
		if checked := await[signaling.Checked](t, g.heard); checked.Edge != signaling.Alive {
			t.Error(checked)
		}
		m.mu.Lock()
		m.deaf = true
		m.mu.Unlock()
		asked := time.Now()
		if err := g.Send(signaling.Check{}); err != nil {
			t.Fatal(err)
		}
		if checked := await[signaling.Checked](t, g.heard); checked.Edge != signaling.Gone {
			t.Error(checked)
		}
		if took := time.Since(asked); took > 3*time.Second {
			t.Errorf("after %v", took)
		}
	})
}

// wire dials for a client and can cut what it has dialled.
type wire struct {
	mu   sync.Mutex
	open []net.Conn
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		w.mu.Lock()
		w.open = append(w.open, conn)
		w.mu.Unlock()
	}
	return conn, err
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.open {
		conn.Close()
	}
	w.open = nil
}

func TestAPlayerWhoseConnectionIsCutResumesItsSession(t *testing.T) {
	n := newNetwork(t, nil)
	m := n.machine(1, nil)
	m.start()
	var w wire
	g := n.gamer(n.play("tux"), func(c *client.Config) { c.Dial = w.dial })
	session := g.playing()
	await[signaling.Answer](t, m.heard)
	w.cut()
	start := await[signaling.Start](t, m.heard)
	if !start.Resume || start.Session != session {
		t.Errorf("%+v", start)
	}
	if again := g.playing(); again != session {
		t.Errorf("session %s became %s", session, again)
	}
	await[signaling.Answer](t, m.heard)
	g.leave()
	if stop := await[signaling.Stop](t, m.heard); stop.Reason.Code != signaling.CodeLeft {
		t.Errorf("%+v", stop)
	}
	if err := g.end(); err != nil {
		t.Error(err)
	}
}

func TestAnEdgeWhoseConnectionIsCutKeepsItsSessions(t *testing.T) {
	n := newNetwork(t, nil)
	var w wire
	m := n.machine(1, func(c *client.Config) { c.Dial = w.dial })
	m.start()
	id := m.ID()
	g := n.gamer(n.play("tux"), nil)
	session := g.playing()
	await[signaling.Answer](t, m.heard)
	w.cut()
	m.tell(signaling.Offer{Session: session, SDP: "v=0 sent while the connection was lost"})
	if again := await[signaling.Registered](t, m.heard); again.Edge != id {
		t.Errorf("edge %s became %s", id, again.Edge)
	}
	if offer := await[signaling.Offer](t, g.heard); offer.SDP != "v=0 sent while the connection was lost" {
		t.Errorf("%+v", offer)
	}
	if err := g.Send(signaling.Check{}); err != nil {
		t.Fatal(err)
	}
	if checked := await[signaling.Checked](t, g.heard); checked.Edge != signaling.Alive {
		t.Error(checked)
	}
}

func TestASecondPlayerOnAFullEdgeIsToldSoAndMayTryAgain(t *testing.T) {
	n := newNetwork(t, nil)
	m := n.machine(1, nil)
	m.start()
	first := n.gamer(n.play("tux"), nil)
	first.playing()
	err := n.gamer(n.play("tux"), nil).end()
	if e := signaling.AsError(err); e.Code != signaling.CodeFull || !e.Retryable || e.Hint == "" {
		t.Errorf("%#v", e)
	}
	first.leave()
	if err := first.end(); err != nil {
		t.Error(err)
	}
	await[signaling.Stop](t, m.heard)
	// The machine's status is on its way; a player tries until it is there.
	for deadline := time.Now().Add(patience); ; {
		g := n.gamer(n.play("tux"), nil)
		select {
		case err := <-g.done:
			if !is(err, signaling.CodeFull) || time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		case <-g.heard:
		}
		break
	}
}

func TestAnUnknownAppAndForeignCodecsAreRefusedInWords(t *testing.T) {
	n := newNetwork(t, nil)
	if err := n.gamer(n.play("tux"), nil).end(); !is(err, signaling.CodeNoEdge) {
		t.Error(err)
	}
	n.machine(1, nil).start()
	if err := n.gamer(n.play("solitaire"), nil).end(); !is(err, signaling.CodeUnknownApp) {
		t.Error(err)
	}
	if err := n.gamer(n.play("race"), nil).end(); !is(err, signaling.CodeNotInstalled) {
		t.Error(err)
	}
	play := n.play("tux")
	play.Codecs = []string{"hevc"}
	if err := n.gamer(play, nil).end(); !is(err, signaling.CodeNoCommonCodec) {
		t.Error(err)
	}
}

func TestBadTokensAreRefusedOnEverySocket(t *testing.T) {
	n, stranger := newNetwork(t, nil), newNetwork(t, nil)
	yesterday := time.Now().Add(-24 * time.Hour)
	lateIssuer, err := token.NewIssuer(n.key, token.Scope{}, func() time.Time { return yesterday })
	if err != nil {
		t.Fatal(err)
	}
	expired, err := lateIssuer.Issue(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Expires: yesterday.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		why   string
		token string
		want  signaling.Code
	}{
		{"signed by another key", stranger.playerToken(), signaling.CodeBadToken},
		{"an edge's", n.token(token.Claims{Role: token.Edge}), signaling.CodeBadToken},
		{"no right to play", n.token(token.Claims{Role: token.Player}), signaling.CodeBadToken},
		{"alg none", "eyJhbGciOiJub25lIn0.eyJyb2xlIjoicGxheWVyIn0.", signaling.CodeBadToken},
		{"expired", expired, signaling.CodeExpiredToken},
		{"not a token", "x", signaling.CodeBadToken},
	} {
		t.Run(step.why, func(t *testing.T) {
			play := signaling.Play{Token: step.token, Codecs: []string{"h264"}}
			if err := n.gamer(play, nil).end(); !is(err, step.want) {
				t.Error(err)
			}
		})
	}
	m := n.machine(1, nil)
	m.token = n.playerToken()
	if err := m.Run(t.Context()); !is(err, signaling.CodeBadToken) {
		t.Errorf("an edge with a player's token: %v", err)
	}
}

func TestAppsAreListedForTheBearerOfAToken(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Origins = []string{"https://studio.example"} })
	n.machine(1, nil).start()
	fetch := func(authorization, origin, host string) (*http.Response, []byte) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+signaling.AppsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		if origin != "" {
			request.Header.Set("Origin", origin)
		}
		if host != "" {
			request.Host = host
		}
		response, err := n.http.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, body
	}
	response, body := fetch("Bearer "+n.playerToken(), "https://studio.example", "")
	var list struct{ Apps []signaling.App }
	if err := json.Unmarshal(body, &list); err != nil || len(list.Apps) != 2 || list.Apps[0].Name != "race" {
		t.Errorf("%s, %v", body, err)
	}
	if allowed := response.Header.Get("Access-Control-Allow-Origin"); allowed != "https://studio.example" {
		t.Errorf("allowed for %q", allowed)
	}
	for _, step := range []struct {
		why, authorization, origin, host string
		status                           int
		code                             signaling.Code
	}{
		{"no token", "", "", "", http.StatusUnauthorized, signaling.CodeBadToken},
		{"another scheme", "Basic " + n.playerToken(), "", "", http.StatusUnauthorized, signaling.CodeBadToken},
		{"an edge's token", "Bearer " + n.token(token.Claims{Role: token.Edge}), "", "", http.StatusUnauthorized, signaling.CodeBadToken},
		{"another origin", "Bearer " + n.playerToken(), "https://evil.example", "", http.StatusForbidden, signaling.CodeWrongOrigin},
		{"another host", "Bearer " + n.playerToken(), "", "evil.example", http.StatusForbidden, signaling.CodeWrongOrigin},
	} {
		response, body := fetch(step.authorization, step.origin, step.host)
		m, err := signaling.Parse(signaling.SignalingToPlayer, body)
		if failed, ok := m.(signaling.Failed); err != nil || !ok || failed.Error.Code != step.code || response.StatusCode != step.status {
			t.Errorf("%s: %s %s %v", step.why, response.Status, body, err)
		}
	}
}

func TestShuttingDownTellsEveryoneAndTakesNobodyMore(t *testing.T) {
	n := newNetwork(t, nil)
	e := n.register(1)
	p := n.dial(signaling.PlayerPath)
	p.say(n.play("tux"))
	expect[signaling.Matched](p)
	idle := n.dial(signaling.PlayerPath)
	n.stop()
	for _, s := range []*socket{e, p, idle} {
		if reason, code := s.closed(); reason == nil || reason.Code != signaling.CodeShuttingDown || code != 1001 {
			t.Errorf("%v, %d", reason, code)
		}
	}
	<-n.stopped
	late := n.dial(signaling.PlayerPath)
	if reason, _ := late.closed(); reason == nil || reason.Code != signaling.CodeShuttingDown {
		t.Error(reason)
	}
	response, err := n.http.Client().Get(n.url + signaling.HealthPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Error(response.Status)
	}
	n.http.Client().CloseIdleConnections()
}

func TestMetricsFollowWhatHappens(t *testing.T) {
	n := newNetwork(t, nil)
	m := n.machine(2, nil)
	stop := m.start()
	g := n.gamer(n.play("tux"), nil)
	g.playing()
	await[signaling.Answer](t, m.heard)
	for name, want := range map[string]float64{
		"nearlight_signaling_edges": 1, "nearlight_signaling_sessions": 1, "nearlight_signaling_connections": 2,
		"nearlight_signaling_matches_total": 1,
	} {
		if got := n.metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	g.leave()
	if err := g.end(); err != nil {
		t.Error(err)
	}
	stop()
	n.stop()
	<-n.stopped
	for _, name := range []string{"nearlight_signaling_edges", "nearlight_signaling_sessions", "nearlight_signaling_connections"} {
		if got := n.metric(name); got != 0 {
			t.Errorf("%s is %v in the end", name, got)
		}
	}
}

func TestANodeIsReadyOnceItHasReachedItsClusterAndNotWhenItIsStopped(t *testing.T) {
	bus := new(bustest.Network).Join()
	t.Cleanup(bus.Close)
	bus.Cut(true)
	n := newNetwork(t, func(c *server.Config) { c.Bus = bus })
	status := func(path string) int {
		response, err := http.Get(n.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if ready, live := status(signaling.ReadyPath), status(signaling.LivePath); ready != http.StatusServiceUnavailable || live != http.StatusOK {
		t.Errorf("without its cluster a node says %d, %d", ready, live)
	}
	for _, away := range []bool{false, true} {
		bus.Cut(away)
		for deadline := time.Now().Add(patience); status(signaling.ReadyPath) != http.StatusOK; { // Run may just be beginning
			if time.Now().After(deadline) {
				t.Fatalf("it is not ready; the bus is away: %v", away)
			}
		}
	}
	n.stop()
	<-n.stopped
	if ready := status(signaling.ReadyPath); ready != http.StatusServiceUnavailable {
		t.Errorf("when it is stopped a node says %d", ready)
	}
}
