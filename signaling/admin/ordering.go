package admin

import (
	"strings"
	"time"
	"unicode"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/server"
)

// What operators may do. Each act needs a reason, which the audit log keeps.

// maxReason bounds it, in octets.
const maxReason = 400

// why is what each act's body has.
type why struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"` // of an order: nil lets it hold until it is lifted
	// Move, of a drain, hands the edge's players to other edges now, in place of letting them end their games.
	Move bool `json:"move,omitempty"`
}

func reasoned(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return &badRequest{"A reason is missing; the audit log keeps it"}
	case len(reason) > maxReason:
		return &badRequest{"The reason is longer than 400 octets"}
	case strings.ContainsFunc(reason, unicode.IsControl):
		return &badRequest{"The reason is one line of text"}
	}
	return nil
}

// readWhy reads the body of an act that takes only some of its fields.
func readWhy(r *request, order, move bool) (why, error) {
	w, err := read[why](r)
	if err != nil {
		return w, err
	}
	if !order && w.Until != nil || !move && w.Move {
		return w, &badRequest{"until and move do not belong here"}
	}
	return w, reasoned(w.Reason)
}

// orderAnswer says what holds now, and for how long it will be known.
type orderAnswer struct {
	Order server.OrderView `json:"order"`
	// Kept says that a store keeps it. Else it holds for as long as a signaling node runs that has heard of it.
	Kept  bool `json:"kept"`
	Moved int  `json:"moved,omitempty"` // players who were handed on
}

func (h *handler) impose(r *request, kind store.OrderKind, target string, w why) (orderAnswer, error) {
	order := server.Order{Kind: kind, Target: target, Reason: w.Reason, By: r.operator}
	if w.Until != nil {
		order.Until = *w.Until
	}
	done, err := h.Network.Impose(r.Context(), order)
	return orderAnswer{Order: done, Kept: h.Network.Cluster().Kept}, err
}

func (h *handler) lift(r *request, kind store.OrderKind, target, reason string) (any, error) {
	done, err := h.Network.Lift(r.Context(), server.Order{Kind: kind, Target: target, Reason: reason, By: r.operator})
	if err != nil {
		return nil, err
	}
	return orderAnswer{Order: done, Kept: h.Network.Cluster().Kept}, nil
}

func (h *handler) drainEdge(r *request) (any, error) {
	w, err := readWhy(r, true, true)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("edge")
	answer, err := h.impose(r, store.DrainEdge, id, w)
	if err != nil || !w.Move {
		return answer, err
	}
	answer.Moved, err = h.Network.MoveOff(r.Context(), signaling.EdgeID(answer.Order.Target), w.Reason)
	return answer, err
}

func (h *handler) undrainEdge(r *request) (any, error) {
	w, err := readWhy(r, false, false)
	if err != nil {
		return nil, err
	}
	return h.lift(r, store.DrainEdge, r.PathValue("edge"), w.Reason)
}

func (h *handler) drainNode(r *request) (any, error)   { return h.setNode(r, true) }
func (h *handler) undrainNode(r *request) (any, error) { return h.setNode(r, false) }

func (h *handler) setNode(r *request, drain bool) (any, error) {
	w, err := readWhy(r, false, false)
	if err != nil {
		return nil, err
	}
	node := r.PathValue("node")
	if node == "self" {
		node = h.Network.Cluster().Nodes[0].ID
	}
	if err := h.Network.DrainNode(r.Context(), r.operator, node, w.Reason, drain); err != nil {
		return nil, err
	}
	return h.Network.Cluster(), nil
}

func (h *handler) endSession(r *request) (any, error) {
	w, err := readWhy(r, false, false)
	if err != nil {
		return nil, err
	}
	id := signaling.SessionID(r.PathValue("session"))
	if err := h.Network.EndSession(r.Context(), r.operator, id, w.Reason); err != nil {
		return nil, err
	}
	return struct {
		Ended signaling.SessionID `json:"ended"`
	}{id}, nil
}

// target is what a ban is about: one field is set.
type target struct {
	Edge    signaling.EdgeID    `json:"edge,omitempty"`    // an edge's id, which is its address where it has a key
	Key     string              `json:"key,omitempty"`     // the id of a studio's key
	Token   string              `json:"token,omitempty"`   // a token's jti, which is not kept: its TokenID is
	TokenID string              `json:"tokenId,omitempty"` // as sessions are shown with
	Session signaling.SessionID `json:"session,omitempty"` // whose token is meant
}

type banBody struct {
	target
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"`
}

// order is what kind of order a target asks for, and about what.
func (h *handler) order(r *request, t target) (kind store.OrderKind, about string, err error) {
	n := 0
	for _, set := range []bool{t.Edge != "", t.Key != "", t.Token != "", t.TokenID != "", t.Session != ""} {
		if set {
			n++
		}
	}
	switch {
	case n != 1:
		return "", "", &badRequest{"One of edge, key, token, tokenId and session says who is meant"}
	case len(t.Token) > maxText:
		return "", "", &badRequest{"The token's id is longer than 128 octets; the token itself is not wanted"}
	case t.Edge != "":
		return store.BanEdge, string(t.Edge), nil
	case t.Key != "":
		return store.BanKey, t.Key, nil
	case t.Token != "":
		return store.BanToken, signaling.TokenID(t.Token), nil
	case t.TokenID != "":
		return store.BanToken, t.TokenID, nil
	}
	running, _, err := h.Network.Session(r.Context(), t.Session)
	if err == nil && running == nil {
		err = server.ErrUnknown
	}
	if err != nil {
		return "", "", err
	}
	return store.BanToken, running.Token, nil
}

func (h *handler) ban(r *request) (any, error) {
	body, err := read[banBody](r)
	if err == nil {
		err = reasoned(body.Reason)
	}
	if err != nil {
		return nil, err
	}
	kind, about, err := h.order(r, body.target)
	if err != nil {
		return nil, err
	}
	return h.impose(r, kind, about, why{Reason: body.Reason, Until: body.Until})
}

func (h *handler) unban(r *request) (any, error) {
	body, err := read[banBody](r)
	if err == nil {
		err = reasoned(body.Reason)
	}
	if err == nil && body.Until != nil {
		err = &badRequest{"until does not belong here"}
	}
	if err != nil {
		return nil, err
	}
	kind, about, err := h.order(r, body.target)
	if err != nil {
		return nil, err
	}
	return h.lift(r, kind, about, body.Reason)
}
