package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"nearlight/internal/identity"
	"nearlight/internal/store"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

// What an operator may ask of a server (package admin). Whatever is done is in the audit log, if there is one, before it is done: the store's, and the
// log's lines.

// Reasons for which what an operator asks is refused.
var (
	ErrUnknown  = errors.New("signaling/server: there is no such thing here")
	ErrNoStore  = errors.New("signaling/server: nothing is kept here (--database)")
	ErrBadOrder = errors.New("signaling/server: not an order")
	ErrSilent   = errors.New("signaling/server: the node does not answer")
)

// maxAuditedReason bounds what an operator gives as a reason, in octets.
const maxAuditedReason = 400

// Edges is a page of the edges of all nodes, by their ids, and whether more follow.
func (s *Server) Edges(q EdgeQuery) (page []EdgeView, more bool) {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	return s.registry.edgeViews(q)
}

// Edge is one edge with its sessions, or ErrUnknown. Without an answer of its node the sessions are left out.
func (s *Server) Edge(ctx context.Context, id signaling.EdgeID) (EdgeView, error) {
	s.registry.mu.Lock()
	v, ok := s.registry.viewOf(id)
	s.registry.mu.Unlock()
	if !ok {
		return v, ErrUnknown
	}
	t, err := s.askNode(ctx, v.Node, ask{Sessions: &SessionQuery{Edge: id}})
	if err != nil {
		s.log.Warn("an edge's sessions are not known", "edge", id, "error", err)
	}
	v.Sessions = t.Sessions
	return v, nil
}

// Sessions is a page of the sessions of all nodes, by their ids, whether more follow, and which nodes have not answered.
func (s *Server) Sessions(ctx context.Context, q SessionQuery) (page []SessionView, more bool, silent []string) {
	answers, silent := s.askAll(ctx, ask{Sessions: &q})
	page = []SessionView{}
	for _, t := range answers {
		page = append(page, t.Sessions...)
		more = more || t.More
	}
	slices.SortFunc(page, func(a, b SessionView) int { return cmp.Compare(a.ID, b.ID) })
	if limit := pageSize(q.Limit); len(page) > limit {
		page, more = page[:limit], true
	}
	return page, more, silent
}

