package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// upgrade asks for a WebSocket and returns how it was refused; nil means that it was not.
func (n *network) upgrade(path, host, origin string, protocols ...string) (int, *signaling.Error) {
	n.Helper()
	header := http.Header{}
	if host != "" {
		header.Set("Host", host)
	}
	if origin != "" {
		header.Set("Origin", origin)
	}
	dialer := websocket.Dialer{Subprotocols: protocols, HandshakeTimeout: patience}
	ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+path, header)
	if err == nil {
		ws.Close()
		return response.StatusCode, nil
	}
	if response == nil {
		n.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		n.Fatal(err)
	}
	m, err := signaling.Parse(signaling.SignalingToPlayer, body)
	if err != nil {
		n.Fatalf("refused with %s, %q: %v", response.Status, body, err)
	}
	return response.StatusCode, m.(signaling.Failed).Error
}

func TestOnlyListedHostsAndOriginsGetASocket(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) {
		c.Hosts = []string{"play.example", "exact.example:8443", "127.0.0.1", "[::1]"}
		c.Origins = []string{"https://Studio.example"}
	})
	for _, step := range []struct {
		why, host, origin string
		allowed           bool
	}{
		{"no browser", "play.example", "", true},
		{"any port of a name", "play.example:1234", "", true},
		{"capitals", "PLAY.example", "", true},
		{"IPv6", "[::1]:8080", "", true},
		{"the page that we serve", "play.example:8080", "http://play.example:8080", true},
		{"a page on the list", "play.example", "https://studio.example", true},
		{"a name that someone else has pointed at us", "evil.example", "", false},
		{"the same with the page that goes with it", "evil.example", "http://evil.example", false},
		{"another port than the only one", "exact.example:80", "", false},
		{"a page from elsewhere", "play.example", "https://evil.example", false},
		{"another port of our host", "play.example:8080", "http://play.example:9090", false},
		{"a sandboxed frame", "play.example", "null", false},
		{"a name that ends in ours", "evilplay.example", "", false},
		{"a name that starts with ours", "play.example.evil.example", "", false},
		{"an origin with a user", "play.example", "https://studio.example@evil.example", false},
		{"not http", "play.example", "file://play.example", false},
	} {
		for _, path := range []string{signaling.PlayerPath, signaling.EdgePath} {
			status, reason := n.upgrade(path, step.host, step.origin, signaling.Subprotocol)
			if step.allowed && reason != nil || !step.allowed && (reason == nil || reason.Code != signaling.CodeWrongOrigin || status != http.StatusForbidden) {
				t.Errorf("%s: %d %v", step.why, status, reason)
			}
		}
	}
}

func TestWithoutAListOnlyLoopbackNamesAreServed(t *testing.T) {
	n := newNetwork(t, nil)
	for host, allowed := range map[string]bool{"localhost:1": true, "127.0.0.1": true, "[::1]": true, "192.0.2.1": false, "rebound.example": false} {
		if _, reason := n.upgrade(signaling.PlayerPath, host, "", signaling.Subprotocol); (reason == nil) != allowed {
			t.Errorf("%s: %v", host, reason)
		}
	}
}

func TestAListThatCannotMatchIsRefusedAtTheStart(t *testing.T) {
	n := newNetwork(t, nil)
	verifier := token.NewVerifier(n.keys(), token.Scope{}, time.Now)
	for _, config := range []server.Config{
		{}, {Verifier: verifier, Hosts: []string{"http://play.example"}}, {Verifier: verifier, Hosts: []string{"*"}},
		{Verifier: verifier, Origins: []string{"play.example"}}, {Verifier: verifier, Origins: []string{"https://play.example/path"}},
	} {
		if _, err := server.New(config); err == nil {
			t.Errorf("%+v is taken", config)
		}
	}
}

func TestAnotherVersionIsRefusedBeforeTheUpgrade(t *testing.T) {
	n := newNetwork(t, nil)
	for _, protocols := range [][]string{nil, {"nearlight.v2"}, {"Nearlight.V1"}} {
		if status, reason := n.upgrade(signaling.PlayerPath, "", "", protocols...); reason == nil || reason.Code != signaling.CodeWrongVersion || status != http.StatusBadRequest {
			t.Errorf("%v: %d %v", protocols, status, reason)
		}
	}
	if _, reason := n.upgrade(signaling.PlayerPath, "", "", "nearlight.v2", signaling.Subprotocol); reason != nil {
		t.Error(reason)
	}
}

