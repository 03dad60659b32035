package admin

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

type actAnswer struct {
	ID      string              `json:"id"`
	Kind    string              `json:"kind"`
	Actor   string              `json:"actor"`
	Session signaling.SessionID `json:"session,omitempty"`
	Edge    signaling.EdgeID    `json:"edge,omitempty"`
	Detail  string              `json:"detail"`
	At      time.Time           `json:"at"`
}

type actsAnswer struct {
	Acts []actAnswer `json:"acts"`
	Next string      `json:"next,omitempty"`
}

// acts is a page of the audit log. A place in it is a time in milliseconds and an id, joined by a dot.
func (h *handler) acts(r *request) (any, error) {
	get, err := checked(r, "after", "since", "order", "session", "edge", "limit")
	if err != nil {
		return nil, err
	}
	q := store.ActQuery{Session: signaling.SessionID(get("session")), Edge: signaling.EdgeID(get("edge")), Limit: store.MaxPage}
	if text := get("limit"); text != "" {
		if q.Limit, err = limitOf(text); err != nil {
			return nil, err
		}
	}
	switch get("order") {
	case "", "oldest":
	case "newest":
		q.Newest = true
	default:
		return nil, &badRequest{"order is oldest or newest: which come first"}
	}
	if text := get("after"); text != "" {
		ms, id, _ := strings.Cut(text, ".")
		at, err := strconv.ParseInt(ms, 10, 64)
		if err != nil || at < 0 {
			return nil, &badRequest{"after is what next was on the page before"}
		}
		q.After = store.Page{Time: time.UnixMilli(at), ID: id}
	} else if text := get("since"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		switch {
		case err != nil:
			return nil, &badRequest{"since is a time as RFC 3339 has it"}
		case q.Newest:
			return nil, &badRequest{"since is where the oldest come first"}
		}
		q.After.Time = at
	}
	acts, err := h.Network.Acts(r.Context(), q)
	if err != nil {
		return nil, err
	}
	answer := actsAnswer{Acts: []actAnswer{}}
	for _, a := range acts {
		answer.Acts = append(answer.Acts, actAnswer{a.ID, a.Kind, a.Actor, a.Session, a.Edge, a.Detail, a.At.UTC()})
	}
	if n := len(acts); n == q.Limit {
		answer.Next = strconv.FormatInt(acts[n-1].At.UnixMilli(), 10) + "." + cmp.Or(acts[n-1].ID, "-")
	}
	return answer, nil
}
