package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nearlight/internal/bus/bustest"
	"nearlight/internal/openapitest"
	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

const whepOffer = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\n" +
	"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:98 VP8/90000\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=recvonly\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\na=rtpmap:111 opus/48000/2\r\n"

const whepAnswer = "v=0\r\no=- 3 4 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=ice-ufrag:edge\r\n" +
	"a=ice-pwd:fedcba9876543210fedcba\r\na=candidate:1 1 udp 2130706431 203.0.113.9 8443 typ host\r\na=end-of-candidates\r\n"

// watched is a network where somebody plays, on an edge that the test speaks for.
type watched struct {
	*network
	edge    *socket
	session signaling.SessionID
	token   string // of one who may look on
}

func newWatched(t *testing.T, change func(*server.Config)) *watched {
	t.Helper()
	n := newNetwork(t, change)
	w := &watched{network: n, edge: registered(n)}
	player := n.dial(signaling.PlayerPath)
	player.say(n.play("tux"))
	w.session = expect[signaling.Matched](player).Session
	expect[signaling.Start](w.edge)
	w.token = n.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}, ID: "watcher"})
	return w
}

// ask sends a request, as the spectator unless header says otherwise, with pairs of header fields.
func (w *watched) ask(method, path, body string, header ...string) (*http.Response, string) {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.token)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/sdp")
	}
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/trickle-ice-sdpfrag")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		w.Error(err) // from another goroutine, too
		return &http.Response{}, ""
	}
	text, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		w.Error(err)
	}
	if err != nil {
		w.Error(err)
	}
	openapitest.Conforms(w, method, path, response, string(text))
	return response, string(text)
}

// asked is ask while the edge answers.
func (w *watched) asked(method, path, body string, edge func(), header ...string) (*http.Response, string) {
	w.Helper()
	type result struct {
		response *http.Response
		text     string
	}
	done := make(chan result, 1)
	go func() {
		response, text := w.ask(method, path, body, header...)
		done <- result{response, text}
	}()
	edge()
	r := <-done
	return r.response, r.text
}

// posted is a spectator that the edge has answered.
func (w *watched) posted() (response *http.Response, start signaling.Start) {
	w.Helper()
	response, text := w.asked(http.MethodPost, "/whep/"+string(w.session), whepOffer, func() {
		start = expect[signaling.Start](w.edge)
		w.edge.say(signaling.Answer{Session: start.Session, SDP: whepAnswer})
	})
	if response.StatusCode != http.StatusCreated || text != whepAnswer && !strings.Contains(text, "192.0.2.1") {
		w.Fatalf("%v %s", response, text)
	}
	return response, start
}

func TestAWHEPClientOfAnotherNodeIsServedLikeOneOfTheEdges(t *testing.T) {
	var buses bustest.Network
	home := newWatched(t, func(c *server.Config) { c.Bus = buses.Join() })
	far := newNetwork(t, func(c *server.Config) {
		c.Bus, c.Verifier = buses.Join(), token.NewVerifier(home.keys(), token.Scope{}, time.Now)
	})
	far.issuer = home.issuer
	far.eventually("the node hears of the edge", func() bool { return far.metric("nearlight_signaling_far_edges") == 1 })
	for _, once := range []bool{false, true} {
		w := &watched{network: far, edge: home.edge, session: home.session}
		w.token = far.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}, Once: once})
		response, start := w.posted()
		location, etag := response.Header.Get("Location"), response.Header.Get("ETag")
		if name, is := strings.CutPrefix(location, "/whep/"+string(w.session)+"/"); !is || name == "" || name == string(start.Session) {
			t.Errorf("the resource is %s", location)
		}
		trickle := "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 198.51.100.7 5000 typ host\r\n"
		if response, text := w.ask(http.MethodPatch, location, trickle, "If-Match", etag); response.StatusCode != http.StatusNoContent {
			t.Errorf("%v %s", response, text)
		}
		if c := expect[signaling.Candidate](w.edge); c.Session != start.Session {
			t.Errorf("%+v", c)
		}
		if once {
			if response, _ := w.ask(http.MethodPost, "/whep/"+string(w.session), whepOffer); response.StatusCode != http.StatusForbidden {
				t.Errorf("a second session by the same token: %d", response.StatusCode)
			}
		}
		if response, text := w.ask(http.MethodDelete, location, ""); response.StatusCode != http.StatusOK {
			t.Errorf("%v %s", response, text)
		}
		if stop := expect[signaling.Stop](w.edge); stop.Session != start.Session {
			t.Errorf("%+v", stop)
		}
	}
}

