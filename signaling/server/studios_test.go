package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/studio"
	"nearlight/signaling/token"
)

// swapped are keys, or a roster, that an operator changes.
type swapped[T any] struct{ atomic.Pointer[T] }

type swappedKeys struct{ swapped[token.KeySet] }

func (s *swappedKeys) Key(id string) (token.Key, bool) { return s.Load().Key(id) }

// acme is a network with a studio of that name, whose keys and limits can be changed.
type acme struct {
	*network
	keys   *swappedKeys
	roster swapped[studio.Roster]
}

func newAcme(t *testing.T, limits string) *acme {
	a := &acme{keys: &swappedKeys{}}
	a.limit(t, limits)
	a.network = newNetwork(t, func(c *server.Config) {
		c.Verifier = token.NewVerifier(token.Of("acme", a.keys), token.Scope{}, time.Now)
		c.Studios = func() studio.Roster { return *a.roster.Load() }
		c.Origins = []string{"https://everybody.example"}
	})
	a.rotate()
	return a
}

func (a *acme) limit(t *testing.T, limits string) {
	t.Helper()
	roster, err := studio.Parse([]byte("acme: " + limits))
	if err != nil {
		t.Fatal(err)
	}
	a.roster.Store(&roster)
}

// rotate has another key take the place of the one that there is.
func (a *acme) rotate() {
	a.Helper()
	private, err := token.NewKey()
	if err != nil {
		a.Fatal(err)
	}
	if a.issuer, err = token.NewIssuer(private, token.Scope{}, time.Now); err != nil {
		a.Fatal(err)
	}
	keys := a.issuer.Keys()
	a.keys.Store(&keys)
}

// from dials as a page of an origin.
func (a *acme) from(origin string) (*socket, *http.Response, error) {
	a.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience}
	ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(a.url, "http")+signaling.PlayerPath, http.Header{"Origin": {origin}})
	if err != nil {
		return nil, response, err
	}
	a.Cleanup(func() { ws.Close() })
	if err := ws.SetReadDeadline(time.Now().Add(3 * patience)); err != nil {
		a.Fatal(err)
	}
	return &socket{TB: a, Conn: ws, in: signaling.SignalingToPlayer, out: signaling.PlayerToSignaling}, response, nil
}

func (a *acme) asks(s *socket, change func(*token.Claims)) *socket {
	a.Helper()
	claims := token.Claims{Role: token.Player, Rights: []token.Right{token.Play, token.Watch}}
	if change != nil {
		change(&claims)
	}
	s.say(signaling.Play{Token: a.token(claims), App: "tux", Codecs: []string{"h264"}})
	return s
}

// apps asks for the list of apps as a page of an origin.
func (a *acme) apps(method, origin string) (status int, code signaling.Code, allowed string) {
	a.Helper()
	request, err := http.NewRequestWithContext(a.Context(), method, a.url+signaling.AppsPath, nil)
	if err != nil {
		a.Fatal(err)
	}
	if origin != "" {
		request.Header.Set("Origin", origin)
	}
	request.Header.Set("Authorization", "Bearer "+a.playerToken())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.Fatal(err)
	}
	defer response.Body.Close()
	var body struct{ Error *signaling.Error }
	if method == http.MethodGet {
		if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
			a.Fatal(err)
		}
	}
	if body.Error != nil {
		code = body.Error.Code
		if body.Error.Hint == "" {
			a.Errorf("%v says not what to do", body.Error)
		}
	}
	return response.StatusCode, code, response.Header.Get("Access-Control-Allow-Origin")
}

func refusedFor(t *testing.T, s *socket, code signaling.Code) {
	t.Helper()
	if reason, _ := s.closed(); reason == nil || reason.Code != code || reason.Hint == "" {
		t.Errorf("refused with %v, want %s", reason, code)
	}
}

// studioMetric is a metric of the studio's.
func (a *acme) studioMetric(name string, code signaling.Code) float64 {
	a.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		a.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range m.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if family.GetName() == "nearlight_signaling_"+name && labels["studio"] == "acme" && (code == "" || labels["code"] == string(code)) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestAStudiosTokensAreForItsOwnPages(t *testing.T) {
	a := newAcme(t, `{origins: [https://play.acme.example]}`)
	a.machine(8, nil).start()
	for _, step := range []struct {
		why, origin string
		in, good    bool
	}{
		{"its own page", "https://play.acme.example", true, true},
		{"no page", "", true, true},
		{"a page that everybody's tokens are for", "https://everybody.example", true, false},
		{"the server's own page", a.url, true, false},
		{"a page of nobody's", "https://evil.example", false, false},
	} {
		status, code, allowed := a.apps(http.MethodGet, step.origin)
		switch {
		case step.good && (status != http.StatusOK || allowed != step.origin):
			t.Errorf("%s: %d, %s, for %q", step.why, status, code, allowed)
		case !step.good && (status != http.StatusForbidden || code != signaling.CodeWrongOrigin):
			t.Errorf("%s: %d, %s", step.why, status, code)
		}
		if step.origin == "" {
			expect[signaling.Matched](a.asks(a.dial(signaling.PlayerPath), nil))
			continue
		}
		preflight, _, _ := a.apps(http.MethodOptions, step.origin)
		if in := preflight == http.StatusNoContent; in != step.in {
			t.Errorf("%s: asked before, %d", step.why, preflight)
		}
		s, response, err := a.from(step.origin)
		if (err == nil) != step.in {
			t.Errorf("%s: %v, %v", step.why, response, err)
		}
		switch {
		case step.good:
			expect[signaling.Matched](a.asks(s, nil))
		case step.in:
			refusedFor(t, a.asks(s, nil), signaling.CodeWrongOrigin)
		}
		whep, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+signaling.WHEPPath+"s-none", strings.NewReader("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		whep.Header.Set("Origin", step.origin)
		whep.Header.Set("Content-Type", "application/sdp")
		whep.Header.Set("Authorization", "Bearer "+a.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}}))
		answer, err := http.DefaultClient.Do(whep)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if forbidden := answer.StatusCode == http.StatusForbidden; forbidden == step.good {
			t.Errorf("%s by WHEP: %d", step.why, answer.StatusCode)
		}
	}
	if n := a.studioMetric("studio_refusals_total", signaling.CodeWrongOrigin); n < 6 {
		t.Errorf("%v refusals are counted", n)
	}
}

