package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
)

// What an operator orders: drains of edges, and bans.

// Orders are those that hold, the newest first.
func (s *Server) Orders() []OrderView {
	views := []OrderView{}
	for _, o := range s.registry.standing() {
		views = append(views, viewed(o))
	}
	slices.SortFunc(views, func(a, b OrderView) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Target, b.Target))
	})
	return views
}

// Order is what an operator orders.
type Order struct {
	Kind   store.OrderKind
	Target string // an edge's id or address, a key's id, or a TokenID
	Reason string
	By     string
	Until  time.Time // zero: until it is lifted
}

// Impose has an order hold, at all nodes, and over restarts where there is a store. Its errors wrap ErrBadOrder where it is malformed.
func (s *Server) Impose(ctx context.Context, o Order) (OrderView, error) {
	now := s.config.Now()
	if !o.Until.IsZero() && !o.Until.After(now) {
		return OrderView{}, fmt.Errorf("%w: it would be over before it begins", ErrBadOrder)
	}
	return s.command(ctx, o, map[store.OrderKind]string{
		store.DrainEdge: store.EdgeDrained, store.BanEdge: store.Banned, store.BanKey: store.Banned, store.BanToken: store.Banned,
	}[o.Kind], now)
}

// Lift ends an order, ErrUnknown where it does not hold.
func (s *Server) Lift(ctx context.Context, o Order) (OrderView, error) {
	target, err := orderTarget(o)
	if err != nil {
		return OrderView{}, err
	}
	s.registry.mu.Lock()
	holds := s.registry.holds(o.Kind, target)
	s.registry.mu.Unlock()
	if !holds {
		return OrderView{}, ErrUnknown
	}
	now := s.config.Now()
	o.Until = now
	return s.command(ctx, o, map[store.OrderKind]string{
		store.DrainEdge: store.DrainUndone, store.BanEdge: store.BanLifted, store.BanKey: store.BanLifted, store.BanToken: store.BanLifted,
	}[o.Kind], now)
}

// orderTarget is what an order is about, as it is remembered: addresses as EIP-55 has them, whoever writes them.
func orderTarget(o Order) (string, error) {
	if !knownOrder(o.Kind) || o.Target == "" || len(o.Target) > 64 {
		return "", fmt.Errorf("%w: of the kind %q, about %q", ErrBadOrder, signaling.Cut(string(o.Kind), 32), signaling.Cut(o.Target, 64))
	}
	if address, err := identity.ParseAddress(o.Target); err == nil && (o.Kind == store.DrainEdge || o.Kind == store.BanEdge) {
		return address.String(), nil
	}
	return o.Target, nil
}

// command keeps an order and has all nodes obey it.
func (s *Server) command(ctx context.Context, o Order, act string, now time.Time) (OrderView, error) {
	target, err := orderTarget(o)
	if err != nil {
		return OrderView{}, err
	}
	kept := store.Order{Kind: o.Kind, Target: target, Reason: signaling.Cut(o.Reason, maxAuditedReason), Actor: o.By, At: now.Truncate(time.Millisecond), Until: o.Until.Truncate(time.Millisecond)}
	if err := s.registry.orderable(kept); err != nil {
		return OrderView{}, err
	}
	s.registry.mu.Lock()
	if before, there := s.registry.orders[orderName{kept.Kind, kept.Target}]; there && !kept.At.After(before.At) {
		kept.At = before.At.Add(time.Millisecond) // of two the later is meant, whatever the clock
	}
	s.registry.mu.Unlock()
	entry := store.Act{ID: "act-" + rand.Text(), Kind: act, Actor: o.By, Detail: string(o.Kind) + " " + target + ": " + kept.Reason, At: kept.At}
	if o.Kind == store.DrainEdge || o.Kind == store.BanEdge {
		entry.Edge = signaling.EdgeID(target)
	}
	if s.config.Records != nil {
		if err := s.config.Records.Write(ctx, store.Impose{Order: kept, Act: entry}); err != nil {
			return OrderView{}, err
		}
	}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	s.registry.obey(kept)
	return viewed(kept), nil
}