func TestAWHEPClientLooksOn(t *testing.T) {
	w := newWatched(t, func(c *server.Config) {
		c.ICEServers = func(signaling.SessionID) []signaling.ICEServer {
			return []signaling.ICEServer{{URLs: signaling.List[string]{"turn:turn.example"}, Username: "u", Credential: `p"w`}}
		}
	})
	response, start := w.posted()
	if start.Offer != whepOffer || start.Watch != w.session || strings.Join(start.Codecs, " ") != "h264" || start.Token != w.token {
		t.Errorf("%+v", start)
	}
	location := response.Header.Get("Location")
	if name, ok := strings.CutPrefix(location, "/whep/"+string(w.session)+"/"); !ok || len(name) < 26 || name == string(start.Session) {
		t.Errorf("%s, want a name below the session's that nobody can guess", location)
	}
	if link := response.Header.Get("Link"); link != `<turn:turn.example>; rel="ice-server"; username="u"; credential="p\"w"; credential-type="password"` {
		t.Errorf("%s", link)
	}
	if kind := response.Header.Get("Content-Type"); kind != "application/sdp" {
		t.Errorf("%s", kind)
	}
	etag := response.Header.Get("ETag")

	// Candidates.
	trickle := "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 198.51.100.7 5000 typ host\r\na=end-of-candidates\r\n"
	if response, text := w.ask(http.MethodPatch, location, trickle, "If-Match", etag); response.StatusCode != http.StatusNoContent || text != "" {
		t.Errorf("%v %s", response, text)
	}
	for _, want := range []string{"candidate:1 1 udp 1 198.51.100.7 5000 typ host", ""} {
		if c := expect[signaling.Candidate](w.edge); c.Session != start.Session || c.Candidate != want || c.Mid != "0" {
			t.Errorf("%+v", c)
		}
	}
	// New ways.
	again := "a=ice-ufrag:efgh\r\na=ice-pwd:543210fedcba9876543210\r\nm=video 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:2 1 udp 1 198.51.100.8 5000 typ host\r\n"
	response, text := w.asked(http.MethodPatch, location, again, func() {
		offer := expect[signaling.Offer](w.edge)
		if !offer.Restart || strings.Count(offer.SDP, "a=ice-ufrag:efgh\r\n") != 2 || strings.Contains(offer.SDP, "abcd") || strings.Count(offer.SDP, "198.51.100.8") != 1 {
			t.Errorf("%+v", offer)
		}
		w.edge.say(signaling.Answer{Session: start.Session, SDP: strings.ReplaceAll(whepAnswer, "ice-ufrag:edge", "ice-ufrag:next")})
	}, "If-Match", "*")
	if response.StatusCode != http.StatusOK || response.Header.Get("ETag") == etag || response.Header.Get("Content-Type") != "application/trickle-ice-sdpfrag" ||
		text != "a=ice-ufrag:next\r\na=ice-pwd:fedcba9876543210fedcba\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"+
			"a=candidate:1 1 udp 2130706431 203.0.113.9 8443 typ host\r\na=end-of-candidates\r\n" {
		t.Errorf("%v %s", response, text)
	}
	for why, step := range map[string]struct {
		body, match string
		want        int
	}{
		"no If-Match":                        {again, "", http.StatusPreconditionRequired},
		"the tag of the session before":      {again, etag, http.StatusPreconditionFailed},
		"the fragment of the one before":     {trickle, response.Header.Get("ETag"), http.StatusPreconditionFailed},
		"any tag, and nothing that is new":   {again, "*", http.StatusPreconditionFailed},
		"no fragment":                        {"hello", "*", http.StatusBadRequest},
		"a candidate that is far too long":   {again + "a=candidate:" + strings.Repeat("x", 2000) + "\r\n", response.Header.Get("ETag"), http.StatusBadRequest},
		"a body that is far too long":        {strings.Repeat("x", 50<<10), "*", http.StatusRequestEntityTooLarge},
		"lines without an end":               {strings.Repeat("a\r\n", 1000), "*", http.StatusBadRequest},
		"a candidate of the ICE session now": {again, response.Header.Get("ETag"), http.StatusNoContent},
	} {
		header := []string{"If-Match", step.match}
		if step.match == "" {
			header = nil
		}
		if response, text := w.ask(http.MethodPatch, location, step.body, header...); response.StatusCode != step.want {
			t.Errorf("%s: %v %s", why, response.Status, text)
		}
	}
	expect[signaling.Candidate](w.edge)

	// Nobody else touches it, and it ends when it is deleted.
	other := "Bearer " + w.network.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}, ID: "other"})
	if response, _ := w.ask(http.MethodDelete, location, "", "Authorization", other); response.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else: %v", response.Status)
	}
	if response, _ := w.ask(http.MethodDelete, location, ""); response.StatusCode != http.StatusOK {
		t.Errorf("%v", response.Status)
	}
	if stop := expect[signaling.Stop](w.edge); stop.Session != start.Session {
		t.Errorf("%+v", stop)
	}
	if response, _ := w.ask(http.MethodDelete, location, ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("a second time: %v", response.Status)
	}
}