func TestAStudioHasSoManyGamesAtOnceWhicheverKeyHasSigned(t *testing.T) {
	a := newAcme(t, `{sessions: 2}`)
	edge := a.machine(8, nil)
	edge.start()
	first := a.asks(a.dial(signaling.PlayerPath), nil)
	session := expect[signaling.Matched](first).Session
	second := a.asks(a.dial(signaling.PlayerPath), nil)
	expect[signaling.Matched](second)
	refusedFor(t, a.asks(a.dial(signaling.PlayerPath), nil), signaling.CodeFull)
	a.rotate()
	refusedFor(t, a.asks(a.dial(signaling.PlayerPath), nil), signaling.CodeFull)
	if n := a.studioMetric("studio_sessions", ""); n != 2 {
		t.Errorf("%v sessions are counted", n)
	}
	// Who looks on takes no game's place, and one that ends leaves its own.
	watcher := a.dial(signaling.PlayerPath)
	watcher.say(signaling.Play{Token: a.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}}), Watch: session, Codecs: []string{"h264"}})
	expect[signaling.Matched](watcher)
	first.say(signaling.Leave{})
	a.eventually("the session is over", func() bool { return a.studioMetric("studio_sessions", "") == 1 })
	expect[signaling.Matched](a.asks(a.dial(signaling.PlayerPath), nil))
	refusedFor(t, a.asks(a.dial(signaling.PlayerPath), nil), signaling.CodeFull)
	a.limit(t, `{sessions: 3}`)
	expect[signaling.Matched](a.asks(a.dial(signaling.PlayerPath), nil))
}

func TestAStudioHasSoManyRequestsAMinuteWhicheverKeyHasSigned(t *testing.T) {
	a := newAcme(t, `{requests-per-minute: 4}`)
	a.machine(8, nil).start()
	for range 3 {
		if status, _, _ := a.apps(http.MethodGet, ""); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	expect[signaling.Matched](a.asks(a.dial(signaling.PlayerPath), nil))
	for range 2 {
		if status, code, _ := a.apps(http.MethodGet, ""); status != http.StatusTooManyRequests || code != signaling.CodeRateLimited {
			t.Errorf("%d, %s", status, code)
		}
		refusedFor(t, a.asks(a.dial(signaling.PlayerPath), nil), signaling.CodeRateLimited)
		a.rotate()
	}
	if requests, refused := a.studioMetric("studio_requests_total", ""), a.studioMetric("studio_refusals_total", signaling.CodeRateLimited); requests != 8 || refused != 4 {
		t.Errorf("%v requests and %v refusals are counted", requests, refused)
	}
	a.limit(t, `{}`)
	if status, _, _ := a.apps(http.MethodGet, ""); status != http.StatusOK {
		t.Errorf("%d when nothing is limited any more", status)
	}
}

func TestATokenThatAllowsMoreThanItsStudioMayIsRefused(t *testing.T) {
	a := newAcme(t, `{bitrate: 5M, price: 10, regions: [eu]}`)
	a.edge(8, func(m *signaling.Register) { m.Regions = []string{"eu"} })
	good := func(c *token.Claims) { c.Bitrate, c.Price, c.Regions = 5_000_000, 10, []string{"eu"} }
	expect[signaling.Matched](a.asks(a.dial(signaling.PlayerPath), good))
	for why, change := range map[string]func(*token.Claims){
		"any bitrate": func(c *token.Claims) { c.Bitrate = 0 }, "a higher price": func(c *token.Claims) { c.Price++ }, "all regions": func(c *token.Claims) { c.Regions = nil },
	} {
		t.Run(why, func(t *testing.T) {
			refusedFor(t, a.asks(a.dial(signaling.PlayerPath), func(c *token.Claims) { good(c); change(c) }), signaling.CodeBadToken)
		})
	}
	if n := a.studioMetric("studio_refusals_total", signaling.CodeBadToken); n != 3 {
		t.Errorf("%v refusals are counted", n)
	}
}
