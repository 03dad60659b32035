package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

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
	fair, _ := h.play(token.Claims{ID: "fair"})
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

	for _, p := range []*player{cheat, fair} { // the server does not wait for their goodbyes
		if err := p.Close(); err != nil {
			t.Error(err)
		}
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
		{"an order that is none", http.MethodGet, "/admin/v1/acts?order=random", "", http.StatusBadRequest},
		{"a time to begin at, of what ends there", http.MethodGet, "/admin/v1/acts?order=newest&since=2030-01-01T00:00:00Z", "", http.StatusBadRequest},
		{"a page of the log that is too large", http.MethodGet, "/admin/v1/acts?limit=501", "", http.StatusBadRequest},
		{"checks of a node that keeps none", http.MethodGet, "/admin/v1/checks", "", http.StatusNotFound},
		{"checks by a filter that is not known", http.MethodGet, "/admin/v1/checks?edge=0x1", "", http.StatusBadRequest},
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
