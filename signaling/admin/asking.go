package admin

import (
	"encoding/json"
	"strconv"
	"strings"

	"nearlight/signaling"
	"nearlight/signaling/match"
	"nearlight/signaling/server"
)

// What operators may know.

// maxText bounds what is looked for, and maxNamed how many edges may be asked about by name.
const (
	maxText  = 128
	maxNamed = 50
)

// checked reads parameters of a request; what is not known is refused, so that nobody takes a filter that was misspelt for one that finds all.
func checked(r *request, known ...string) (get func(string) string, err error) {
	query := r.query()
	for name, values := range query {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, &badRequest{"There is no parameter " + strconv.Quote(signaling.Cut(name, 32)) + "; there are " + strings.Join(known, ", ")}
		}
		for _, v := range values {
			if len(v) > maxText {
				return nil, &badRequest{"The parameter " + name + " is longer than " + strconv.Itoa(maxText) + " octets"}
			}
		}
	}
	return query.Get, nil
}

func limitOf(text string) (int, error) {
	if text == "" {
		return server.MaxPage, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > server.MaxPage {
		return 0, &badRequest{"limit is a number from 1 to " + strconv.Itoa(server.MaxPage)}
	}
	return n, nil
}

func (h *handler) cluster(*request) (any, error) { return h.Network.Cluster(), nil }

type edgesAnswer struct {
	Edges []server.EdgeView `json:"edges"`
	Next  signaling.EdgeID  `json:"next,omitempty"` // after of the next page; "": there is none
}

func (h *handler) edges(r *request) (any, error) {
	get, err := checked(r, "text", "state", "node", "app", "after", "limit")
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(get("limit"))
	if err != nil {
		return nil, err
	}
	state := server.EdgeState(get("state"))
	switch state {
	case "", server.EdgeOpen, server.EdgeFull, server.EdgeDraining, server.EdgeSilent:
	default:
		return nil, &badRequest{"state is open, full, draining or silent"}
	}
	page, more := h.Network.Edges(server.EdgeQuery{
		Text: get("text"), State: state, Node: get("node"), App: get("app"), After: signaling.EdgeID(get("after")), Limit: limit,
	})
	answer := edgesAnswer{Edges: page}
	if more {
		answer.Next = page[len(page)-1].ID
	}
	return answer, nil
}

func (h *handler) edge(r *request) (any, error) {
	return h.Network.Edge(r.Context(), signaling.EdgeID(r.PathValue("edge")))
}

type sessionsAnswer struct {
	Sessions []server.SessionView `json:"sessions"`
	Next     signaling.SessionID  `json:"next,omitempty"`
	Silent   []string             `json:"silent,omitempty"` // nodes that have not answered: their sessions are missing
}

func (h *handler) sessions(r *request) (any, error) {
	get, err := checked(r, "edge", "app", "token", "after", "limit")
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(get("limit"))
	if err != nil {
		return nil, err
	}
	page, more, silent := h.Network.Sessions(r.Context(), server.SessionQuery{
		Edge: signaling.EdgeID(get("edge")), App: get("app"), Token: get("token"), After: signaling.SessionID(get("after")), Limit: limit,
	})
	answer := sessionsAnswer{Sessions: page, Silent: silent}
	if more && len(page) > 0 {
		answer.Next = page[len(page)-1].ID
	}
	return answer, nil
}

type sessionAnswer struct {
	Running *server.SessionView `json:"running,omitempty"`
	Kept    *server.KeptSession `json:"kept,omitempty"`
}

func (h *handler) session(r *request) (any, error) {
	running, kept, err := h.Network.Session(r.Context(), signaling.SessionID(r.PathValue("session")))
	return sessionAnswer{running, kept}, err
}

type explanationAnswer struct {
	Session *server.SessionView `json:"session,omitempty"`
	// Now says that it is explained by how edges are now, not as they were when the session began.
	Now         bool            `json:"now"`
	Explanation json.RawMessage `json:"explanation"`
}

// named are the edges that a request asks about: the parameter edge, repeated.
func named(r *request) ([]signaling.EdgeID, error) {
	texts := r.query()["edge"]
	if len(texts) > maxNamed {
		return nil, &badRequest{"At most " + strconv.Itoa(maxNamed) + " edges may be asked about"}
	}
	edges := make([]signaling.EdgeID, len(texts))
	for i, text := range texts {
		edges[i] = signaling.EdgeID(text)
	}
	return edges, nil
}

func (h *handler) explainSession(r *request) (any, error) {
	if _, err := checked(r, "edge"); err != nil {
		return nil, err
	}
	edges, err := named(r)
	if err != nil {
		return nil, err
	}
	session, explanation, now, err := h.Network.ExplainSession(r.Context(), signaling.SessionID(r.PathValue("session")), edges)
	if err != nil {
		return nil, err
	}
	return explanationAnswer{Session: &session, Now: now, Explanation: explanation}, nil
}

func (h *handler) explain(r *request) (any, error) {
	get, err := checked(r, "edge", "app", "codec", "region")
	if err != nil {
		return nil, err
	}
	edges, err := named(r)
	if err != nil {
		return nil, err
	}
	const maxList = 16
	codecs, regions := r.query()["codec"], r.query()["region"]
	if len(codecs) > maxList || len(regions) > maxList {
		return nil, &badRequest{"At most 16 codecs and regions may be asked for"}
	}
	if len(codecs) == 0 {
		codecs = []string{"h264"}
	}
	explanation, err := json.Marshal(h.Network.ExplainRequest(match.Request{App: get("app"), Codecs: codecs, Regions: regions}, edges))
	return explanationAnswer{Now: true, Explanation: explanation}, err
}

type queueAnswer struct {
	Waiting []server.WaitingView `json:"waiting"`
	Silent  []string             `json:"silent,omitempty"`
}

func (h *handler) queue(r *request) (any, error) {
	waiting, silent := h.Network.Queue(r.Context())
	return queueAnswer{waiting, silent}, nil
}

type ordersAnswer struct {
	Orders []server.OrderView `json:"orders"`
}

func (h *handler) orders(*request) (any, error) { return ordersAnswer{h.Network.Orders()}, nil }
