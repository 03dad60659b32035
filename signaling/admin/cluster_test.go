package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"nearlight/internal/edgesim"
	"nearlight/signaling"
	"nearlight/signaling/server"
	"nearlight/signaling/token"
)

func (h *house) sees(n int) func() bool {
	return func() bool {
		page, _ := h.server.Edges(server.EdgeQuery{})
		return len(page) == n
	}
}

func TestAnOperatorOfOneNodeSeesAndDoesWhatIsAtAnother(t *testing.T) {
	here, there := openTwo(t)
	machine, _, _ := there.edge(2)
	here.eventually("the other node's edge is known", here.sees(1))
	edge := get[server.EdgeView](here, "/admin/v1/edges/"+string(machine.ID()))
	if edge.Node == "" || edge.State != server.EdgeOpen || edge.Slots != 2 {
		t.Errorf("%+v", edge)
	}
	p, _ := here.play(token.Claims{ID: "one"})
	for _, h := range []*house{here, there} {
		if got := get[sessions](h, "/admin/v1/sessions").Sessions; len(got) != 1 || got[0].ID != p.session || got[0].Node != edge.Node {
			t.Errorf("%+v", got)
		}
	}
	if got := get[server.EdgeView](here, "/admin/v1/edges/"+string(machine.ID())).Sessions; len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if status, text := here.ask(http.MethodGet, "/admin/v1/sessions/"+string(p.session)+"/explain?edge="+string(machine.ID()), ""); status != http.StatusOK || !strings.Contains(text, `"eligible":1`) {
		t.Errorf("%d %s", status, text)
	}
	here.do("/admin/v1/sessions/"+string(p.session)+"/end", `{"reason":"enough"}`)
	if m, ok := p.hear().(signaling.Ended); !ok || m.Reason.Code != signaling.CodeBanned {
		t.Errorf("%+v", m)
	}
	// A drain that is ordered at the one is obeyed at the other, with its players.
	other, _, _ := here.edge(1)
	for _, h := range []*house{here, there} {
		h.eventually("both edges are known", h.sees(2))
	}
	p, _ = here.play(token.Claims{ID: "two"})
	from, to := machine, other
	if p.edge == other.ID() {
		from, to = other, machine
	}
	if text := there.do("/admin/v1/edges/"+string(from.ID())+"/drain", `{"reason":"it is hot","move":true}`); !strings.Contains(text, `"moved":1`) {
		t.Error(text)
	}
	if m, ok := p.hear().(signaling.Moved); !ok {
		t.Errorf("%+v", m)
	}
	if m, ok := p.hear().(signaling.Matched); !ok || m.Edge.ID != to.ID() {
		t.Errorf("%+v, want it at %s", m, to.ID())
	}
	here.eventually("both nodes say that it is drained", func() bool {
		for _, h := range []*house{here, there} {
			if get[server.EdgeView](h, "/admin/v1/edges/"+string(from.ID())).State != server.EdgeDraining {
				return false
			}
		}
		return true
	})
}

func TestANodeThatIsDrainedByAnotherSendsItsEdgesThere(t *testing.T) {
	here, there := openTwo(t)
	var machines []*edgesim.Machine
	for range 5 {
		m, _, _ := there.edge(1, here)
		machines = append(machines, m)
	}
	here.eventually("all edges are known", here.sees(5))
	node := there.server.Cluster().Nodes[0].ID
	here.do("/admin/v1/nodes/"+node+"/drain", `{"reason":"an update"}`)
	here.eventually("all edges are at this node", func() bool {
		page, _ := here.server.Edges(server.EdgeQuery{Node: here.server.Cluster().Nodes[0].ID, State: server.EdgeOpen})
		return len(page) == len(machines)
	})
	response, err := http.Get(there.signal.URL + signaling.ReadyPath)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v %v", response.Status, err)
	}
	here.do("/admin/v1/nodes/"+node+"/undrain", `{"reason":"done"}`)
	if !there.server.Cluster().Ready {
		t.Error("it does not serve again")
	}
	there.eventually("it knows where its edges are now", func() bool {
		page, _ := there.server.Edges(server.EdgeQuery{State: server.EdgeOpen})
		return len(page) == len(machines)
	})
	if p, refused := there.play(token.Claims{ID: "after"}); refused != nil || p.session == "" {
		t.Errorf("%v", refused)
	}
}