func TestAnAddressHoldsOnlySoManySockets(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Limits.PerAddress = 2 })
	first := n.dial(signaling.PlayerPath)
	n.dial(signaling.EdgePath)
	if status, reason := n.upgrade(signaling.PlayerPath, "", "", signaling.Subprotocol); reason == nil || reason.Code != signaling.CodeRateLimited || status != http.StatusTooManyRequests {
		t.Errorf("%d %v", status, reason)
	}
	first.Close()
	n.eventually("a closed socket makes room", func() bool {
		_, reason := n.upgrade(signaling.PlayerPath, "", "", signaling.Subprotocol)
		return reason == nil
	})
}

func TestTheServerHoldsOnlySoManyPlayersAndStillTakesEdges(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Limits.Players = 1 })
	n.dial(signaling.PlayerPath)
	if _, reason := n.upgrade(signaling.PlayerPath, "", "", signaling.Subprotocol); reason == nil || reason.Code != signaling.CodeFull {
		t.Error(reason)
	}
	n.register(1)
}

func TestTooManyRequestsOfOneAddressAreRefused(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Limits.RequestRate, c.Limits.RequestBurst = 1, 3 })
	for range 3 {
		if _, reason := n.upgrade(signaling.PlayerPath, "", "", signaling.Subprotocol); reason != nil {
			t.Fatal(reason)
		}
	}
	if _, reason := n.upgrade(signaling.PlayerPath, "", "", signaling.Subprotocol); reason == nil || reason.Code != signaling.CodeRateLimited {
		t.Error(reason)
	}
}

func TestFloodsAreStoppedWithAReasonAndOthersPlayOn(t *testing.T) {
	n := newNetwork(t, nil)
	m := n.machine(2, nil)
	m.start()
	bystander := n.gamer(n.play("tux"), nil)
	bystander.playing()
	await[signaling.Answer](t, m.heard)
	check := func() {
		t.Helper()
		if err := bystander.Send(signaling.Check{}); err != nil {
			t.Fatal(err)
		}
		if checked := await[signaling.Checked](t, bystander.heard); checked.Edge != signaling.Alive {
			t.Error(checked)
		}
	}
	for name, begin := range map[string]func() (*socket, signaling.Message){
		"player": func() (*socket, signaling.Message) {
			s := n.dial(signaling.PlayerPath)
			s.say(n.play("tux"))
			expect[signaling.Matched](s)
			return s, signaling.Candidate{Candidate: "c"}
		},
		"edge": func() (*socket, signaling.Message) { return n.register(1), signaling.Status{Free: 1} },
	} {
		t.Run(name, func(t *testing.T) {
			s, message := begin()
			s.TB = t
			data, err := signaling.Encode(s.out, message)
			if err != nil {
				t.Fatal(err)
			}
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				for range 100000 {
					if s.WriteMessage(websocket.TextMessage, data) != nil {
						return
					}
				}
			}()
			check()
			if reason, code := s.closed(); reason == nil || reason.Code != signaling.CodeRateLimited || !reason.Retryable || code != websocket.CloseTryAgainLater {
				t.Errorf("%v, %d", reason, code)
			}
			s.Close()
			<-flooded
			check()
		})
	}
}

func TestAFloodOfPingsIsStopped(t *testing.T) {
	n := newNetwork(t, nil)
	s := n.dial(signaling.PlayerPath)
	s.say(signaling.Install{Token: n.playerToken(), App: "none"})
	go func() {
		for s.WriteControl(websocket.PingMessage, []byte("?"), time.Now().Add(patience)) == nil {
		}
	}()
	for {
		m, err := s.hear()
		if err != nil {
			break // the reason may be lost in the reset that answers what is still under way
		}
		if failed, ok := m.(signaling.Failed); ok && failed.Error.Code != signaling.CodeRateLimited {
			t.Error(failed.Error)
		}
	}
	s.Close()
	n.eventually("the socket is closed", func() bool { return n.metric("nearlight_signaling_connections") == 0 })
}

