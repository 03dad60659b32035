package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

// What an operator may ask of sessions, at whichever node they are.

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
