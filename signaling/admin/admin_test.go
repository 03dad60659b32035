package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"nearlight/internal/bus"
	"nearlight/internal/bus/bustest"
	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/internal/openapitest"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/admin"
	"nearlight/signaling/client"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait.
const patience = 10 * time.Second

// house is a signaling server with a store, its edges, and an operator.
type house struct {
	testing.TB
	issuer  *token.Issuer
	bus     bus.Bus // nil for a node alone
	server  *server.Server
	signal  *httptest.Server
	admin   *httptest.Server
	kept    *store.Store
	secret  string
	log     *lines
	stopped func()
}

// lines is a log that can be read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a server. database is "" for none.
func open(t testing.TB, database string) *house {
	t.Helper()
	h := build(t)
	h.start(database)
	return h
}

// openTwo starts two that know each other.
func openTwo(t testing.TB) (*house, *house) {
	t.Helper()
	network := &bustest.Network{}
	first, second := build(t), build(t)
	second.issuer = first.issuer
	for _, h := range []*house{first, second} {
		node := network.Join()
		h.bus = node
		t.Cleanup(node.Close)
		h.start("")
	}
	first.eventually("the nodes know each other", func() bool { return len(first.server.Cluster().Nodes) == 2 && len(second.server.Cluster().Nodes) == 2 })
	return first, second
}

// build is a house that is not started.
func build(t testing.TB) *house {
	t.Helper()
	key, err := token.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{TB: t, log: &lines{}}
	if h.issuer, err = token.NewIssuer(key, token.Scope{}, time.Now); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) start(database string) {
	h.Helper()
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	config := server.Config{
		Verifier: token.NewVerifier(h.issuer.Keys(), token.Scope{}, time.Now), Limits: server.Limits{RequestBurst: 10000}, Log: logger, Bus: h.bus,
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if database != "" {
		var err error
		if h.kept, err = store.Open(ctx, store.Config{Database: database}); err != nil {
			h.Fatal(err)
		}
		config.Records = h.kept
	}
	s, err := server.New(config)
	if err != nil {
		h.Fatal(err)
	}
	h.server = s
	writing, stopWriting := context.WithCancel(context.Background())
	if h.kept != nil {
		running.Go(func() {
			if err := h.kept.Run(writing); err != nil {
				h.Error(err)
			}
		})
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Run(ctx); err != nil {
			h.Error(err)
		}
	})
	secret, line, err := admin.NewToken("ada")
	if err != nil {
		h.Fatal(err)
	}
	operators, err := admin.ParseOperators([]byte("# who may\n" + line + "\neve " + strings.Repeat("e", 40) + "\n"))
	if err != nil {
		h.Fatal(err)
	}
	h.secret = secret
	h.signal = httptest.NewServer(s.Handler())
	h.admin = httptest.NewServer(admin.New(admin.Config{Network: s, Operators: func() admin.Operators { return operators }, Log: logger}))
	h.stopped = sync.OnceFunc(func() {
		stop()
		serving.Wait()
		stopWriting()
		running.Wait()
		h.signal.Close()
		h.admin.Close()
		if h.kept != nil {
			if err := h.kept.Close(); err != nil {
				h.Error(err)
			}
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	h.Cleanup(func() { h.stopped() })
}

func (h *house) token(claims token.Claims) string {
	h.Helper()
	claims.Expires = time.Now().Add(time.Hour)
	raw, err := h.issuer.Issue(claims)
	if err != nil {
		h.Fatal(err)
	}
	return raw
}

// edge connects a simulated one, until the test is over or the function is called. It may go to other houses too.
func (h *house) edge(slots int, elsewhere ...*house) (machine *edgesim.Machine, ended <-chan error, stop func()) {
	h.Helper()
	key, err := identity.NewKey()
	if err != nil {
		h.Fatal(err)
	}
	machine = edgesim.New(edgesim.Config{
		Token: h.token(token.Claims{Role: token.Edge}), Key: key, Slots: slots, Born: time.Now(),
		Verifier: token.NewVerifier(h.issuer.Keys(), token.Scope{}, time.Now), Apps: []signaling.App{{Name: "tux", Title: "Tux", Installed: true}},
	})
	urls := []string{h.signal.URL}
	for _, other := range elsewhere {
		urls = append(urls, other.signal.URL)
	}
	link, err := edgesim.NewLink(client.Config{URL: strings.Join(urls, ","), Backoff: func(int) time.Duration { return 10 * time.Millisecond }}, machine)
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { done <- link.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	h.Cleanup(stop)
	h.eventually("the edge is registered", func() bool { return machine.ID() != "" })
	return machine, done, stop
}

func (h *house) eventually(what string, holds func() bool) {
	h.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	h.Fatalf("not within %v: %s\n%s", patience, what, h.log)
}

// player is a socket that plays.
type player struct {
	*house
	*websocket.Conn
	session signaling.SessionID
	edge    signaling.EdgeID
}

// play begins a session, or is refused.
func (h *house) play(claims token.Claims) (*player, *signaling.Error) {
	h.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{signaling.Subprotocol}, HandshakeTimeout: patience}
	ws, _, err := dialer.Dial("ws"+strings.TrimPrefix(h.signal.URL, "http")+signaling.PlayerPath, nil)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { ws.Close() })
	p := &player{house: h, Conn: ws}
	claims.Role, claims.Rights = token.Player, []token.Right{token.Play}
	data, err := signaling.Encode(signaling.PlayerToSignaling, signaling.Play{Token: h.token(claims), App: "tux", Codecs: []string{"h264"}, Wait: true})
	if err == nil {
		err = ws.WriteMessage(websocket.TextMessage, data)
	}
	if err != nil {
		h.Fatal(err)
	}
	switch m := p.hear().(type) {
	case signaling.Matched:
		p.session, p.edge = m.Session, m.Edge.ID
		p.hear() // the offer
		return p, nil
	case signaling.Queued:
		return p, nil
	case signaling.Failed:
		return nil, m.Error
	default:
		h.Fatalf("%+v", m)
		return nil, nil
	}
}

func (p *player) hear() signaling.Message {
	p.Helper()
	if err := p.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.Fatal(err)
	}
	_, data, err := p.ReadMessage()
	if err != nil {
		p.Fatalf("%v\n%s", err, p.log)
	}
	m, err := signaling.Parse(signaling.SignalingToPlayer, data)
	if err != nil {
		p.Fatal(err)
	}
	return m
}

// ask asks as an operator, and holds the answer against the document.
func (h *house) ask(method, path, body string) (status int, text string) {
	h.Helper()
	return h.askAs("Bearer "+h.secret, method, path, body)
}

func (h *house) askAs(authorization, method, path, body string) (status int, text string) {
	h.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, h.admin.URL+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		h.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		h.Fatal(err)
	}
	openapitest.Conforms(h, method, request.URL.Path, response, string(data))
	return response.StatusCode, string(data)
}