func TestWHEPRefusalsSayWhyInRFC9457sWords(t *testing.T) {
	w := newWatched(t, func(c *server.Config) { c.Origins = []string{"https://studio.example"} })
	path := "/whep/" + string(w.session)
	player := "Bearer " + w.network.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}})
	elsewhere := "Bearer " + w.network.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Watch}, Session: "s-other"})
	for _, step := range []struct {
		why, method, path, body string
		header                  []string
		want                    int
		code                    signaling.Code
	}{
		{"no token", http.MethodPost, path, whepOffer, []string{"Authorization", ""}, http.StatusUnauthorized, signaling.CodeBadToken},
		{"a token that allows playing", http.MethodPost, path, whepOffer, []string{"Authorization", player}, http.StatusForbidden, signaling.CodeBadToken},
		{"a token for another session", http.MethodPost, path, whepOffer, []string{"Authorization", elsewhere}, http.StatusNotFound, signaling.CodeTimedOut},
		{"no such session", http.MethodPost, "/whep/s-none", whepOffer, nil, http.StatusNotFound, signaling.CodeTimedOut},
		{"another type", http.MethodPost, path, whepOffer, []string{"Content-Type", "text/plain"}, http.StatusUnsupportedMediaType, signaling.CodeBadMessage},
		{"no offer", http.MethodPost, path, "hello", nil, http.StatusBadRequest, signaling.CodeBadMessage},
		{"nothing", http.MethodPost, path, "", nil, http.StatusBadRequest, signaling.CodeBadMessage},
		{"too much", http.MethodPost, path, strings.Repeat("x", 50<<10), nil, http.StatusRequestEntityTooLarge, signaling.CodeBadMessage},
		{"no codec of the edge", http.MethodPost, path, strings.ReplaceAll(whepOffer, "H264", "AV1"), nil, http.StatusUnprocessableEntity, signaling.CodeNoCommonCodec},
		{"a page of another origin", http.MethodPost, path, whepOffer, []string{"Origin", "https://evil.example"}, http.StatusForbidden, signaling.CodeWrongOrigin},
		{"another method", http.MethodGet, path, "", nil, http.StatusMethodNotAllowed, signaling.CodeBadMessage},
		{"another method", http.MethodPut, path + "/s-1", "", nil, http.StatusMethodNotAllowed, signaling.CodeBadMessage},
		{"no such resource", http.MethodPatch, path + "/s-1", "x", []string{"If-Match", "*"}, http.StatusNotFound, signaling.CodeTimedOut},
	} {
		response, text := w.ask(step.method, step.path, step.body, step.header...)
		var problem struct {
			Type, Title, Detail string
			Status              int
			Code                signaling.Code
		}
		if err := json.Unmarshal([]byte(text), &problem); err != nil || response.StatusCode != step.want || problem.Status != step.want || problem.Code != step.code ||
			problem.Title == "" || problem.Type != "urn:nearlight:error:"+string(step.code) || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v %s", step.why, response.Status, text)
		}
	}
	// An edge that declines, and one whose answer never comes because the spectator is gone.
	response, text := w.asked(http.MethodPost, path, whepOffer, func() {
		start := expect[signaling.Start](w.edge)
		w.edge.say(signaling.Refuse{Session: start.Session, Error: signaling.NewError(signaling.CodeEdgeRefused)})
	})
	if response.StatusCode != http.StatusBadGateway || !strings.Contains(text, "edge-refused") {
		t.Errorf("%v %s", response.Status, text)
	}
}

