package server_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func newIdentity(t testing.TB) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// letIn is a server that takes these edges by their keys alone.
func letIn(keys ...*identity.Key) func(*server.Config) {
	return func(c *server.Config) {
		c.EdgeAccess.Keys = func(a identity.Address) bool {
			for _, key := range keys {
				if key.Address() == a {
					return true
				}
			}
			return false
		}
	}
}

// challenged is a socket on which an edge of the key has asked for a challenge.
func (n *network) challenged(key *identity.Key) (*socket, identity.Nonce) {
	n.Helper()
	s := n.dial(signaling.EdgePath)
	s.say(signaling.Login{Address: key.Address().String()})
	nonce, err := identity.ParseNonce(expect[signaling.Challenge](s).Nonce)
	if err != nil {
		n.Fatal(err)
	}
	return s, nonce
}

func (n *network) host() string {
	parsed, err := url.Parse(n.url)
	if err != nil {
		n.Fatal(err)
	}
	return parsed.Host
}

// login is a statement that would be good now.
func (n *network) login(nonce identity.Nonce) identity.Login {
	now := time.Now().Truncate(time.Second)
	return identity.Login{Role: identity.Edge, Host: n.host(), Nonce: nonce, IssuedAt: now, ExpiresAt: now.Add(identity.LoginLife)}
}

// proof is a registration with a signed statement.
func proof(t testing.TB, by *identity.Key, l identity.Login) signaling.Register {
	t.Helper()
	signature, err := by.Sign(l.Digest())
	if err != nil {
		t.Fatal(err)
	}
	return signaling.Register{
		Name: "den", Slots: 1, Free: 1, Codecs: signaling.List[string]{"h264"}, Leases: make([]signaling.SlotState, 1),
		Proof: &signaling.Proof{IssuedAt: l.IssuedAt.Unix(), ExpiresAt: l.ExpiresAt.Unix(), Signature: signature.String()},
	}
}

func TestAnEdgeThatShowsItsKeyIsKnownByItsAddress(t *testing.T) {
	key := newIdentity(t)
	n := newNetwork(t, letIn(key))
	for _, token := range []string{"", n.token(token.Claims{Role: token.Edge})} {
		m := n.machine(1, func(c *client.Config) { c.Signer = key })
		m.token = token
		stop := m.start()
		if want := signaling.EdgeID(key.Address().String()); m.ID() != want {
			t.Errorf("the edge is %s, want %s", m.ID(), want)
		}
		stop()
	}
	if n.metric("nearlight_signaling_edges") > 1 {
		t.Error("one key is two edges")
	}
}

func TestAnEdgeThatShowsItsKeyAgainTakesItsOwnPlaceAndNobodyElseDoes(t *testing.T) {
	key := newIdentity(t)
	n := newNetwork(t, letIn(key))
	first, nonce := n.challenged(key)
	first.say(proof(t, key, n.login(nonce)))
	id := expect[signaling.Registered](first).Edge

	thief := n.dial(signaling.EdgePath) // with a token of the other's name
	thief.say(signaling.Register{
		Token: n.token(token.Claims{Role: token.Edge, ID: string(id)}), Name: "den", Slots: 1, Free: 1, Codecs: signaling.List[string]{"h264"},
	})
	if got := expect[signaling.Registered](thief).Edge; got == id {
		t.Error("a token takes a key's place")
	}
	second, nonce := n.challenged(key)
	second.say(proof(t, key, n.login(nonce)))
	if got := expect[signaling.Registered](second).Edge; got != id {
		t.Errorf("the same key is %s, then %s", id, got)
	}
	if reason, _ := first.closed(); reason == nil || reason.Code != signaling.CodeReplaced {
		t.Error(reason)
	}
}