// get asks for a value.
func get[T any](h *house, path string) (value T) {
	h.Helper()
	status, text := h.ask(http.MethodGet, path, "")
	if status != http.StatusOK {
		h.Fatalf("GET %s: %d %s", path, status, text)
	}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		h.Fatal(err)
	}
	return value
}

// do acts, and wants it done.
func (h *house) do(path, body string) string {
	h.Helper()
	status, text := h.ask(http.MethodPost, path, body)
	if status != http.StatusOK {
		h.Fatalf("POST %s: %d %s", path, status, text)
	}
	return text
}

type edges struct {
	Edges []server.EdgeView
	Next  string
}

type sessions struct {
	Sessions []server.SessionView
	Next     string
}

func TestAnOperatorSeesEdgesSessionsAndWhoWaits(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "kept.db"))
	first, _, _ := h.edge(1)
	second, _, _ := h.edge(2)
	p, _ := h.play(token.Claims{ID: "one"})
	h.play(token.Claims{ID: "two"})
	h.play(token.Claims{ID: "three"})
	h.play(token.Claims{ID: "four"}) // waits

	all := get[edges](h, "/admin/v1/edges")
	if len(all.Edges) != 2 || all.Next != "" || all.Edges[0].State != server.EdgeFull || all.Edges[1].Free != 0 {
		t.Errorf("%+v", all)
	}
	page := get[edges](h, "/admin/v1/edges?limit=1")
	rest := get[edges](h, "/admin/v1/edges?limit=1&after="+page.Next)
	if len(page.Edges) != 1 || len(rest.Edges) != 1 || page.Edges[0].ID == rest.Edges[0].ID || rest.Next != "" {
		t.Errorf("%+v %+v", page, rest)
	}
	if found := get[edges](h, "/admin/v1/edges?text="+string(second.ID()[5:12])+"&state=full&app=tux"); len(found.Edges) != 1 || found.Edges[0].ID != second.ID() {
		t.Errorf("%+v", found)
	}
	if found := get[edges](h, "/admin/v1/edges?state=open"); len(found.Edges) != 0 {
		t.Errorf("%+v", found)
	}
	one := get[server.EdgeView](h, "/admin/v1/edges/"+string(second.ID()))
	if len(one.Sessions) != 2 || one.Slots != 2 || one.Apps[0] != "tux" {
		t.Errorf("%+v", one)
	}
	running := get[sessions](h, "/admin/v1/sessions")
	if len(running.Sessions) != 3 {
		t.Errorf("%+v", running)
	}
	if found := get[sessions](h, "/admin/v1/sessions?token="+signaling.TokenID("one")); len(found.Sessions) != 1 || found.Sessions[0].ID != p.session || found.Sessions[0].Key == "" {
		t.Errorf("%+v", found)
	}
	if found := get[sessions](h, "/admin/v1/sessions?edge="+string(first.ID())+"&limit=1"); len(found.Sessions) != 1 || found.Next != "" {
		t.Errorf("%+v", found)
	}
	queue := get[struct{ Waiting []server.WaitingView }](h, "/admin/v1/queue")
	if len(queue.Waiting) != 1 || queue.Waiting[0].Token != signaling.TokenID("four") || queue.Waiting[0].Position != 1 {
		t.Errorf("%+v", queue)
	}
	if nodes := get[server.ClusterView](h, "/admin/v1/cluster"); len(nodes.Nodes) != 1 || !nodes.Nodes[0].Self || nodes.Nodes[0].Edges != 2 || !nodes.Ready || !nodes.Kept {
		t.Errorf("%+v", nodes)
	}
	h.eventually("the session is kept", func() bool {
		both := get[struct {
			Running *server.SessionView
			Kept    *server.KeptSession
		}](h, "/admin/v1/sessions/"+string(p.session))
		return both.Running != nil && both.Kept != nil && both.Kept.App == "tux" && both.Kept.Ended == nil
	})
}

