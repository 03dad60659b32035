package server

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

// What an operator has leave: the players of an edge, and all that is at a node.

// MoveOff hands the players of an edge that is drained to others, and returns how many there were.
func (s *Server) MoveOff(ctx context.Context, id signaling.EdgeID, reason string) (int, error) {
	s.registry.mu.Lock()
	v, known := s.registry.viewOf(id)
	s.registry.mu.Unlock()
	if !known {
		return 0, ErrUnknown
	}
	t, err := s.askNode(ctx, v.Node, ask{MoveOff: &moveAsk{Edge: id, Reason: signaling.Cut(reason, maxAuditedReason)}})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return t.Moved, nil
}

// DrainNode has a node take no further edges and players, or undoes that. Those that it has go to other nodes, where there are any.
func (s *Server) DrainNode(ctx context.Context, by, node, reason string, drain bool) error {
	s.registry.mu.Lock()
	known := slices.ContainsFunc(s.registry.nodeViews(), func(v NodeView) bool { return v.ID == node })
	s.registry.mu.Unlock()
	if !known {
		return ErrUnknown
	}
	kind := store.NodeDrained
	if !drain {
		kind = store.DrainUndone
	}
	if err := s.audit(ctx, store.Act{Kind: kind, Actor: by, Detail: "node " + node + ": " + signaling.Cut(reason, maxAuditedReason)}); err != nil {
		return err
	}
	if _, err := s.askNode(ctx, node, ask{Drain: &drain}); err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	return nil
}

// drainSelf is DrainNode for this node.
func (s *Server) drainSelf(drain bool) {
	r := s.registry
	s.mu.Lock()
	left := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		left = append(left, c)
	}
	s.mu.Unlock()
	mathrand.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining == drain {
		return
	}
	r.draining = drain
	r.log.Info("this node is drained by an operator", "drained", drain)
	if r.cluster != nil {
		r.cluster.told = time.Time{} // the others hear of it at the next tick
	}
	if r.turnsAway() {
		r.sendAway(left, max(s.config.DrainTime, time.Second)/drainSteps)
	}
}

// drainSteps is in how many steps sockets are closed over a time.
const drainSteps = 20

// turnsAway reports whether sockets are to go to other nodes. The mutex is held, here and below.
func (r *registry) turnsAway() bool {
	if !r.draining || r.cluster == nil {
		return false
	}
	for _, n := range r.cluster.nodes {
		if !n.drained {
			return true
		}
	}
	return false
}

// ebbing reports whether no further sessions begin here: the node is drained, and there is no other that could have them.
func (r *registry) ebbing() bool {
	return r.draining && (r.cluster == nil || len(r.cluster.nodes) == 0)
}

// sendAway has peers come to other nodes, some each time, unless that is undone meanwhile.
func (r *registry) sendAway(left []*conn, every time.Duration) {
	n := (len(left) + drainSteps - 1) / drainSteps
	var step func()
	step = func() {
		if !r.turnsAway() {
			return
		}
		now := min(n, len(left))
		for _, c := range left[:now] {
			c.restart()
		}
		if left = left[now:]; len(left) > 0 {
			r.after(every, step)
		}
	}
	step()
}