func TestLoginsThatProveNothingAreRefused(t *testing.T) {
	key, other := newIdentity(t), newIdentity(t)
	n := newNetwork(t, letIn(key))
	_, stale := n.challenged(key) // on another socket
	for _, step := range []struct {
		why string
		by  *identity.Key
		of  func(*identity.Login)
		as  signaling.Code
	}{
		{why: "by another key", by: other},
		{why: "of another's nonce", of: func(l *identity.Login) { l.Nonce = stale }},
		{why: "of a nonce of its own", of: func(l *identity.Login) { l.Nonce = identity.Nonce{1} }},
		{why: "for another host", of: func(l *identity.Login) { l.Host = "elsewhere.example" }},
		{why: "for another port", of: func(l *identity.Login) { l.Host = strings.Split(l.Host, ":")[0] + ":1" }},
		{why: "in another role", of: func(l *identity.Login) { l.Role = identity.Checker }},
		{why: "from the past", of: func(l *identity.Login) {
			l.IssuedAt, l.ExpiresAt = l.IssuedAt.Add(-time.Hour), l.ExpiresAt.Add(-time.Hour)
		}},
		{why: "from the future", of: func(l *identity.Login) {
			l.IssuedAt, l.ExpiresAt = l.IssuedAt.Add(time.Hour), l.ExpiresAt.Add(time.Hour)
		}},
		{why: "for a day", of: func(l *identity.Login) { l.ExpiresAt = l.IssuedAt.Add(24 * time.Hour) }},
	} {
		t.Run(step.why, func(t *testing.T) {
			s, nonce := n.challenged(key)
			l := n.login(nonce)
			if step.of != nil {
				step.of(&l)
			}
			by := key
			if step.by != nil {
				by = step.by
			}
			s.say(proof(t, by, l))
			reason, _ := s.closed()
			if reason == nil || reason.Code != signaling.CodeBadKey || reason.Hint == "" {
				t.Errorf("%v, want %s", reason, signaling.CodeBadKey)
			}
		})
	}
	if n.metric("nearlight_signaling_edges") != 0 {
		t.Error("one of them is registered")
	}
}

func TestALoginIsGoodOnce(t *testing.T) {
	key := newIdentity(t)
	n := newNetwork(t, letIn(key))
	s, nonce := n.challenged(key)
	register := proof(t, key, n.login(nonce))
	s.say(register)
	expect[signaling.Registered](s)
	s.say(register)
	if reason, _ := s.closed(); reason == nil || reason.Code != signaling.CodeBadMessage {
		t.Error("on the same socket:", reason)
	}
	again, _ := n.challenged(key)
	again.say(register)
	if reason, _ := again.closed(); reason == nil || reason.Code != signaling.CodeBadKey {
		t.Error("on another:", reason)
	}
	bare := n.dial(signaling.EdgePath)
	bare.say(register)
	if reason, _ := bare.closed(); reason == nil || reason.Code != signaling.CodeBadKey || reason.Hint == "" {
		t.Error("without a challenge:", reason)
	}
}

func TestTheOrderOfALoginIsKept(t *testing.T) {
	key := newIdentity(t)
	n := newNetwork(t, letIn(key))
	for why, next := range map[string]signaling.Message{
		"login again": signaling.Login{Address: key.Address().String()}, "status": signaling.Status{},
		"register without a proof": signaling.Register{
			Token: n.token(token.Claims{Role: token.Edge}), Slots: 1, Codecs: signaling.List[string]{"h264"}, Leases: make([]signaling.SlotState, 1),
		},
	} {
		s, _ := n.challenged(key)
		data, err := signaling.Encode(s.out, next)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteMessage(websocket.TextMessage, data); err != nil {
			t.Fatal(err)
		}
		if reason, _ := s.closed(); reason == nil || reason.Code != signaling.CodeBadMessage {
			t.Errorf("%s: %v", why, reason)
		}
	}
	s := n.dial(signaling.EdgePath)
	s.say(signaling.Login{Address: strings.ToLower(key.Address().String())})
	if reason, _ := s.closed(); reason == nil || reason.Code != signaling.CodeBadKey || !strings.Contains(reason.Message, "checksum") {
		t.Error("an address without its checksum:", reason)
	}
}

func TestTheOperatorSaysWhichEdgesMayRegister(t *testing.T) {
	known, stranger := newIdentity(t), newIdentity(t)
	for _, step := range []struct {
		why   string
		key   *identity.Key
		token bool
		want  signaling.Code // "" lets it in
	}{
		{why: "a key on the list", key: known},
		{why: "a key that is not", key: stranger, want: signaling.CodeBadKey},
		{why: "a key that is not, and a token", key: stranger, token: true},
		{why: "a key on the list, and a token", key: known, token: true},
	} {
		t.Run(step.why, func(t *testing.T) {
			n := newNetwork(t, letIn(known))
			m := n.machine(1, func(c *client.Config) { c.Signer = step.key })
			if !step.token {
				m.token = ""
			}
			if step.want == "" {
				m.start()
				return
			}
			if err := m.Run(t.Context()); !errors.Is(err, &signaling.Error{Code: step.want}) {
				t.Errorf("%v, want %s", err, step.want)
			}
		})
	}
}

func TestAnEdgesTokenMayBeGoodForOneKeyAlone(t *testing.T) {
	mine, thief := newIdentity(t), newIdentity(t)
	n := newNetwork(t, nil)
	raw := n.token(token.Claims{Role: token.Edge, Holder: mine.Address()})
	for _, step := range []struct {
		why string
		key *identity.Key
		ok  bool
	}{{"its key", mine, true}, {"another key", thief, false}} {
		m := n.machine(1, func(c *client.Config) { c.Signer = step.key })
		m.token = raw
		if step.ok {
			m.start()()
			continue
		}
		if err := m.Run(t.Context()); !errors.Is(err, &signaling.Error{Code: signaling.CodeBadToken}) {
			t.Errorf("%s: %v", step.why, err)
		}
	}
}