func TestAnOperatorIsToldWhyThisEdgeAndWhyNotAnother(t *testing.T) {
	h := open(t, "")
	first, _, _ := h.edge(1)
	p, _ := h.play(token.Claims{ID: "one"})
	second, _, _ := h.edge(1)
	type answer struct {
		Now         bool
		Explanation struct {
			Edges, Eligible int
			Ranked, Named   []struct {
				Edge   signaling.EdgeID
				Demand string
				Words  string
				Place  int
			}
			Refused *signaling.Error
		}
	}
	why := get[answer](h, "/admin/v1/sessions/"+string(p.session)+"/explain?edge="+string(first.ID())+"&edge="+string(second.ID())+"&edge=e-nobody").Explanation
	// It was picked before the other one came.
	if len(why.Named) != 3 || why.Named[0].Place != 1 || why.Named[1].Place != 0 || !strings.Contains(why.Named[2].Words, "not known") || len(why.Ranked) != 1 {
		t.Errorf("%+v", why)
	}
	if free := get[server.EdgeView](h, "/admin/v1/edges/"+string(first.ID())).Free; free != 0 {
		t.Errorf("the explanation has left %d slots free", free)
	}
	h.do("/admin/v1/edges/"+string(second.ID())+"/drain", `{"reason":"a new disk"}`)
	why = get[answer](h, "/admin/v1/explain?app=tux&codec=h264&edge="+string(first.ID())+"&edge="+string(second.ID())).Explanation
	if why.Eligible != 0 || why.Named[0].Demand != "free-slot" || why.Named[1].Demand != "accepting" {
		t.Errorf("%+v", why)
	}
	if why := get[answer](h, "/admin/v1/explain?app=nothing").Explanation; why.Refused == nil || why.Refused.Code != signaling.CodeUnknownApp {
		t.Errorf("%+v", why)
	}
}