func TestPagesOfOriginsOnTheListMayUseWHEP(t *testing.T) {
	w := newWatched(t, func(c *server.Config) { c.Origins = []string{"https://studio.example"} })
	for _, path := range []string{"/whep/" + string(w.session), "/whep/" + string(w.session) + "/s-1"} {
		response, _ := w.ask(http.MethodOptions, path, "", "Origin", "https://studio.example", "Authorization", "")
		h := response.Header
		if response.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "https://studio.example" || h.Get("Accept-Post") != "application/sdp" ||
			h.Get("Access-Control-Allow-Methods") != "POST, PATCH, DELETE" || h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, If-Match" ||
			h.Get("Access-Control-Expose-Headers") != "Location, ETag, Link" {
			t.Errorf("%v", response)
		}
	}
}

func TestAWHEPSessionEndsWithTheEdgesWord(t *testing.T) {
	w := newWatched(t, nil)
	response, start := w.posted()
	w.edge.say(signaling.Ended{Session: start.Session, Reason: signaling.NewError(signaling.CodeEdgeGone)})
	location := response.Header.Get("Location")
	for begun := time.Now(); ; { // until the edge's message has come through
		response, _ := w.ask(http.MethodPatch, location, "a=ice-ufrag:abcd\r\n")
		if response.StatusCode == http.StatusNotFound {
			return
		}
		if time.Since(begun) > patience {
			t.Fatal("the resource is still there")
		}
	}
}

func TestWhoGoesBeforeTheAnswerLeavesNothing(t *testing.T) {
	w := newWatched(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/whep/"+string(w.session), strings.NewReader(whepOffer))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.token)
	request.Header.Set("Content-Type", "application/sdp")
	failed := make(chan error, 1)
	go func() {
		response, err := http.DefaultTransport.RoundTrip(request)
		if err == nil {
			err = response.Body.Close()
		}
		failed <- err
	}()
	start := expect[signaling.Start](w.edge)
	leave()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if stop := expect[signaling.Stop](w.edge); stop.Session != start.Session {
		t.Errorf("%+v", stop)
	}
}

func TestWHEPIsToldThatTheServerStops(t *testing.T) {
	w := newWatched(t, nil)
	response, text := w.asked(http.MethodPost, "/whep/"+string(w.session), whepOffer, func() {
		expect[signaling.Start](w.edge)
		w.stop()
	})
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "shutting-down") {
		t.Errorf("%v %s", response.Status, text)
	}
}

func TestAHiddenEdgeIsNotToldToAWHEPClient(t *testing.T) {
	w := newWatched(t, func(c *server.Config) {
		c.Relay = &server.Relay{StandIns: func(server.Reach) []netip.AddrPort {
			return []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:49152")}
		}}
	})
	response, text := w.asked(http.MethodPost, "/whep/"+string(w.session), whepOffer+"a=candidate:1 1 udp 1 198.51.100.7 5000 typ host\r\n", func() {
		start := expect[signaling.Start](w.edge)
		if strings.Contains(start.Offer, "198.51.100.7") {
			t.Errorf("%s", start.Offer)
		}
		w.edge.say(signaling.Answer{Session: start.Session, SDP: whepAnswer})
	})
	if response.StatusCode != http.StatusCreated || strings.Contains(text, "203.0.113.9") || !strings.Contains(text, "a=candidate:1 1 udp 2130706431 192.0.2.1 49152 typ host\r\n") {
		t.Errorf("%v %s", response.Status, text)
	}
}