func TestMalformedMessagesEndTheirOwnSocketOnly(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Limits.PerAddress = 10000 })
	m := n.machine(1, nil)
	m.start()
	bystander := n.gamer(n.play("tux"), nil)
	bystander.playing()
	files, err := filepath.Glob("../testdata/refused-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	type hostile struct {
		name, path string
		kind       int
		data       []byte
	}
	cases := []hostile{
		{"oversized", signaling.PlayerPath, websocket.TextMessage, []byte(`{"type":"check"` + strings.Repeat(" ", 1<<20) + `}`)},
		{"binary", signaling.PlayerPath, websocket.BinaryMessage, []byte(`{"type":"check"}`)},
		{"NULs", signaling.EdgePath, websocket.TextMessage, make([]byte, 1000)},
		{"a first message that asks for nothing", signaling.PlayerPath, websocket.TextMessage, []byte(`{"type":"check"}`)},
		{"an edge that does not register", signaling.EdgePath, websocket.TextMessage, []byte(`{"type":"status","free":1}`)},
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var golden struct{ Direction, Raw string }
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatal(err)
		}
		switch golden.Direction {
		case signaling.PlayerToSignaling.String():
			cases = append(cases, hostile{filepath.Base(file), signaling.PlayerPath, websocket.TextMessage, []byte(golden.Raw)})
		case signaling.EdgeToSignaling.String():
			cases = append(cases, hostile{filepath.Base(file), signaling.EdgePath, websocket.TextMessage, []byte(golden.Raw)})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := n.dial(c.path)
			s.TB = t
			if err := s.WriteMessage(c.kind, c.data); err != nil {
				t.Fatal(err)
			}
			if reason, code := s.closed(); reason == nil || reason.Code != signaling.CodeBadMessage || code != websocket.ClosePolicyViolation {
				t.Errorf("%v, %d", reason, code)
			}
		})
	}
	if err := bystander.Send(signaling.Check{}); err != nil {
		t.Fatal(err)
	}
	if checked := await[signaling.Checked](t, bystander.heard); checked.Edge != signaling.Alive {
		t.Error(checked)
	}
}

func TestAPeerThatDoesNotReadIsDroppedAndNobodyWaitsForIt(t *testing.T) {
	n := newNetwork(t, func(c *server.Config) { c.Limits.QueuedForPeer = 16 })
	s := n.dial(signaling.PlayerPath)
	if tcp, ok := s.NetConn().(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(1); err != nil {
			t.Fatal(err)
		}
	}
	e := n.register(1)
	s.say(n.play("tux"))
	start := expect[signaling.Start](e)
	// The edge offers again and again; the player's socket fills up, then its queue. The edge itself is not held up.
	offer, err := signaling.Encode(e.out, signaling.Offer{Session: start.Session, SDP: strings.Repeat("x", 48<<10)})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stopped := make(chan signaling.Message, 1)
	go func() {
		m, err := e.hear()
		if err != nil {
			t.Error(err)
		}
		stopped <- m
	}()
	n.eventually("the player is dropped", func() bool {
		for range 8 { // looking takes longer than saying
			if err := e.WriteMessage(websocket.TextMessage, offer); err != nil {
				t.Fatal(err)
			}
		}
		return n.metric("nearlight_signaling_connections") == 1
	})
	if took := time.Since(began); took > patience {
		t.Errorf("after %v", took)
	}
	if got := n.metric("nearlight_signaling_refusals_total"); got != 1 {
		t.Errorf("%v refusals", got)
	}
	n.stop()
	<-stopped
}

// FuzzSocket throws bytes at a live server. Whatever they are, the server answers with a reason or goes on, and serves the
// next one.
func FuzzSocket(f *testing.F) {
	files, err := filepath.Glob("../testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var golden struct {
			Raw     string
			Message json.RawMessage
		}
		if err := json.Unmarshal(data, &golden); err != nil {
			f.Fatal(err)
		}
		if golden.Raw == "" {
			golden.Raw = string(golden.Message)
		}
		f.Add(true, false, []byte(golden.Raw))
		f.Add(false, true, []byte(golden.Raw))
	}
	n := newNetwork(f, func(c *server.Config) { c.Limits.RequestRate, c.Limits.RequestBurst = 1e9, 1e9 })
	edge := signaling.Register{
		Token: n.token(token.Claims{Role: token.Edge}), Slots: 64, Free: 64, Codecs: signaling.List[string]{"h264"},
	}
	play := n.play("")
	f.Fuzz(func(t *testing.T, player, introduced bool, data []byte) {
		path := signaling.EdgePath
		if player {
			path = signaling.PlayerPath
		}
		here := *n
		here.TB = t
		s := here.dial(path)
		switch {
		case introduced && player:
			s.say(play)
		case introduced:
			s.say(edge)
		}
		if err := s.WriteMessage(websocket.TextMessage, data); err != nil {
			t.Fatal(err)
		}
		// The goodbye shows that the server has read all of it.
		if err := s.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := s.hear(); err != nil {
				var closed *websocket.CloseError
				if !errors.As(err, &closed) || closed.Code == websocket.CloseInternalServerErr {
					t.Fatalf("%q: %v", data, err)
				}
				return
			}
		}
	})
}