func TestAnEdgeThatIsDrainedTakesNobodyUntilThatIsUndone(t *testing.T) {
	h := open(t, "")
	machine, _, _ := h.edge(2)
	p, _ := h.play(token.Claims{ID: "one"})
	at := "/admin/v1/edges/" + string(machine.ID())
	if text := h.do(at+"/drain", `{"reason":"a new disk"}`); !strings.Contains(text, `"kept":false`) {
		t.Error(text)
	}
	if v := get[server.EdgeView](h, at); v.State != server.EdgeDraining || v.Drain == nil || v.Drain.By != "ada" || v.Drain.Reason != "a new disk" {
		t.Errorf("%+v", v)
	}
	if _, err := h.play(token.Claims{ID: "two"}); err == nil || err.Code != signaling.CodeNotAccepting {
		t.Errorf("a player is told %v", err)
	}
	if len(get[sessions](h, "/admin/v1/sessions").Sessions) != 1 {
		t.Error("who was there has gone")
	}
	other, _, _ := h.edge(1)
	if text := h.do(at+"/drain", `{"reason":"the disk is here","move":true}`); !strings.Contains(text, `"moved":1`) {
		t.Error(text)
	}
	if m, ok := p.hear().(signaling.Moved); !ok || m.Reason.Code != signaling.CodeShuttingDown {
		t.Errorf("%+v", m)
	}
	if m, ok := p.hear().(signaling.Matched); !ok || m.Edge.ID != other.ID() {
		t.Errorf("%+v", m)
	}
	h.do(at+"/undrain", `{"reason":"done"}`)
	if got, err := h.play(token.Claims{ID: "two"}); err != nil || got.edge != machine.ID() {
		t.Errorf("%+v %v", got, err)
	}
	if status, text := h.ask(http.MethodPost, at+"/undrain", `{"reason":"again"}`); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
}

func TestBansEndWhatRunsShutOutAndOutliveARestart(t *testing.T) {
	database := filepath.Join(t.TempDir(), "kept.db")
	h := open(t, database)
	machine, ended, _ := h.edge(3)
	cheat, _ := h.play(token.Claims{ID: "cheat"})
	h.play(token.Claims{ID: "fair"})
	if text := h.do("/admin/v1/bans", fmt.Sprintf(`{"session":%q,"reason":"cheats"}`, cheat.session)); !strings.Contains(text, `"kept":true`) || !strings.Contains(text, signaling.TokenID("cheat")) {
		t.Error(text)
	}
	if m, ok := cheat.hear().(signaling.Ended); !ok || m.Reason.Code != signaling.CodeBanned {
		t.Errorf("%+v", m)
	}
	if _, err := h.play(token.Claims{ID: "cheat"}); err == nil || err.Code != signaling.CodeBanned {
		t.Errorf("the cheat is told %v", err)
	}
	if left := get[sessions](h, "/admin/v1/sessions").Sessions; len(left) != 1 || left[0].Token != signaling.TokenID("fair") {
		t.Errorf("%+v", left)
	}
	h.do("/admin/v1/bans", fmt.Sprintf(`{"edge":%q,"reason":"records players","until":%q}`, machine.ID(), time.Now().Add(time.Hour).Format(time.RFC3339)))
	var refused *signaling.Error
	if err := <-ended; !errors.As(err, &refused) || refused.Code != signaling.CodeBanned {
		t.Errorf("the edge ended with %v", err)
	}

	h.stopped()
	h.start(database)
	h.eventually("the orders are read", func() bool {
		return len(get[struct{ Orders []server.OrderView }](h, "/admin/v1/orders").Orders) == 2
	})
	if _, err := h.play(token.Claims{ID: "cheat"}); err == nil || err.Code != signaling.CodeBanned {
		t.Errorf("after a restart the cheat is told %v", err)
	}
	if status, text := h.ask(http.MethodPost, "/admin/v1/bans/lift", `{"token":"cheat","reason":"was a mistake"}`); status != http.StatusOK {
		t.Fatal(status, text)
	}
	if _, err := h.play(token.Claims{ID: "cheat"}); err == nil || err.Code != signaling.CodeNoEdge {
		t.Errorf("whose ban is lifted is told %v", err)
	}
	// The key of all tokens.
	h.do("/admin/v1/bans", fmt.Sprintf(`{"key":%q,"reason":"it was stolen"}`, h.issuer.Key().ID))
	if _, err := h.play(token.Claims{ID: "fair"}); err == nil || err.Code != signaling.CodeBanned {
		t.Errorf("whose key is banned is told %v", err)
	}
	// All of it is in the audit log.
	acts := get[struct {
		Acts []struct{ Kind, Actor, Detail string }
		Next string
	}](h, "/admin/v1/acts?since="+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)).Acts
	var kinds []string
	for _, a := range acts {
		if a.Kind != store.LeaseGranted {
			kinds = append(kinds, a.Kind)
			if a.Actor != "ada" || !strings.Contains(a.Detail, ": ") {
				t.Errorf("%+v", a)
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "banned banned ban-lifted banned" {
		t.Errorf("%s", got)
	}
}

func TestASessionIsEndedForAReasonThatItsPlayerReads(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "kept.db"))
	h.edge(1)
	p, _ := h.play(token.Claims{ID: "one"})
	h.do("/admin/v1/sessions/"+string(p.session)+"/end", `{"reason":"the tournament is over"}`)
	if m, ok := p.hear().(signaling.Ended); !ok || !strings.Contains(m.Reason.Message, "the tournament is over") {
		t.Errorf("%+v", m)
	}
	if status, text := h.ask(http.MethodPost, "/admin/v1/sessions/"+string(p.session)+"/end", `{"reason":"again"}`); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
	h.eventually("its end is kept", func() bool {
		kept := get[struct{ Kept *server.KeptSession }](h, "/admin/v1/sessions/"+string(p.session)).Kept
		return kept != nil && kept.Ended != nil && kept.Code == signaling.CodeBanned
	})
}

