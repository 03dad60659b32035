package server

import (
	"context"
	"errors"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Operators' orders are known to all nodes: each tells the others what it hears for the first time, and all of them to a node that is new. Of two
// about the same the newer counts, so that it does not matter in which order they come, or how often.

type orderName struct {
	kind   store.OrderKind
	target string
}

const (
	// maxOrders bounds the orders that hold; each is some hundred octets in every node.
	maxOrders = 10_000
	// forgottenAfter is how long one that is over is remembered, so that nobody brings it back.
	forgottenAfter = 24 * time.Hour
	// refreshOrders is how often the store is asked for orders of nodes that the bus does not reach.
	refreshOrders = 30 * time.Second
)

// maxOrderText bounds the texts of an order that another node tells.
const maxOrderText = 512

func knownOrder(kind store.OrderKind) bool {
	switch kind {
	case store.DrainEdge, store.BanEdge, store.BanKey, store.BanToken:
		return true
	}
	return false
}

// errTooManyOrders refuses one more.
var errTooManyOrders = errors.New("signaling/server: as many orders hold as may; lift some first")

// presentOrder is an order as nodes tell each other.
type presentOrder struct {
	Kind   store.OrderKind `json:"kind"`
	Target string          `json:"target"`
	Reason string          `json:"reason,omitempty"`
	Actor  string          `json:"actor,omitempty"`
	At     int64           `json:"at"` // milliseconds since 1970, here and below
	Until  int64           `json:"until,omitempty"`
}

func presented(o store.Order) presentOrder {
	p := presentOrder{Kind: o.Kind, Target: o.Target, Reason: o.Reason, Actor: o.Actor, At: o.At.UnixMilli()}
	if !o.Until.IsZero() {
		p.Until = o.Until.UnixMilli()
	}
	return p
}

func (p presentOrder) order() store.Order {
	o := store.Order{Kind: p.Kind, Target: p.Target, Reason: p.Reason, Actor: p.Actor, At: time.UnixMilli(p.At)}
	if p.Until > 0 {
		o.Until = time.UnixMilli(p.Until)
	}
	return o
}

// holds reports whether there is such an order now. The registry's mutex is held, here and below.
func (r *registry) holds(kind store.OrderKind, target string) bool {
	if len(r.orders) == 0 {
		return false
	}
	o, there := r.orders[orderName{kind, target}]
	return there && !o.Over(time.Now())
}

// barredEdge says why an edge may not be here; nil: it may.
func (r *registry) barredEdge(id signaling.EdgeID) *signaling.Error {
	if !r.holds(store.BanEdge, string(id)) {
		return nil
	}
	return signaling.Errorf(signaling.CodeBanned, "The operator of this server has banned the machine %s.", id).WithHint("Ask the operator.")
}

// barredToken says why a token is not good here; nil: it is.
func (r *registry) barredToken(claims token.Claims) *signaling.Error {
	if len(r.orders) == 0 {
		return nil
	}
	if r.holds(store.BanKey, claims.Key) || r.holds(store.BanToken, signaling.TokenID(claims.ID)) {
		return signaling.Errorf(signaling.CodeBanned, "The operator of this server has closed it to this link.")
	}
	return nil
}

// obey takes an order, from whoever has told it, and reports whether it is news.
func (r *registry) obey(o store.Order) bool {
	name := orderName{o.Kind, o.Target}
	before, there := r.orders[name]
	now := time.Now()
	if there && !o.At.After(before.At) || !o.Until.IsZero() && now.Sub(o.Until) > forgottenAfter {
		return false
	}
	if !there && len(r.orders) >= 2*maxOrders {
		r.metrics.dropped.WithLabelValues("too-many-orders").Inc()
		return false
	}
	r.orders[name] = o
	if r.cluster != nil {
		r.cluster.orders[name] = struct{}{}
	}
	held, holds := there && !before.Over(now), !o.Over(now)
	if holds && !o.Until.IsZero() {
		r.after(o.Until.Sub(now), func() { r.lapse(name) })
	} else if !holds {
		r.after(forgottenAfter, func() { r.lapse(name) })
	}
	if held == holds {
		return true
	}
	r.log.Info("an operator's order", "kind", o.Kind, "of", o.Target, "holds", holds, "by", o.Actor, "reason", o.Reason, "until", o.Until)
	r.enforce(name, holds)
	return true
}

// lapse ends an order whose time is over, and forgets it in the end.
func (r *registry) lapse(name orderName) {
	o, there := r.orders[name]
	now := time.Now()
	switch {
	case !there || !o.Over(now):
	case now.Sub(o.Until) >= forgottenAfter:
		delete(r.orders, name)
	default:
		r.enforce(name, false)
		r.after(forgottenAfter, func() { r.lapse(name) })
	}
}

// enforce does what an order asks for that begins to hold, or holds no more.
func (r *registry) enforce(name orderName, holds bool) {
	switch name.kind {
	case store.DrainEdge:
		id := signaling.EdgeID(name.target)
		r.reindex(id)
		r.serveQueue()
	case store.BanEdge:
		r.reindex(signaling.EdgeID(name.target)) // its players are not to come back to it
		if e := r.edges[signaling.EdgeID(name.target)]; e != nil && holds {
			reason := r.barredEdge(e.id)
			r.moveOff(e, signaling.NewError(signaling.CodeEdgeGone))
			if e.peer != nil {
				e.peer.end(reason)
			}
		}
	case store.BanKey, store.BanToken:
		if !holds {
			return
		}
		for _, s := range r.sessions {
			if s.over == nil && (name.kind == store.BanKey && s.key == name.target || name.kind == store.BanToken && s.owner == name.target) {
				r.finish(s, signaling.Ended{Reason: signaling.NewError(signaling.CodeBanned)}, true)
			}
		}
	}
}

// moveOff ends all sessions of an edge for a reason for which their players go on elsewhere, if they can. It returns how many.
func (r *registry) moveOff(e *edge, reason *signaling.Error) int {
	n := 0
	for _, s := range e.sessions {
		if s.watches == "" {
			n++
		}
		r.finish(s, signaling.Ended{Reason: reason}, true)
	}
	return n
}

// standing returns the orders that hold.
func (r *registry) standing() []store.Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	orders := make([]store.Order, 0, len(r.orders))
	for _, o := range r.orders {
		if !o.Over(now) {
			orders = append(orders, o)
		}
	}
	return orders
}

// orderable reports whether there is room for one more order.
func (r *registry) orderable(o store.Order) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.orders[orderName{o.Kind, o.Target}]; there || len(r.orders) < maxOrders {
		return nil
	}
	return errTooManyOrders
}

// readOrders obeys what the store has.
func (s *Server) readOrders(ctx context.Context) error {
	if s.config.Records == nil {
		return nil
	}
	orders, err := s.config.Records.Orders(ctx)
	if err != nil {
		return err
	}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	for _, o := range orders {
		s.registry.obey(o)
	}
	return nil
}

// followOrders reads the store's orders until ctx ends: another node may have written some that the bus did not bring.
func (s *Server) followOrders(ctx context.Context) {
	ticker := time.NewTicker(refreshOrders)
	defer ticker.Stop()
	for {
		if err := s.readOrders(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("operators' orders cannot be read; those that are known hold", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// verify checks a token, and whether an operator lets it be good.
func (s *Server) verify(raw string, role token.Role) (token.Claims, error) {
	claims, err := s.config.Verifier.Verify(raw, role)
	if err != nil {
		return claims, err
	}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	if reason := s.registry.barredToken(claims); reason != nil {
		return claims, reason
	}
	return claims, nil
}
