package admin_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

// ledger is a log of checks in which all edges stand alike. It asks back what it may, when it is told something.
type ledger struct {
	mu      sync.Mutex
	says    server.Standing
	node    *server.Server
	events  []string
	present []server.EdgeView // at the latest event
}

var _ server.Checks = (*ledger)(nil)

func (l *ledger) Standing(identity.Address) server.Standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.says
}

func (l *ledger) Happened(e server.EdgeEvent) {
	l.mu.Lock()
	node := l.node
	l.mu.Unlock()
	present := node.Present()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events, l.present = append(l.events, e.What.String()), present
	node.StandingChanged(e.Edge)
}

func (l *ledger) say(s server.Standing, edge identity.Address) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.says = s
	l.node.StandingChanged(edge)
}

func (l *ledger) told() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.events, ", ")
}

func TestAnOperatorSeesWhatCheckersFindAndWhomItKeepsFromPlayers(t *testing.T) {
	h, l := build(t), &ledger{says: server.Standing{State: match.Checking, Words: "not enrolled yet"}}
	h.checks = l
	l.mu.Lock() // nobody asks before the server is there
	h.start("")
	l.node = h.server
	l.mu.Unlock()
	machine, _, gone := h.edge(1)
	address, err := identity.ParseAddress(string(machine.ID()))
	if err != nil {
		t.Fatal(err)
	}
	path := "/admin/v1/edges/" + string(machine.ID())
	shows := func(want server.StandingView) func() bool {
		return func() bool {
			v := get[server.EdgeView](h, path)
			return v.Standing != nil && *v.Standing == want
		}
	}
	h.eventually("it is being checked", shows(server.StandingView{State: match.Checking, Share: 1000, Words: "not enrolled yet"}))
	l.say(server.Standing{State: match.Jailed, Score: 120, Words: "jailed for a day: too slow"}, address)
	h.eventually("it is jailed", shows(server.StandingView{State: match.Jailed, Share: 1000, Score: 120, Words: "jailed for a day: too slow"}))
	if page := get[edges](h, "/admin/v1/edges").Edges; len(page) != 1 || page[0].Standing == nil || page[0].Standing.State != match.Jailed || page[0].Pictures == nil {
		t.Errorf("%+v", page)
	}
	if status, text := h.ask(http.MethodGet, "/admin/v1/explain?app=tux&edge="+string(machine.ID()), ""); status != http.StatusOK ||
		!strings.Contains(text, `"standing":"jailed for a day: too slow"`) || !strings.Contains(text, `"score":120`) || !strings.Contains(text, "the state jailed") {
		t.Errorf("%d %s", status, text)
	}
	if _, refused := h.play(token.Claims{ID: "player", Edges: []identity.Address{address}}); refused == nil || refused.Code != signaling.CodeNotAccepting {
		t.Errorf("a player is told %v", refused)
	}
	if _, refused := h.play(token.Claims{ID: "stray", Rights: []token.Right{token.Check}}); refused == nil || refused.Code != signaling.CodeNotAccepting {
		t.Errorf("who may check, and names no edge, is told %v", refused)
	}
	checker, refused := h.play(token.Claims{ID: "checker", Rights: []token.Right{token.Check}, Edges: []identity.Address{address}})
	if refused != nil {
		t.Fatal(refused)
	}
	if got := get[sessions](h, "/admin/v1/sessions").Sessions; len(got) != 1 || !got[0].Checks {
		t.Errorf("%+v", got)
	}
	checker.Close()
	h.do("/admin/v1/sessions/"+string(checker.session)+"/end", `{"reason":"enough"}`)

	l.say(server.Standing{Share: 50, Score: 500, Words: "on probation"}, address)
	h.eventually("it is a newcomer", shows(server.StandingView{Share: 50, Score: 500, Words: "on probation"}))
	player, refused := h.play(token.Claims{ID: "player", Edges: []identity.Address{address}})
	if refused != nil {
		t.Fatal(refused)
	}
	if status, text := h.ask(http.MethodGet, "/admin/v1/sessions/"+string(player.session)+"/explain", ""); status != http.StatusOK ||
		!strings.Contains(text, "newcomer or in doubt, a candidate in 5 of 100 matches") || !strings.Contains(text, `"share":50`) || !strings.Contains(text, `"standing":"on probation"`) {
		t.Errorf("%d %s", status, text)
	}
	h.do(path+"/drain", `{"reason":"it is hot"}`)
	h.do(path+"/undrain", `{"reason":"it is cool"}`)
	gone()
	const all = "came, session began, drained, undrained, session ended, went"
	h.eventually("the log has heard all of it", func() bool { return l.told() == all })
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.present) != 0 {
		t.Errorf("%+v", l.present)
	}
}