func TestANodeThatIsDrainedIsNotReadyAndBeginsNothing(t *testing.T) {
	h := open(t, "")
	h.edge(2)
	h.play(token.Claims{ID: "one"})
	ready := func() int {
		response, err := http.Get(h.signal.URL + signaling.ReadyPath)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	h.do("/admin/v1/nodes/self/drain", `{"reason":"an update"}`)
	if got := ready(); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
	if _, err := h.play(token.Claims{ID: "two"}); err == nil || err.Code != signaling.CodeShuttingDown {
		t.Errorf("a player is told %v", err)
	}
	if left := get[sessions](h, "/admin/v1/sessions").Sessions; len(left) != 1 {
		t.Errorf("%+v", left)
	}
	h.edge(1) // and who waits, waits on
	h.do("/admin/v1/nodes/self/undrain", `{"reason":"not today"}`)
	if got := ready(); got != http.StatusOK {
		t.Errorf("/readyz: %d", got)
	}
	if _, err := h.play(token.Claims{ID: "two"}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsAskedForWronglyIsRefusedAndChangesNothing(t *testing.T) {
	h := open(t, "")
	machine, _, _ := h.edge(1)
	drain := "/admin/v1/edges/" + string(machine.ID()) + "/drain"
	for _, step := range []struct {
		why, method, path, body string
		want                    int
	}{
		{"no reason", http.MethodPost, drain, `{}`, http.StatusBadRequest},
		{"an empty reason", http.MethodPost, drain, `{"reason":" "}`, http.StatusBadRequest},
		{"a reason of two lines", http.MethodPost, drain, `{"reason":"a\nb"}`, http.StatusBadRequest},
		{"a long reason", http.MethodPost, drain, `{"reason":"` + strings.Repeat("x", 401) + `"}`, http.StatusBadRequest},
		{"a field that is not known", http.MethodPost, drain, `{"reason":"a","untill":"2030-01-01T00:00:00Z"}`, http.StatusBadRequest},
		{"two values", http.MethodPost, drain, `{"reason":"a"}{"reason":"b"}`, http.StatusBadRequest},
		{"no JSON", http.MethodPost, drain, `reason=a`, http.StatusBadRequest},
		{"over before it begins", http.MethodPost, drain, `{"reason":"a","until":"2001-01-01T00:00:00Z"}`, http.StatusBadRequest},
		{"too much", http.MethodPost, drain, `{"reason":"` + strings.Repeat("x", 9000) + `"}`, http.StatusRequestEntityTooLarge},
		{"an id that is too long", http.MethodPost, "/admin/v1/edges/" + strings.Repeat("e", 65) + "/drain", `{"reason":"a"}`, http.StatusBadRequest},
		{"a ban of nobody", http.MethodPost, "/admin/v1/bans", `{"reason":"a"}`, http.StatusBadRequest},
		{"a ban of two", http.MethodPost, "/admin/v1/bans", `{"reason":"a","edge":"e","key":"k"}`, http.StatusBadRequest},
		{"a ban of a session that is not there", http.MethodPost, "/admin/v1/bans", `{"reason":"a","session":"s-e-1-A"}`, http.StatusNotFound},
		{"a ban that is not there is lifted", http.MethodPost, "/admin/v1/bans/lift", `{"reason":"a","key":"k"}`, http.StatusNotFound},
		{"a filter that is not known", http.MethodGet, "/admin/v1/edges?stat=open", "", http.StatusBadRequest},
		{"a state that is none", http.MethodGet, "/admin/v1/edges?state=great", "", http.StatusBadRequest},
		{"a page that is too large", http.MethodGet, "/admin/v1/sessions?limit=101", "", http.StatusBadRequest},
		{"an edge that is not there", http.MethodGet, "/admin/v1/edges/e-none", "", http.StatusNotFound},
		{"a session that is not there", http.MethodGet, "/admin/v1/sessions/s-none", "", http.StatusNotFound},
		{"a session of an edge that is not there", http.MethodGet, "/admin/v1/sessions/s-e-none-A/explain", "", http.StatusNotFound},
		{"a node that is not there", http.MethodPost, "/admin/v1/nodes/n-none/drain", `{"reason":"a"}`, http.StatusNotFound},
		{"too many edges by name", http.MethodGet, "/admin/v1/explain?" + strings.Repeat("edge=e&", 51), "", http.StatusBadRequest},
		{"the log of a server that keeps none", http.MethodGet, "/admin/v1/acts", "", http.StatusNotFound},
	} {
		if status, text := h.ask(step.method, step.path, step.body); status != step.want || !strings.Contains(text, `"type":"urn:nearlight:error:`) {
			t.Errorf("%s: %d %s, want %d", step.why, status, text, step.want)
		}
	}
	if orders := get[struct{ Orders []server.OrderView }](h, "/admin/v1/orders").Orders; len(orders) != 0 {
		t.Errorf("%+v", orders)
	}
}

func TestStrangersAreToldNothingAndSecretsAreNotLogged(t *testing.T) {
	h := open(t, "")
	for _, authorization := range []string{"", "Bearer", "Bearer wrong", "Basic " + h.secret, "Bearer " + h.secret + "x", "Bearer " + strings.Repeat("x", 10_000)} {
		if status, text := h.askAs(authorization, http.MethodGet, "/admin/v1/edges", ""); status != http.StatusUnauthorized || strings.Contains(text, "edges\"") {
			t.Errorf("%.20q: %d %s", authorization, status, text)
		}
	}
	limited := false
	for range 20 {
		status, _ := h.askAs("Bearer wrong", http.MethodGet, "/admin/v1/edges", "")
		limited = limited || status == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("who guesses may guess for ever")
	}
	if status, _ := h.ask(http.MethodGet, "/admin/v1/edges", ""); status != http.StatusOK {
		t.Errorf("the operator is kept out by strangers: %d", status)
	}
	if status, _ := h.askAs("bearer "+strings.Repeat("e", 40), http.MethodGet, "/admin/v1/edges", ""); status != http.StatusOK {
		t.Errorf("another operator is kept out: %d", status)
	}
	if log := h.log.String(); strings.Contains(log, h.secret) || strings.Contains(log, strings.Repeat("e", 40)) || !strings.Contains(log, "stranger") {
		t.Errorf("the log has a secret, or nothing of strangers: %s", log)
	}
}