// KeptSession is what the store has of a session.
type KeptSession struct {
	Begun   time.Time      `json:"begun"`
	Ended   *time.Time     `json:"ended,omitempty"` // nil while it runs
	App     string         `json:"app"`
	Edge    string         `json:"edge"`
	Key     string         `json:"key,omitempty"`
	Code    signaling.Code `json:"code,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	Played  int64          `json:"played"`  // seconds of its player
	Watched int64          `json:"watched"` // seconds of all who looked on
	Quality *store.Quality `json:"quality,omitempty"`
}

// Session is one session as it runs, nil for one that does not, and as it is kept, nil where it is not. ErrUnknown where it is neither.
func (s *Server) Session(ctx context.Context, id signaling.SessionID) (*SessionView, *KeptSession, error) {
	kept, err := s.keptSession(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	t, err := s.askHome(ctx, sessionAsk{ID: id})
	if err != nil && !errors.Is(err, ErrUnknown) {
		return nil, nil, err
	}
	if len(t.Sessions) > 0 {
		return &t.Sessions[0], kept, nil
	}
	if kept == nil {
		return nil, nil, ErrUnknown
	}
	return nil, kept, nil
}

func (s *Server) keptSession(ctx context.Context, id signaling.SessionID) (*KeptSession, error) {
	if s.config.Records == nil {
		return nil, nil
	}
	one, seats, err := s.config.Records.Session(ctx, id)
	if errors.Is(err, store.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept := &KeptSession{
		Begun: one.Begun.UTC(), App: one.App, Edge: string(one.Edge), Key: one.Account, Code: one.Code, Reason: one.Reason, Quality: one.Quality,
	}
	if !one.Ended.IsZero() {
		ended := one.Ended.UTC()
		kept.Ended = &ended
	}
	for _, seat := range seats {
		if seat.Part == store.Playing {
			kept.Played += seat.Seconds()
		} else {
			kept.Watched += seat.Seconds()
		}
	}
	return kept, nil
}

// askHome asks the node that a session is at, ErrUnknown where nobody knows of its edge, or that node not of the session.
func (s *Server) askHome(ctx context.Context, a sessionAsk) (t told, err error) {
	of, ok := edgeOf(a.ID)
	if !ok {
		return t, ErrUnknown
	}
	s.registry.mu.Lock()
	v, known := s.registry.viewOf(of)
	s.registry.mu.Unlock()
	if !known {
		return t, ErrUnknown
	}
	t, err = s.askNode(ctx, v.Node, ask{Session: &a})
	switch {
	case err != nil:
		return t, fmt.Errorf("%w: %w", ErrSilent, err)
	case len(t.Sessions) == 0:
		return t, ErrUnknown
	}
	return t, nil
}

// EndSession ends a session for a reason that its player reads.
func (s *Server) EndSession(ctx context.Context, by string, id signaling.SessionID, reason string) error {
	if _, err := s.askHome(ctx, sessionAsk{ID: id}); err != nil {
		return err
	}
	of, _ := edgeOf(id)
	if err := s.audit(ctx, store.Act{Kind: store.SessionEnded, Actor: by, Session: id, Edge: of, Detail: reason}); err != nil {
		return err
	}
	_, err := s.askHome(ctx, sessionAsk{ID: id, End: signaling.Cut(cmp.Or(reason, "no reason was given"), maxAuditedReason)})
	return err
}

// ExplainSession says why a session is at its edge, and not at those named: by what it was picked, where the node that did still knows, else by how its
// request would fare now.
func (s *Server) ExplainSession(ctx context.Context, id signaling.SessionID, named []signaling.EdgeID) (v SessionView, why json.RawMessage, now bool, err error) {
	t, err := s.askHome(ctx, sessionAsk{ID: id, Explain: true, Named: named})
	if err != nil {
		return v, nil, false, err
	}
	answers, _ := s.askAll(ctx, ask{Decided: &sessionAsk{ID: id, Named: named}})
	for _, a := range answers {
		if len(a.Explanation) > 0 {
			return t.Sessions[0], a.Explanation, false, nil
		}
	}
	return t.Sessions[0], t.Explanation, true, nil
}

// ExplainRequest says which edges would do for a request now, and what is with those named.
func (s *Server) ExplainRequest(request match.Request, named []signaling.EdgeID) match.Explanation {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	return s.registry.explained(request, "", named)
}

// Cluster is this node and those that it hears.
func (s *Server) Cluster() ClusterView {
	v := ClusterView{Connected: s.config.Bus == nil || s.config.Bus.Connected(), Kept: s.config.Records != nil, Ready: s.ready()}
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	v.Nodes = s.registry.nodeViews()
	return v
}

// Queue is who waits in line at any node, the longest first, and which nodes have not answered.
func (s *Server) Queue(ctx context.Context) (waiting []WaitingView, silent []string) {
	answers, silent := s.askAll(ctx, ask{Queue: true})
	waiting = []WaitingView{}
	for _, t := range answers {
		waiting = append(waiting, t.Queue...)
	}
	slices.SortStableFunc(waiting, func(a, b WaitingView) int { return a.Since.Compare(b.Since) })
	return waiting, silent
}

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

// audit keeps an act, and says it in the log.
func (s *Server) audit(ctx context.Context, act store.Act) error {
	act.ID, act.At = "act-"+rand.Text(), s.config.Now()
	act.Detail = signaling.Cut(act.Detail, 1024)
	s.log.Info("an operator acts", "act", act.Kind, "by", act.Actor, "session", act.Session, "edge", act.Edge, "detail", act.Detail)
	if s.config.Records == nil {
		return nil
	}
	return s.config.Records.Write(ctx, act)
}

// Acts is the audit log after a place, oldest first, store.MaxPage at most, or ErrNoStore.
func (s *Server) Acts(ctx context.Context, after store.Page) ([]store.Act, error) {
	if s.config.Records == nil {
		return nil, ErrNoStore
	}
	return s.config.Records.Acts(ctx, after)
}