func TestATokenForOneSessionIsRefusedWhenASecondBegins(t *testing.T) {
	n := newNetwork(t, nil)
	edge := n.register(2)
	raw := n.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Once: true})
	ask := func(resume signaling.SessionID) *socket {
		s := n.dial(signaling.PlayerPath)
		s.say(signaling.Play{Token: raw, App: "tux", Codecs: []string{"h264"}, Resume: resume})
		return s
	}
	edge.mute.Store(true)
	declined := ask("")
	edge.say(signaling.Refuse{Session: expect[signaling.Start](edge).Session, Error: signaling.NewError(signaling.CodeFull)})
	if failed := expect[signaling.Failed](declined); failed.Error.Code != signaling.CodeFull {
		t.Fatal(failed.Error)
	}
	edge.mute.Store(false)
	first := ask("") // nothing has begun yet
	session := expect[signaling.Matched](first).Session
	second := ask("")
	if reason, _ := second.closed(); reason == nil || reason.Code != signaling.CodeSpentToken {
		t.Error("a second session:", reason)
	}
	again := ask(session)
	if expect[signaling.Matched](again).Session != session {
		t.Error("the session cannot be resumed by its own token")
	}
}

func TestAnEdgeWhoseClockIsWrongIsToldByHowMuch(t *testing.T) {
	key := newIdentity(t)
	n := newNetwork(t, letIn(key))
	m := n.machine(1, func(c *client.Config) {
		c.Signer, c.Now = key, func() time.Time { return time.Now().Add(5 * time.Minute) }
	})
	m.token = ""
	err := m.Run(t.Context())
	if !errors.Is(err, &signaling.Error{Code: signaling.CodeBadKey}) || !strings.Contains(err.Error(), "ahead of ours") || !strings.Contains(err.Error(), "clock.") {
		t.Error(err)
	}
}

func TestATokenForOneSessionStaysSpentWhenTheServerIsStartedAnew(t *testing.T) {
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(t.TempDir(), "kept.db")
	serve := func(test func(n *network, edge *socket)) {
		kept, err := store.Open(t.Context(), store.Config{Database: database})
		if err != nil {
			t.Fatal(err)
		}
		writing, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		written := make(chan error, 1)
		go func() { written <- kept.Run(writing) }()
		n := newNetwork(t, func(c *server.Config) {
			c.Verifier, c.Records, c.Used = token.NewVerifier(issuer.Keys(), token.Scope{}, time.Now), kept, kept.Used
		})
		n.issuer = issuer
		test(n, n.register(2))
		n.hangUp() // nobody waits for their goodbyes
		n.stop()
		<-n.stopped
		stop()
		if err := errors.Join(<-written, kept.Close()); err != nil {
			t.Error(err)
		}
	}
	claims := token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Once: true, ID: "the only one", Expires: time.Now().Add(time.Hour)}
	ask := func(n *network, change func(*token.Claims)) *socket {
		own := claims
		if change != nil {
			change(&own)
		}
		s := n.dial(signaling.PlayerPath)
		s.say(signaling.Play{Token: n.token(own), App: "tux", Codecs: []string{"h264"}})
		return s
	}
	serve(func(n *network, _ *socket) { expect[signaling.Matched](ask(n, nil)) })
	serve(func(n *network, _ *socket) {
		if reason, _ := ask(n, nil).closed(); reason == nil || reason.Code != signaling.CodeSpentToken {
			t.Error(reason)
		}
		expect[signaling.Matched](ask(n, func(c *token.Claims) { c.ID = "another" }))
		expect[signaling.Matched](ask(n, func(c *token.Claims) { c.Once = false }))
	})
}

func TestRecordsThatDoNotAnswerHoldUpNoGame(t *testing.T) {
	for why, used := range map[string]func(context.Context, string) (bool, error){
		"they fail": func(context.Context, string) (bool, error) { return false, errors.New("no space left") },
		"they hang": func(ctx context.Context, _ string) (bool, error) { <-ctx.Done(); return false, ctx.Err() },
	} {
		inTime(t, func(c *server.Config) { c.Used = used }, func(t *testing.T, n *network) {
			n.register(1)
			s := n.dial(signaling.PlayerPath)
			s.say(signaling.Play{Token: n.token(token.Claims{Role: token.Player, Rights: []token.Right{token.Play}, Once: true}), App: "tux", Codecs: []string{"h264"}})
			if m, err := s.hear(); err != nil || signaling.Kind(m) != "matched" {
				t.Errorf("%s: %v, %v", why, m, err)
			}
		})
	}
}
