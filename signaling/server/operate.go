package server

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

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

// EdgeNames are the names that edges have given themselves, at whichever node they are, as far as they are known and have any.
func (s *Server) EdgeNames(ids []signaling.EdgeID) map[signaling.EdgeID]string {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	names := make(map[signaling.EdgeID]string)
	for _, id := range ids {
		if name := s.registry.nameOf(id); name != "" {
			names[id] = name
		}
	}
	return names
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

// Acts is a page of the audit log, or ErrNoStore.
func (s *Server) Acts(ctx context.Context, q store.ActQuery) ([]store.Act, error) {
	if s.config.Records == nil {
		return nil, ErrNoStore
	}
	return s.config.Records.Acts(ctx, q)
}
